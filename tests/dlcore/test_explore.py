"""Explorers without a browser: the state is right, and every control changes the picture."""

from __future__ import annotations

import asyncio
import math
import operator
from collections.abc import Callable

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as settings_of_a_test
from hypothesis import strategies as st
from matplotlib.figure import Figure
from threadpoolctl import threadpool_info, threadpool_limits

from dlcore import explore, losses, objective, optim, tensor
from dlcore.explore import (
    _activations,
    _attention,
    _convolution,
    _duel,
    _fitting,
    _gates,
    _graph,
    _latent,
    _losses,
    _neuron,
    _optimizers,
    _playground,
    _shapes,
    _unrolled,
    _walk,
)
from dlcore.explore._pace import when_free
from dlcore.explore._slider import FloatSlider
from dlcore.explore._stage import Picture, Stage
from dlcore.value import Value


def controls(root: widgets.Widget) -> list[widgets.Widget]:
    found, stack = [], [root]
    while stack:
        widget = stack.pop()
        stack += getattr(widget, "children", ())
        found.append(widget)
    return found


@pytest.mark.parametrize("name", explore.EXPLORERS)
def test_every_control_changes_the_picture_and_the_image_stays_the_same_widget(name):
    root = explore.EXPLORERS[name]()
    everything = controls(root)
    (image,) = [w for w in everything if isinstance(w, Picture)]
    assert len(image.tooltip) > 40
    seen = 0
    for control in everything:
        before = image.value
        if getattr(control, "disabled", False):  # and it says so to its user
            continue
        if isinstance(control, widgets.FloatSlider | widgets.IntSlider):
            up = control.value + 5 * control.step <= control.max
            down = control.value - 5 * control.step >= control.min
            far = max(control.min, control.max, key=lambda end: abs(end - control.value))
            control.value = control.value + (5 if up else -5) * control.step if up or down else far
        elif isinstance(control, widgets.FloatText):
            control.value += control.step
        elif isinstance(control, widgets.FloatLogSlider):
            control.value *= 2
        elif getattr(control, "description", "") == "text":  # any text will do, unlike a formula
            control.value += "s"
        elif isinstance(control, widgets.Dropdown | widgets.ToggleButtons):
            control.index = (control.index + 1) % len(control.options)
        elif isinstance(control, widgets.Button):
            control.click()
        else:
            continue
        seen += 1
        assert image.value != before, control.description
        assert image.value[:3] == b"\xff\xd8\xff"  # JPEG
    assert seen >= 5


def test_an_explorer_multiplies_in_one_thread_and_leaves_the_learner_theirs():
    def threads() -> set[int]:
        return {x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"}

    class View:
        stage = Stage(Figure(), [], "a picture of nothing")

        @when_free
        def show(self) -> None:
            assert threads() == {1}
            self.shown = True

    with threadpool_limits(2, "blas"):
        view = View()
        view.show()
        assert view.shown and threads() == {2}


@pytest.mark.parametrize("name", explore.EXPLORERS)
def test_a_kernel_answers_first_and_draws_once_for_all_that_has_changed(name):
    def opened() -> tuple[Picture, Callable[[], None]]:
        everything = controls(explore.EXPLORERS[name]())
        (image,) = [w for w in everything if isinstance(w, Picture)]
        slider = next(
            w
            for w in everything
            if isinstance(w, widgets.FloatSlider | widgets.IntSlider) and not w.disabled
        )
        start = slider.value
        far = max(slider.min, slider.max, key=lambda end: abs(end - start))

        def drag() -> None:
            for k in (1, 2, 3):
                slider.value = type(start)(start + (far - start) * k / 3)

        return image, drag

    async def in_a_kernel() -> list[bytes]:
        image, drag = opened()
        pictures = [image.value]  # the first is there at once
        image.observe(lambda change: pictures.append(change["new"]), "value")
        await settled(pictures)
        pictures[:-1] = []
        drag()
        assert len(pictures) == 1
        await settled(pictures)
        return pictures

    async def settled(pictures: list[bytes]) -> None:
        seen = -1
        while seen != len(pictures):
            seen = len(pictures)
            await asyncio.sleep(0.2)

    first, *pictures = asyncio.run(in_a_kernel())
    assert len(pictures) == 1 or name == "duel"  # which plays on
    image, drag = opened()
    assert image.value == first
    drag()
    assert image.value == pictures[-1]


def test_a_picture_that_never_came_holds_up_no_other():
    """The page was closed, and its loop with it."""
    view = _fitting._View()

    async def hand(weights: int, wait: float) -> None:
        view.weights.value = weights
        await asyncio.sleep(wait)

    before = view.stage.image.value
    asyncio.run(hand(4, 0))
    assert view.stage.image.value == before
    asyncio.run(hand(5, 0.1))
    assert view.stage.image.value != before


@given(
    low=st.integers(-20, 0), steps=st.integers(1, 300), step=st.sampled_from([0.02, 0.05, 0.1, 1]),
    share=st.floats(-0.1, 1.1),
)  # fmt: skip
def test_a_float_slider_stands_on_a_step_and_stays_there(low, steps, step, share):
    slider = FloatSlider(low, min=low, max=low + steps * step, step=step)
    wanted = low + share * steps * step
    slider.value = wanted
    there = slider.value
    assert slider.min <= there <= slider.max
    if 0 <= share <= 1:
        assert abs(there - wanted) <= step * 0.5001
    assert (there - low) / step == pytest.approx(round((there - low) / step), abs=1e-6)
    slider.value = there
    assert slider.value == there


@pytest.mark.parametrize("name", explore.EXPLORERS)
def test_an_animation_shows_fifteen_pictures_a_second(name):
    for play in (c for c in controls(getattr(explore, name)()) if isinstance(c, widgets.Play)):
        assert play.interval <= 1000 / 15


@pytest.mark.parametrize("name", explore.EXPLORERS)
def test_the_same_controls_give_the_same_picture(name):
    pictures = [
        next(w for w in controls(explore.EXPLORERS[name]()) if isinstance(w, Picture)).value
        for _ in range(2)
    ]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("name", "place", "control"),
    [
        ("neuron", (0.3, 0.3), "b"),
        ("activations", (0.2, 0.5), "x"),
        ("losses", (0.1, 0.5), "prediction"),
        ("losses", (0.5, 0.5), "score"),
        ("shapes", (0.03, 0.78), "its entry"),
        ("optimizers", (0.3, 0.3), "start y"),
        ("convolution", (0.1, 0.55), "row"),
        ("convolution", (0.8, 0.2), "column"),
        ("unrolled", (0.3, 0.3), "back from"),
        ("gates", (0.3, 0.3), "time"),
        ("attention", (0.6, 0.3), "query, x"),
        ("latent", (0.3, 0.3), "second"),
        ("walk", (0.3, 0.3), "second"),
    ],
)
def test_the_picture_can_be_dragged(name, place, control):
    root = explore.EXPLORERS[name]()
    (image,) = [w for w in controls(root) if isinstance(w, Picture)]
    (slider,) = [w for w in controls(root) if getattr(w, "description", "") == control]
    before = slider.value, image.value
    image.at = list(place)
    assert slider.value != before[0] and image.value != before[1]
    image.at = [0.999, 0.999]  # beside everything: nothing happens
    assert slider.value != before[0]


@given(
    words=st.sampled_from(["0.25 × −1", "slope 3", "two\nlines", "$10^{-3}$", " "]),
    place=st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1)),
    ha=st.sampled_from(["left", "center", "right"]),
    va=st.sampled_from(["center", "top", "baseline"]),
    color=st.sampled_from(["black", "#D55E00", "0.7"]),
    alpha=st.sampled_from([None, 0.35]),
    boxed=st.booleans(),
    rotation=st.sampled_from([0, 45]),
)
def test_a_text_that_is_put_back_looks_as_if_it_were_drawn(
    words, place, ha, va, color, alpha, boxed, rotation
):
    figure = Figure(figsize=(3, 2))
    figure.add_axes((0, 0, 1, 1)).imshow(np.eye(4))
    stage = Stage(figure, [], "words")
    stage.update()
    place = tuple(np.floor(np.multiply(place, stage.canvas.get_width_height())))  # whole pixels
    box = {"bbox": {"boxstyle": "round", "fc": "white", "ec": "0.4"}} if boxed else {}
    style = {"ha": ha, "va": va, "color": color, "alpha": alpha, "rotation": rotation, **box}
    text = figure.text(*place, words, transform=None, **style)
    below = np.asarray(stage.canvas.buffer_rgba()).copy()
    looks = {"ha": "right", "va": "bottom", "color": "white", "alpha": 0.9, "rotation": 90}
    looks |= {"size": 20, "weight": "bold", "bbox": {"boxstyle": "round", "fc": "red"}}
    for what, how in looks.items():  # the same words, of which one thing looks otherwise
        stage.moving = [figure.text(150, 100, words, transform=None, **style | {what: how})]
        stage.update()
    stage.moving = [text]
    for _ in range(2):  # as it is first drawn, and as it is put back
        stage.update()
        found = np.asarray(stage.canvas.buffer_rgba()).astype(int)
        stage.canvas.restore_region(stage._still)
        text.draw(stage.canvas.get_renderer())
        wanted = np.asarray(stage.canvas.buffer_rgba()).astype(int)
        assert np.abs(found - wanted)[..., :3].max() <= 2
    if 20 < place[0] < 280 and 20 < place[1] < 180 and words != " ":
        assert (wanted != below).any()


def test_a_drag_is_told_in_the_coordinates_of_the_axes():
    """Pictures count from the upper left corner, axes from the lower left of their own box."""
    figure = Figure(figsize=(4, 2))
    axes = figure.add_axes((0.1, 0.2, 0.8, 0.4))
    axes.set(xlim=(0, 10), ylim=(-1, 1))
    stage, told = Stage(figure, [], "a box"), []
    stage.on_drag(axes, lambda x, y: told.append((x, y)))
    stage.update()
    stage.image.at = [
        0.3,
        0.5,
    ]  # a quarter of the box from its left, three quarters from its bottom
    stage.image.at = [0.3, 0.3]  # above the box
    stage.image.at = [0.95, 0.5]  # to the right of it
    assert stage.image.answers and told == [pytest.approx((2.5, 0.5))]


@given(angle=st.floats(-179, 179), distance=st.floats(-3, 3), steepness=st.floats(0.1, 5))
def test_line_and_weights_are_two_views_of_one_thing(angle, distance, steepness):
    w, b = _neuron.weights_of(angle, distance, steepness)
    back_angle, back_distance = _neuron.line_of(w, b)
    assert math.isclose(back_angle, angle, abs_tol=1e-6)
    assert math.isclose(back_distance, distance, abs_tol=1e-9)


def test_neuron_state_counts_mistakes():
    x, y = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([1, 0])
    assert _neuron.state(x, y, np.array([1.0, 0.0]), 0.0).mistakes == 0
    assert _neuron.state(x, y, np.array([-1.0, 0.0]), 0.0).mistakes == 2


def test_the_learn_button_separates_two_clouds():
    root = explore.neuron()
    (button,) = [w for w in controls(root) if isinstance(w, widgets.Button)]
    said = next(w for w in controls(root) if isinstance(w, widgets.HTML))
    for _ in range(60):
        button.click()
    assert "40 of 40" in said.value


def test_stack_shows_what_the_lesson_says():
    sigmoid = _activations.state("sigmoid", 0.0, 20, 1.0, 0.0)
    assert sigmoid.slope == 0.25
    assert sigmoid.backward[0] < 1e-9 * sigmoid.backward[-1]
    relu = _activations.state("ReLU", 1.0, 20, math.sqrt(2), 0.0)
    assert 0.2 < relu.forward[-1] / relu.forward[0] < 5
    dead = _activations.state("ReLU", 1.0, 5, 1.0, -3.0)
    assert dead.dead[-1] == 1.0 and dead.backward[0] == 0
    leaky = _activations.state("leaky ReLU", 1.0, 5, 1.0, -3.0)
    assert leaky.backward[0] > 0


@given(x=st.floats(-4, 4), target=st.floats(-4, 4), delta=st.floats(0.1, 3))
def test_losses_of_a_number_are_the_librarys(x, target, delta):
    found = _losses.regression(np.array([x]), target, delta)
    for name, loss in (
        ("squared", losses.mse_loss),
        ("absolute", losses.l1_loss),
        ("Huber", lambda a, t: losses.huber_loss(a, t, delta=delta)),
    ):
        leaf = tensor(np.array([x]), requires_grad=True)
        value = loss(leaf, np.array([target]))
        value.backward()
        np.testing.assert_allclose(found[name].loss, value.data, atol=1e-12)
        np.testing.assert_allclose(found[name].slope, leaf.grad.data, atol=1e-12)


@given(score=st.floats(-8, 8), yes=st.booleans())
def test_losses_of_a_yes_or_no_have_the_slopes_that_are_measured(score, yes):
    h = 1e-6
    at = _losses.binary(np.array([score]), yes)
    low, high = (_losses.binary(np.array([score + d]), yes) for d in (-h, h))
    for name in at:
        measured = (high[name].loss - low[name].loss) / (2 * h)
        np.testing.assert_allclose(at[name].slope, measured, atol=1e-8)


@given(scores=st.tuples(*[st.floats(-6, 6)] * 3), right=st.integers(0, 2))
def test_slopes_of_a_choice_add_up_to_nothing(scores, right):
    found = _losses.choice(np.array(scores), right)
    assert abs(found.gradient.sum()) < 1e-12 and found.gradient[right] < 0
    assert math.isclose(found.loss, -math.log(found.p[right]), rel_tol=1e-9, abs_tol=1e-12)


numbers = st.floats(-3, 3).map(lambda x: round(x, 1) or 0.5)


@given(
    formula=st.sampled_from(_graph.FORMULAS),
    a=numbers,
    b=numbers,
    c=numbers,
    step=st.integers(0, 30),
)
def test_a_graphs_steps_lead_to_the_gradients(formula, a, b, c, step):
    leaves = {"a": a, "b": b, "c": c}
    now, end = (_graph.state(formula, leaves, s) for s in (step, 99))
    _graph.parse(formula, leaves).backward()
    values = {name: Value(x) for name, x in leaves.items()}
    functions = {name: operator.methodcaller(name) for name in ("exp", "tanh", "relu")}
    result = eval(formula, functions, values)
    result.backward()
    assert end.data[-1] == pytest.approx(result.data)
    for label, grad in zip(end.labels, end.grads, strict=True):
        if label in leaves:
            assert grad == pytest.approx(values[label].grad, abs=1e-9)
    assert end.known.all() and end.passed.all()
    assert set(np.flatnonzero(now.passed)) <= set(np.flatnonzero(end.passed))
    assert len({tuple(place) for place in now.places}) == len(
        now.labels
    )  # no two boxes in one place
    assert (
        now.places[now.arrows[:, 0], 0] < now.places[now.arrows[:, 1], 0]
    ).all()  # left to right


@pytest.mark.parametrize(
    "formula",
    ["a +", "d * a", "__import__('os')", "a.b", "exp(a", "a ** b", "7", "1 / (a - a)", "exp(exp(exp(a * a)))",
     "a" + " + a" * 40, "lambda: a", "[a]", "", "exp(a, b)", "log(a - a)"],
)  # fmt: skip
def test_a_formula_that_cannot_be_drawn_is_refused_in_words(formula):
    with pytest.raises(ValueError, match=r"[a-z]{2}"):
        _graph.state(formula, {"a": 3.0, "b": 1.0, "c": 1.0}, 0)


def test_a_bad_formula_leaves_the_picture_and_says_why():
    view = _graph._View()
    picture = view.stage.image.value
    view.formula.value = "a +"
    assert view.stage.image.value == picture and "Python" in view.said.value
    view.formula.value = "a <b"
    assert "a &lt;b" in view.said.value
    view.formula.value = "a * b * c + 1"
    assert view.stage.image.value != picture and "step" in view.said.value


def test_the_browsers_rounding_is_not_taken_for_a_hand():
    """A browser sends a value back as it counts it, a little beside; from a shared page, one that it has rounded."""
    view = _neuron._View()
    view.angle.value = 37.0
    weights, picture = view.weights, view.stage.image.value
    for _ in range(3):
        for slider in (view.w1, view.w2, view.b, view.angle, view.distance):
            slider.value = round(slider.value / slider.step) * slider.step + 1e-13
    np.testing.assert_array_equal(view.weights, weights)
    assert view.stage.image.value == picture
    assert abs(_neuron.line_of(view.weights, view.bias)[0] - 37.0) < 1e-9
    view.w1.value += view.w1.step  # one step is a hand
    assert view.stage.image.value != picture


SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@given(
    operation=st.sampled_from(_shapes.OPERATIONS),
    a=SHAPES,
    b=SHAPES,
    who=st.sampled_from("AB"),
    data=st.data(),
)
def test_an_entry_is_shown_where_numpy_uses_it(operation, a, b, who, data):
    """Change one entry: what changes in the result is lit, by the weights that are shown."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(1, 2, a), rng.uniform(1, 2, b)
    combine = operator.add if operation == "A + B" else operator.matmul
    mine = x if who == "A" else y
    entry = data.draw(st.integers(0, mine.size - 1))
    found = _shapes.state(operation, a, b, who, entry)
    try:
        before = combine(x, y)
    except ValueError:
        assert found.shape is None and found.problem
        return
    if combine is operator.matmul and min(len(a), len(b)) < 2:
        assert found.problem  # NumPy takes single axes, the lesson does not
        return
    assert found.shape == before.shape and not found.problem
    mine.flat[entry] += 1
    np.testing.assert_array_equal(found.lit, combine(x, y) != before)
    if combine is operator.add:
        assert not found.weights.any()
        for name, shape in (("A", a), ("B", b)):
            g = rng.standard_normal(before.shape).sum(axis=found.summed[name], keepdims=True)
            assert g.size == math.prod(shape)
    else:  # only those weights matter: without the others the change is the same
        change = combine(x, y) - before
        (y if who == "A" else x)[~found.weights] = 0
        after = combine(x, y)
        mine.flat[entry] -= 1
        np.testing.assert_allclose(after - combine(x, y), change)


@pytest.mark.parametrize("name", _optimizers.SURFACES)
def test_surfaces_have_the_slopes_that_are_measured(name):
    surface = _optimizers.SURFACES[name]
    points, h = np.random.default_rng(0).uniform(-3, 3, (50, 2)), 1e-6
    measured = np.stack(
        [(surface.loss(points + e) - surface.loss(points - e)) / (2 * h) for e in h * np.eye(2)],
        axis=-1,
    )
    np.testing.assert_allclose(surface.gradient(points), measured, rtol=1e-5, atol=1e-6)
    assert (surface.loss(points) >= surface.lowest).all()


@pytest.mark.parametrize("name", _optimizers.SURFACES)
def test_the_racers_are_the_librarys_optimizers(name):
    surface, start = _optimizers.SURFACES[name], (1.5, -0.7)
    ways = _optimizers.state(name, start, 0.02, 0.8)
    makers = {
        "SGD": lambda p: optim.SGD(p, lr=0.02),
        "momentum": lambda p: optim.SGD(p, lr=0.02, momentum=0.8),
        "RMSprop": lambda p: optim.RMSprop(p, lr=0.02, alpha=0.9),
        "Adam": lambda p: optim.Adam(p, lr=0.02),
    }
    for k, racer in enumerate(_optimizers.RACERS):
        p = tensor(np.array(start), requires_grad=True)
        optimizer = makers[racer]([p])
        for t in range(_optimizers.STEPS):
            np.testing.assert_allclose(ways[k, t], p.data, rtol=1e-9, atol=1e-11)
            p.grad = tensor(surface.gradient(p.data))
            optimizer.step()


def test_what_the_lesson_says_of_the_race():
    lost = np.isnan(_optimizers.state("ravine", (-3.5, 1.0), 0.13, 0.9)[:, -1, 0])
    assert lost.tolist() == [True, False, False, False]  # beyond 2 / 20, within 2 (1 + 0.9) / 20
    ridge = _optimizers.state("saddle", (3.0, 0.0), 0.1, 0.9)
    assert (ridge[..., 1] == 0).all()
    assert (np.abs(_optimizers.state("saddle", (3.0, 0.1), 0.1, 0.9)[:, -1, 1]) > 1.5).all()


settings = st.builds(
    _playground.Settings,
    points=st.sampled_from(list(_playground.POINTS)),
    noise=st.floats(0, 1),
    layers=st.integers(0, 3),
    units=st.integers(1, 8),
    activation=st.sampled_from(list(_playground.BENDS)),
    rate=st.floats(1e-4, 0.1),
    decay=st.floats(1e-4, 1),
    seed=st.integers(0, 20),
)


@given(chosen=settings)
def test_the_playground_walks_down_its_own_slope(chosen):
    """Its gradients are the slope that the loss has, in a random direction."""
    run = _playground.Run(chosen)
    params = [p + 0.01 for p in run.networks[0]]  # off the kinks where ReLU's outputs are all 0
    x, t = run.known.x[::7], run.known.y[::7]
    rng = np.random.default_rng(1)
    direction = [rng.standard_normal(p.shape) for p in params]

    def loss(step):
        moved = [p + step * d for p, d in zip(params, direction, strict=True)]
        scores = run.outputs(x, moved)[-1]
        return float(objective.cross_entropy(scores, t))

    eps = 1e-6
    measured = (loss(eps) - loss(-eps)) / (2 * eps)
    grads = run._gradients(params, x, t)
    found = sum(np.vdot(g, d) for g, d in zip(grads, direction, strict=True))
    assert math.isclose(found, measured, rel_tol=1e-3, abs_tol=1e-4)


def test_the_playground_learns_and_remembers_its_way():
    chosen = _playground.Settings(points="spirals", units=8, noise=0.0, rate=0.05)
    far = _playground.state(chosen, 400)
    assert far.right[0, -1] > 0.95 and far.losses[0, -1] < far.losses[0, 0] / 5
    assert far.plane.shape == (_playground.GRID,) * 2 and len(far.maps) == 2
    near = _playground.state(chosen, 30)  # a look back does not change what comes
    again = _playground.Run(chosen)
    again.until(30)
    for a, b in zip(again.networks[30], _playground._run(chosen).networks[30], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(near.losses, far.losses[:, :31])


def test_what_the_lesson_says_of_the_playground():
    def right(**chosen):
        return [
            _playground.state(_playground.Settings(seed=seed, **chosen), 400).right[0, -1]
            for seed in range(4)
        ]

    xor = right(points="xor", layers=1, units=2, rate=0.05)
    assert min(xor) < 0.8 and max(xor) > 0.95  # two units: stuck, or not
    spirals = {"points": "spirals", "noise": 0.1, "rate": 0.05}
    assert max(right(layers=1, units=4, **spirals)) < 0.9
    assert min(right(layers=2, units=8, **spirals)) > 0.97
    large = {"points": "moons", "noise": 0.6, "layers": 3, "units": 8, "activation": "ReLU"}
    free, held = (
        _playground.state(_playground.Settings(decay=decay, **large), 400) for decay in (1e-4, 0.5)
    )
    assert held.losses[1, -1] < free.losses[1, -1] and held.losses[0, -1] > free.losses[0, -1]


@pytest.mark.parametrize("kind", _fitting.KINDS)
def test_fits_are_least_squares_and_new_points_show_two_descents(kind):
    chosen = _fitting.Settings(kind=kind)
    now = _fitting.state(chosen)
    rows = _fitting.features(kind, now.x)[:, : chosen.weights]
    w = np.linalg.lstsq(rows, now.y)[0]
    curve = _fitting.features(kind, _fitting.AXIS)[:, : chosen.weights] @ w
    np.testing.assert_allclose(now.curve, curve, atol=1e-4)
    assert now.errors[0, chosen.weights - 1] == pytest.approx(np.mean((rows @ w - now.y) ** 2))
    assert (np.diff(now.errors[0]) < 1e-4).all()  # one more weight never fits worse
    assert now.errors[0, chosen.points :].max() < 1e-4  # by heart


def test_what_is_true_of_the_fit_with_as_many_weights_as_points():
    """The error on new points falls, peaks there, and falls again below its first minimum; a penalty takes the peak."""
    for seed in (1, 2, 3):
        new = _fitting.state(_fitting.Settings(seed=seed)).errors[1]
        held = _fitting.state(_fitting.Settings(seed=seed, l2=1e-3)).errors[1]
        assert new[14] > 100 * new[:10].min() and new[14] > 100 * new[-1]
        assert held.max() < 3 and held[-1] < 1.5 * held.min()
    assert (
        _fitting.state(_fitting.Settings()).errors[1, -1]
        < _fitting.state(_fitting.Settings()).errors[1, :10].min()
    )


def test_without_noise_the_curve_goes_wild_about_nothing():
    """What the lesson's second challenge finds: the peak is the noise's."""
    new = _fitting.state(_fitting.Settings(noise=0.0)).errors[1]
    noisy = _fitting.state(_fitting.Settings()).errors[1]
    assert new[14] < 1e-4 * noisy[14] and new[14] < new[:10].min()


def test_one_point_moves_the_far_end_where_weights_are_as_many_as_points():
    """The first challenge: each point in the middle, dragged by 0.2, and the curve at its ends."""

    def moved(**chosen):
        before = _fitting.state(_fitting.Settings(**chosen))
        for number in (6, 7, 8):
            drag = ((number, before.y[number] + 0.2),)
            after = _fitting.state(_fitting.Settings(**chosen, moved=drag))
            way = np.abs(after.curve - before.curve)
            yield max(way[:30].max(), way[-30:].max())

    assert min(moved(weights=15)) > 100
    assert max(moved(weights=60)) < 0.02
    assert max(moved(weights=15, l2=1e-3)) < 0.5


def test_the_nearest_point_goes_where_it_is_dragged():
    view = _fitting._View()
    before, y = view.stage.image.value, view.now.y.copy()
    view._drag(float(view.now.x[4]) + 0.01, 2.0)
    assert view.now.y[4] == 2.0 and view.stage.image.value != before
    np.testing.assert_array_equal(np.delete(view.now.y, 4), np.delete(y, 4))
    view.seed.value += 1  # other points: nothing is moved any more
    assert not view.moved and 2.0 not in view.now.y


pictures = st.sampled_from(sorted(_convolution._pictures()))


@given(
    name=pictures,
    kernel=st.sampled_from(sorted(_convolution.KERNELS)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 3),
    where=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_map_is_pytorchs_and_the_window_adds_up_to_its_number(
    name, kernel, stride, padding, dilation, where
):
    picture, weights = _convolution._pictures()[name], np.array(_convolution.KERNELS[kernel], float)
    x, w = (torch.tensor(a[None, None]) for a in (picture, weights))
    y = torch.nn.functional.conv2d(x, w, stride=stride, padding=padding, dilation=dilation)[0, 0]
    place = tuple(int(share * (side - 1)) for share, side in zip(where, y.shape, strict=True))
    now = _convolution.state(picture, weights, stride, padding, dilation, place)
    np.testing.assert_allclose(now.y, y, atol=1e-12)
    assert now.products.sum() == pytest.approx(float(y[place]), abs=1e-12)
    assert len(y) == _convolution.places(8, stride, padding, dilation)


def test_weights_are_typed_and_pictures_drawn():
    view = _convolution._View()
    view.weights[4].value = 7.0
    assert view.kernel.value == _convolution.OWN and view._matrix()[1, 1] == 7.0
    view.kernel.value = "blur"
    assert view.weights[4].value == pytest.approx(1 / 9, abs=1e-3) and view._matrix().sum() == 1
    view.picture.value = "empty"
    assert view.ink.sum() == 0
    place = (
        (_convolution.LEFT + 60) / _convolution.WIDTH,
        (_convolution.TOP + 60) / _convolution.HEIGHT,
    )
    view.pointer.value = "ink"
    view.stage.image.at = list(place)
    assert view.ink[2, 2] == view.ink.sum() == 1
    view.pointer.value = "eraser"
    view.stage.image.at = [place[0] + 1e-4, place[1]]
    assert view.ink.sum() == 0
    view.picture.value = "dot"
    assert view.ink.sum() == 1


def test_what_the_lesson_asks_of_the_convolution_explorer():
    """An edge kernel adds up to 0; two geometries give 4 by 4; dilation 2 does not see stripes."""
    edges = np.array(_convolution.KERNELS["edges, left to right"], float)
    shown = _convolution._pictures()
    y = _convolution.state(shown["square"], edges).y
    assert edges.sum() == 0 and (y[:, :2] > 0).all() and y[:, 2:4].max() <= 0
    fitting = [(s, p) for s in (1, 2, 3) for p in (0, 1, 2) if _convolution.places(8, s, p, 1) == 4]
    assert fitting == [(2, 1), (3, 2)]
    blur = np.full((3, 3), 1 / 9)
    near, far = (_convolution.state(shown["stripes"], blur, dilation=d).y for d in (1, 2))
    assert np.ptp(near) < 0.34 and np.ptp(far) == pytest.approx(1)


@given(
    text=st.text(max_size=8),
    radius=st.floats(0, 2),
    strength=st.floats(0, 3),
    share=st.floats(0, 1),
    orthogonal=st.booleans(),
)
def test_what_arrives_is_pytorchs_gradient(text, radius, strength, share, orthogonal):
    """Checked by autograd: from each state the network reads on to the last as a graph."""
    at = int(share * len(text))
    now = _unrolled.state(text, radius, strength, at, orthogonal)
    assert now.states.shape == (len(text) + 1, _unrolled.UNITS) and now.arrives.shape == (at + 1,)
    assert not now.states[0].any() and now.arrives[-1] == pytest.approx(1)
    if not text:
        return
    rng = np.random.default_rng(3)
    mixing, letters = (rng.standard_normal((n, _unrolled.UNITS)) for n in (_unrolled.UNITS, 64))
    g = torch.tensor(rng.standard_normal(_unrolled.UNITS))
    mixing = np.linalg.qr(mixing)[0] if orthogonal else mixing
    w = torch.tensor(mixing * radius / np.abs(np.linalg.eigvals(mixing)).max())
    h = start = torch.zeros(_unrolled.UNITS, dtype=torch.float64, requires_grad=True)
    for letter, expected in zip(text[:at], now.states[1:], strict=False):
        x = torch.tensor(letters[ord(letter) % 64]) * strength / _unrolled.UNITS**0.5
        h = torch.tanh(x + w @ h)
        np.testing.assert_allclose(h.detach(), expected, atol=1e-10)
    (h @ g / g.norm()).backward()
    assert now.arrives[0] == pytest.approx(float(start.grad.norm()), rel=1e-6, abs=1e-12)


def test_a_text_is_typed_and_a_letter_chosen():
    view = _unrolled._View()
    view.text.value = "abc"
    assert view.at.value == view.at.max == 3
    view.at.value = 1
    view.text.value = "x" * 40  # too long for the picture
    assert len(view.text.value) == view.at.value == _unrolled.MOST
    view.text.value = ""
    assert view.at.max == 0 and "Type" in view.said.value


def test_what_the_lesson_asks_of_the_unrolled_explorer():
    """At a radius of 1 the bars are level while inputs are small; at 0 a letter is all there is; a gradient can be blind."""
    text = _unrolled._View().text.value

    def per_step(radius, strength):
        arrives = _unrolled.state(text, radius, strength).arrives
        return (arrives[0] / arrives[10]) ** (1 / 10)

    assert per_step(0.9, 0.1) < 0.93 and per_step(1.1, 0.1) > 1.06
    assert per_step(1.0, 0.1) == pytest.approx(1, abs=0.03) and per_step(1.0, 3) < 0.6
    assert np.abs(_unrolled.state(text, 1.0, 3).states).max() > 0.97  # tanh is flat there
    forgetful, other = (_unrolled.state("three", r).states for r in (0, 0.5))
    np.testing.assert_array_equal(forgetful[4], forgetful[5])
    assert np.abs(other[4] - other[5]).max() > 0.1
    blind = _unrolled.state(text, 2, 0.5)
    assert blind.arrives[1] < 0.1 and blind.moved[-1] > 5 * blind.moved[1]


@given(st.text(alphabet="() abc", min_size=1, max_size=_gates.MOST))
def test_the_trained_gates_know_where_brackets_are(text):
    units, sure = _gates.read(text)
    np.testing.assert_array_equal(sure > 0.5, _gates.inside(text))
    for unit in units:  # what is shown is what is kept, through tanh and the output gate
        np.testing.assert_allclose(unit.h, unit.gates[2] * np.tanh(unit.c), atol=1e-12)


def test_gates_are_held_by_hand_or_watched():
    view = _gates._View()
    view.time.value = 5
    view.sliders[1].value = 0.25
    view.time.value = 1
    assert view.sliders[1].value == 1  # the sliders show the gates of the time
    view.time.value = 5
    assert view.sliders[1].value == 0.25
    view.who.value = "trained"
    assert view.time.max == len(view.text.value) and view.sliders[0].disabled
    view.text.value = "x" * 40  # too long for the picture
    assert len(view.text.value) == view.time.max == _gates.MOST
    view.text.value = ""
    assert "Type" in view.said.value
    view.who.value = "by hand"
    assert view.time.max == len(_gates.NEWS) and view.held[1, 4] == 0.25


def test_what_the_lesson_asks_of_the_gates_explorer():
    """5 + 2 from two gates; an output gate that shows nothing; a unit that forgets at brackets, and keeps in between."""
    gates = np.repeat([[0.0], [1.0], [1.0]], len(_gates.NEWS), axis=1)  # as it begins
    gates[0, [2, 8]] = 1
    gates[2, -1] = 0
    now = _gates.by_hand(gates)
    assert list(_gates.NEWS[[2, 8]]) == [5, 2] and now.c[-1] == 7 and now.h[-1] == 0
    text = _gates._View().text.value
    units, _ = _gates.read(text)
    where = _gates.inside(text)
    keeper = max(units, key=lambda unit: abs(np.corrcoef(unit.c, where)[0, 1]))
    brackets = [text.index("("), text.index(")")]
    assert abs(np.corrcoef(keeper.c, where)[0, 1]) > 0.9
    assert keeper.gates[1, brackets].max() < 0.2
    assert np.delete(keeper.gates[1], brackets).min() > 0.3


sentences = st.lists(st.sampled_from([*_attention.KNOWN, "zebra", "Cat."]), min_size=1, max_size=9)
temperatures = st.floats(0.1, 5)
in_the_plane = st.floats(-7, 7)


@given(
    sentences,
    st.sampled_from(_attention.HEADS),
    temperatures,
    st.sampled_from(_attention.MASKS),
    st.integers(0, 3),
    st.tuples(in_the_plane, in_the_plane),
    st.data(),
)
def test_who_looks_at_whom_is_pytorchs(sentence, head, temperature, mask, pads, query, data):
    at = data.draw(st.integers(0, len(sentence) - 1))
    now = _attention.state(sentence, head, temperature, mask, pads, (at, *query))
    size = len(sentence) + pads
    assert now.keys.shape == now.queries.shape == (size, 2)
    np.testing.assert_array_equal(now.queries[at], query)
    may = torch.ones(size, size, dtype=torch.bool)
    if mask in ("causal", "both"):
        may &= torch.tril(may)
    if mask in ("padding", "both"):
        may[:, len(sentence) :] = False
    q, k = torch.tensor(now.queries), torch.tensor(now.keys)
    scores = (q @ k.T / (2**0.5 * temperature)).masked_fill(~may, -torch.inf)
    np.testing.assert_allclose(now.weights, torch.softmax(scores, 1), atol=1e-9)


def test_a_sentence_is_typed_a_row_pointed_at_and_a_query_dragged():
    view = _attention._View()
    view.stage.image.over = [
        (_attention.LEFT + 5) / _attention.WIDTH,
        (_attention.TOP + 1) / _attention.HEIGHT,
    ]
    assert view.at.value == 1
    own = view.x.value, view.y.value
    view.stage.image.over = [0.9, 0.9]  # not over the weights
    assert view.at.value == 1
    view.stage.image.at = [0.6, 0.3]
    assert (view.x.value, view.y.value) != own
    view.text.value = " ".join(["word"] * 30)
    assert len(view.sentence) == view.at.max == _attention.MOST and view.pads.max == 0
    view.text.value = ""
    assert "Type" in view.said.value
    view.text.value = "<b>bold</b> words"
    for word in range(1, view.at.max + 1):
        view.at.value = word
        assert "&lt;b&gt;bold" in view.said.value and "<b>bold" not in view.said.value
    view.text.value = "the dog was hungry"
    assert view.at.max == 4 and view.pads.max == _attention.MOST - 4


def test_what_the_lesson_asks_of_the_attention_explorer():
    sentence = _attention._View().sentence
    for what, noun in (("broken", "sofa"), ("hungry", "cat")):
        (*_, last) = _attention.state([*sentence[:-1], what]).weights
        assert last[sentence.index(noun)] > 0.95
    _, keys = _attention.arrows(
        ["cat", "dog", "queen", "sofa", "tree", "lamp"], _attention.HEADS[0]
    )
    beings, things = keys[:3].mean(axis=0), keys[3:].mean(axis=0)
    assert np.linalg.norm(beings - things) > 4 * np.abs(keys[:3] - beings).max()

    at = sentence.index("it")
    it = _attention.state(sentence).weights[at]
    assert min(it[[1, 4]]) > 0.3 and it[[1, 4]].sum() > 0.95  # it cannot know
    cat = _attention.state(sentence, own=(at, -3.5, -1.0))
    warm = _attention.state(sentence, temperature=5.0, own=(at, -3.5, -1.0))
    assert cat.weights[at, 1] > 0.95 > 0.6 > warm.weights[at, 1]
    np.testing.assert_array_equal(cat.queries, warm.queries)  # the arrow stays as it is

    before, causal = (
        _attention.state(sentence, _attention.HEADS[1], mask=m).weights for m in ("none", "causal")
    )
    twice = [i for i, row in enumerate(before) if np.sum(row > 0.4) == 2]
    assert twice == [1, 2, 8]
    assert causal[1, 0] > 0.9 and causal[2, 1] > 0.9 and np.sum(causal[8] > 0.4) == 2

    padded, hidden = (
        _attention.state(sentence, mask=m, pads=3).weights for m in ("none", "padding")
    )
    was = sentence.index("was")
    assert padded[was, 9:].sum() > 0.15 and not hidden[:, 9:].any()
    np.testing.assert_allclose(hidden[was, :9], _attention.state(sentence).weights[was])


@given(st.sampled_from(_latent.KINDS), st.integers(0, 500))
def test_what_is_said_of_a_picture_is_what_its_place_says(kind, n):
    model, picture = _latent.trained(kind), _latent.digits()[2][n % 539]
    (place,) = _latent.encode(model, picture[None])
    (said,) = _latent.decode(model, place[None])
    if kind == "PCA":
        mean, directions = (torch.tensor(p) for p in model.params)
        wanted = mean + directions.T @ (directions @ (torch.tensor(picture) - mean))
    else:
        h = torch.tensor(picture)
        for i in range(0, len(model.params), 2):
            h = torch.nn.functional.linear(h, *(torch.tensor(p) for p in model.params[i : i + 2]))
            h = h if i in (4, 10) else torch.relu(h)
        wanted = h
    np.testing.assert_allclose(said, wanted, atol=1e-9)


def test_the_plane_of_codes_keeps_kinds_apart():
    """Most new digits land among digits of their kind; with PCA, fewer do."""
    _, _, new, kinds = _latent.digits()
    right = {}
    for kind in _latent.KINDS:
        model = _latent.trained(kind)
        found = [_latent.nearest(model, place) for place in _latent.encode(model, new)]
        right[kind] = np.mean(found == kinds)
        inside = np.abs(model.places).max(axis=1) < _latent.REACH
        assert inside.mean() > 0.97  # what the plane shows
    assert right["autoencoder"] > right["PCA"] + 0.1 > 0.5


def test_a_place_is_chosen_and_a_sheet_is_drawn():
    view = _latent._View()
    before = view.sheet.copy()
    corner = (_latent.DRAWN + 5) / _latent.WIDTH, (_latent.ABOVE + 5) / _latent.HEIGHT
    view.stage.image.at = list(corner)
    assert view.sheet[0] == 1 != before[0] and np.array_equal(view.sheet[1:], before[1:])
    view.ink.value = 0.0
    view.stage.image.at = [corner[0], corner[1] + _latent.CELL / _latent.HEIGHT]
    assert view.sheet[8] == 0
    view.clear.click()
    assert not view.sheet.any()
    pictures = []
    view.stage.image.observe(lambda change: pictures.append(change["new"]), "value")
    view.stage.image.at = [0.2, 0.2]
    assert len(pictures) == 1  # two sliders, one picture
    assert "error" in view.said.value


def test_what_the_lesson_asks_of_the_latent_explorer():
    """Between a 0 and a 1 lie places that are no digit; what is no digit is said badly."""
    model = _latent.trained("autoencoder")
    known, kinds, *_ = _latent.digits()
    zero, one = (model.places[kinds == digit].mean(axis=0) for digit in (0, 1))
    way = zero + np.linspace(0, 1, 21)[:, None] * (one - zero)
    said = _latent.decode(model, way)
    off = np.min(
        ((said[:, None] - known) ** 2).mean(axis=2), axis=1
    )  # to the known digit that is nearest
    assert off[5:16].max() > 1.2 * max(off[0], off[-1])
    chequered = (np.indices((8, 8)).sum(axis=0) % 2).reshape(1, 64).astype(float)
    said = _latent.decode(model, _latent.encode(model, chequered))
    assert np.mean((said - chequered) ** 2) > 4 * model.usual


@given(
    st.sampled_from([("autoencoder", 1.0), ("VAE", 0.25), ("VAE told the digit", 0.25)]),
    st.integers(0, 9),
    st.integers(0, 10_000),
)
def test_what_the_plane_says_is_pytorchs(which, digit, seed):
    model = _walk.trained(*which)
    places = _walk.cloud(np.zeros(2), 1.5, seed)
    code = torch.tensor(places * model.spread + model.middle)
    half = [torch.tensor(p) for p in model.params[len(model.params) // 2 :]]
    if which[0] == "VAE told the digit":
        told = torch.nn.functional.one_hot(torch.full((_walk.DRAWN,), digit), 10)
        code = torch.cat([code, told.double()], 1)
    for w, b in zip(half[:-2:2], half[1:-2:2], strict=True):
        code = torch.relu(torch.nn.functional.linear(code, w, b))
    out = torch.nn.functional.linear(code, half[-2], half[-1])
    wanted = out.clamp(0, 1) if which[0] == "autoencoder" else torch.sigmoid(out)
    np.testing.assert_allclose(_walk.said(model, places, digit), wanted, atol=1e-9)
    seen = _walk.chances(_walk.said(model, places, digit))
    np.testing.assert_allclose(seen.sum(axis=1), 1)


def test_the_plane_is_tiled_from_above():
    places = _walk.everywhere()
    assert len(places) == _walk.MANY**2
    assert places[0, 0] < places[1, 0] and places[0, 1] == places[1, 1] == places[:, 1].max()
    pictures = np.zeros((4, 64))
    pictures[1, 8] = 1.0  # the second picture, its second row, first pixel
    sheet = _walk.tiled(pictures, 2, 3)
    assert sheet.shape == (48, 48, 3)
    assert np.all(sheet[4, 25:27] == 0) and np.all(sheet[10, 25:27] == 255)


def test_a_place_is_dragged_with_one_picture():
    view = _walk._View()
    pictures = []
    view.stage.image.observe(lambda change: pictures.append(change["new"]), "value")
    view.stage.image.at = [0.2, 0.4]
    assert len(pictures) == 1
    view.kind.value = "autoencoder"
    assert view.digit.disabled and view.beta.disabled


def test_what_the_lesson_asks_of_the_walk_explorer():
    """Where the judge is not sure there is a border of two kinds; beta empties the plane; directions mean nothing."""
    seen = _walk.chances(_walk.said(_walk.trained("VAE", 0.25), _walk.everywhere(), 0))
    sure = (seen.max(axis=1) > 0.95).reshape(_walk.MANY, _walk.MANY)
    kinds, border = seen.argmax(axis=1).reshape(sure.shape), np.zeros(sure.shape, bool)
    for a, b in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        border[a] |= kinds[a] != kinds[b]
        border[:, a] |= kinds[:, a] != kinds[:, b]
    assert border[~sure].mean() > 0.7 > 0.3 > border[sure].mean()
    assert len(set(kinds[sure].tolist())) >= 6

    told = {beta: _walk.trained("VAE told the digit", beta) for beta in (0.25, 4.0)}
    spread = [
        _walk.said(model, _walk.everywhere(), 3).std(axis=0).mean() for model in told.values()
    ]
    assert spread[1] < spread[0] / 5

    rows, columns = np.indices((8, 8)).reshape(2, 64)

    def slants(digit: int) -> float:
        """How much farther to the left the foot stands, for each step upwards in the plane."""
        ink = _walk.said(told[0.25], _walk.everywhere(), digit)
        ink = ink / ink.sum(axis=1, keepdims=True)
        down, across = rows - (ink @ rows)[:, None], columns - (ink @ columns)[:, None]
        slant = -(ink * down * across).sum(axis=1) / (ink * down * down).sum(axis=1)
        return float(np.polyfit(_walk.everywhere()[:, 1], slant, 1)[0])

    assert slants(5) < -0.02 < 0.02 < slants(1)


duels = st.builds(
    _duel.Settings,
    points=st.sampled_from(list(_duel.CENTRES)),
    kind=st.sampled_from(_duel.KINDS),
    forger=st.integers(1, 3),
    judge=st.integers(1, 3),
    rate=st.floats(1e-4, 1e-2),
    momentum=st.floats(0, 0.95),
    seed=st.integers(0, 20),
)


@given(chosen=duels)
@settings_of_a_test(max_examples=8)
def test_a_duel_is_remembered_and_its_field_is_pytorchs(chosen):
    seen = _duel.state(chosen, 2)
    assert seen.made.shape == (_duel.SHOWN, 2) and len(seen.near) == len(seen.hit) == 3
    again = _duel.Run(chosen)
    again.until(2)
    np.testing.assert_array_equal(again.made(2), seen.made)
    np.testing.assert_array_equal(_duel.state(chosen, 1).near, seen.near[:2])  # a look back
    judge = [torch.tensor(p) for p in again.networks[2][1]]
    h = torch.tensor(_duel._PLANE)
    for n in range(0, len(judge), 2):
        h = torch.nn.functional.linear(h, judge[n], judge[n + 1])
        h = h if n + 2 == len(judge) else torch.nn.functional.leaky_relu(h, 0.2)
    if chosen.kind == "wasserstein":
        assert all(float(p.abs().max()) <= _duel.CLIP for p in judge)
        h = 4 * (h - h.mean()) / (h.std(correction=0) + 1e-9)
    wanted = torch.sigmoid(h).reshape(_duel.GRID, _duel.GRID)
    np.testing.assert_allclose(seen.field, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("module", "place", "at_once", "shown"),
    [(_duel, "round", 1, "after {} round"), (_playground, "epoch", _playground.AT_ONCE, "after {} epoch")],
)  # fmt: skip
def test_in_a_kernel_a_run_goes_on_by_itself_and_can_be_led_elsewhere(
    module, place, at_once, shown
):
    view, goal, seen = module._View(), 10 * at_once, []
    place = getattr(view, place)

    def look(_) -> None:
        assert shown.format(place.value) in view.said.value
        seen.append(place.value)

    view.said.observe(look, "value")

    async def until(done: Callable[[], bool]) -> None:
        for _ in range(1000):
            if done():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it never came there")

    async def hand() -> None:
        place.value = goal
        await until(lambda: place.value == goal and not view.stage.next)
        seen.clear()
        view.controls["seed"].value = 9  # never trained: it is seen from its first steps on
        await until(lambda: len(seen) >= 4)
        view.controls["seed"].value = 10  # the goal stays, though it was not reached
        await until(lambda: seen[-1] == goal)
        place.value = 3  # a look back stays where it is
        await asyncio.sleep(0.1)
        assert place.value == 3 and not view.stage.next
        view.afresh.click()
        await until(lambda: seen[-1] == 0)
        view.step.click()
        await until(lambda: seen[-1] == 1)

    asyncio.run(hand())
    again = seen.index(at_once, 1)
    steps = range(at_once, goal + 1, at_once)
    assert seen == [*steps[:again], *steps, 3, 0, 1] and 4 <= again <= 10
    view.controls["seed"].value = 11  # without a kernel, all of it comes at once
    place.value = goal
    assert seen[-1] == place.value == goal


def test_what_the_lesson_asks_of_the_duel():
    """A hasty forger collapses; marks hit more centres early; momentum spoils the beginning."""

    def hit(round_, **chosen):
        return [
            float(_duel.state(_duel.Settings(seed=seed, **chosen), round_).hit[-5:].mean())
            for seed in range(3)
        ]

    assert min(hit(100)) > 6
    assert max(hit(40, forger=10)) < 3
    marks = {"kind": "wasserstein", "judge": 3, "momentum": 0.0}
    assert np.mean(hit(20, **marks)) > np.mean(hit(20)) > np.mean(hit(20, momentum=0.9)) + 1
