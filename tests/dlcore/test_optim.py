"""Optimizers and schedules walk PyTorch's paths."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlcore import Tensor, init, nn, optim, schedule, tensor

OPTIMIZERS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.8, "weight_decay": 0.02}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "initial_accumulator_value": 0.1}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.02, "betas": (0.8, 0.95)}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01, "amsgrad": True}),
]
every_optimizer = pytest.mark.parametrize(
    ("name", "options"), OPTIMIZERS, ids=lambda v: v if isinstance(v, str) else ",".join(v)
)


def problem(dtype, size=3):
    """A bowl that is not round, its parameters in both libraries."""
    rng = np.random.default_rng(0)
    shapes = [(size, 4), (4,), ()]
    start = [np.asarray(rng.standard_normal(shape), dtype) for shape in shapes]
    ours = [tensor(a, requires_grad=True) for a in start]
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    x = rng.standard_normal((7, size)).astype(dtype)
    return ours, theirs, x


def loss(w, b, scale, x):
    return ((x @ w + b - 1) ** 2).mean() + (w**4).mean() + (scale - 1) ** 2 + scale**4


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_200_steps_equal_pytorchs(name, options, dtype):
    ours, theirs, x = problem(dtype)
    a = getattr(optim, name)(ours, **options)
    b = getattr(torch.optim, name)(theirs, **options)
    tolerance = 1e-9 if dtype is np.float64 else 2e-4
    for step in range(200):
        a.zero_grad()
        loss(*ours, tensor(x)).backward()
        a.step()
        b.zero_grad()
        loss(*theirs, torch.tensor(x)).backward()
        b.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(
                p.data, q.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=f"step {step}"
            )
    assert all(p.dtype == dtype for p in ours)


@every_optimizer
def test_state_can_be_saved_and_loaded(name, options):
    ours, _, x = problem(np.float64)
    copies = [tensor(p.data, requires_grad=True) for p in ours]
    a = getattr(optim, name)(ours, **options)

    def walk(optimizer, params, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss(*params, tensor(x)).backward()
            optimizer.step()

    walk(a, ours, 5)
    for p, q in zip(copies, ours, strict=True):
        p.data[...] = q.data
    b = getattr(optim, name)(copies, **{**options, "lr": 99.0})
    b.load_state_dict(a.state_dict())
    walk(a, ours, 5)
    walk(b, copies, 5)
    for p, q in zip(ours, copies, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_large_parameters_are_cut_into_pieces_without_a_seam():
    ours, theirs, x = problem(np.float64, size=3 * optim.BLOCK // 8)
    a, b = optim.Adam(ours, lr=0.1, amsgrad=True), torch.optim.Adam(theirs, lr=0.1, amsgrad=True)
    for _ in range(3):
        a.zero_grad(), b.zero_grad()
        loss(*ours, tensor(x)).backward(), loss(*theirs, torch.tensor(x)).backward()
        a.step(), b.step()
    np.testing.assert_allclose(ours[0].data, theirs[0].detach().numpy(), rtol=1e-9)


def test_groups_have_their_own_options_and_what_has_no_gradient_stays():
    p, q, r = (tensor([1.0], requires_grad=True) for _ in range(3))
    optimizer = optim.SGD([{"params": [p]}, {"params": [q, r], "lr": 0.5}], lr=0.1)
    (p + q).backward()
    optimizer.step()
    assert (p.item(), q.item(), r.item()) == (pytest.approx(0.9), pytest.approx(0.5), 1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: optim.SGD([]), "no parameters"),
        (lambda: optim.SGD([tensor([1.0])], lr=-1), "lr must not be negative"),
        (lambda: optim.SGD([tensor([1.0])], nesterov=True), "nesterov needs a momentum"),
        (lambda: optim.Adam([tensor([1.0])], betas=(0.9, 1.0)), r"betas must be in \[0, 1\)"),
    ],
)
def test_options_that_make_no_sense(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_clipping_equals_pytorchs():
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal((3, 4)), rng.standard_normal(5)]
    for limit in (0.5, 100.0):
        ours = [tensor(np.zeros_like(g), requires_grad=True) for g in gradients]
        theirs = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in gradients]
        for p, q, g in zip(ours, theirs, gradients, strict=True):
            p.grad, q.grad = Tensor(g.copy()), torch.tensor(g)
        found = optim.clip_grad_norm_(ours, limit)
        wanted = torch.nn.utils.clip_grad_norm_(theirs, limit)
        assert found == pytest.approx(float(wanted))
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-12)
        optim.clip_grad_value_(ours, 0.1)
        torch.nn.utils.clip_grad_value_(theirs, 0.1)
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-12)


SCHEDULES = {
    "step": lambda s, o: s.StepLR(o, 3, 0.5),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "linear": lambda s, o: s.LinearLR(o, 0.1, 1.0, 7),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 10, 0.01),
    "lambda": lambda s, o: s.LambdaLR(o, lambda k: 1 / (1 + k)),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_equal_pytorchs(name):
    a = optim.SGD([tensor([1.0], True)], lr=0.4)
    b = torch.optim.SGD([torch.tensor([1.0], requires_grad=True)], lr=0.4)
    ours, theirs = SCHEDULES[name](schedule, a), SCHEDULES[name](torch.optim.lr_scheduler, b)
    for _ in range(25):
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-9)
        b.step()
        ours.step(), theirs.step()


def test_a_warm_up_followed_by_a_cosine_equals_pytorchs():
    a = optim.SGD([tensor([1.0], True)], lr=0.4)
    b = torch.optim.SGD([torch.tensor([1.0], requires_grad=True)], lr=0.4)

    def both(s, o):
        parts = [s.LinearLR(o, 0.1, 1.0, 5), s.CosineAnnealingLR(o, 10)]
        return s.SequentialLR(o, parts, milestones=[5])

    ours, theirs = both(schedule, a), both(torch.optim.lr_scheduler, b)
    for _ in range(14):
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), abs=1e-9)
        b.step()
        ours.step(), theirs.step()
    resumed = both(schedule, optim.SGD([tensor([1.0], True)], lr=0.4))
    resumed.load_state_dict(ours.state_dict())
    assert resumed.get_last_lr() == ours.get_last_lr()


@pytest.mark.parametrize("mode", ["min", "max"])
def test_reduce_on_plateau_equals_pytorchs(mode):
    a = optim.SGD([tensor([1.0], True)], lr=0.4)
    b = torch.optim.SGD([torch.tensor([1.0], requires_grad=True)], lr=0.4)
    options = {"mode": mode, "factor": 0.5, "patience": 2, "cooldown": 1, "min_lr": 0.02}
    ours = schedule.ReduceLROnPlateau(a, **options)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(b, **options)
    values = np.random.default_rng(0).random(60) + np.linspace(1, 0.8, 60)
    for value in values:
        ours.step(value), theirs.step(value)
        assert ours.get_last_lr() == pytest.approx([g["lr"] for g in b.param_groups])


INITS = {
    "xavier_uniform_": {"gain": 1.5},
    "xavier_normal_": {"gain": 1.5},
    "kaiming_uniform_": {"nonlinearity": "relu"},
    "kaiming_normal_": {"mode": "fan_out", "a": 0.2},
    "uniform_": {"a": -1, "b": 3},
    "normal_": {"mean": 1, "std": 2},
    "trunc_normal_": {"std": 2},
    "constant_": {"val": 3},
    "ones_": {},
    "zeros_": {},
}


@pytest.mark.parametrize("name", INITS)
def test_initial_weights_have_pytorchs_spread(name):
    shape = (300, 40, 3, 3)
    ours = Tensor(np.empty(shape, np.float32))
    options = {} if name in ("constant_", "ones_", "zeros_") else {"rng": 0}
    assert getattr(init, name)(ours, **INITS[name], **options) is ours
    torch.manual_seed(0)
    theirs = getattr(torch.nn.init, name)(torch.empty(shape), **INITS[name]).numpy()
    spread = float(theirs.std())
    assert ours.dtype == np.float32
    assert abs(ours.data.mean() - theirs.mean()) <= 0.02 * max(spread, 1e-9)
    assert abs(ours.data.std() - spread) <= 0.01 * max(spread, 1e-9)
    tails = [np.quantile(w, [0.01, 0.25, 0.75, 0.99]) for w in (ours.data, theirs)]
    assert np.abs(tails[0] - tails[1]).max() <= 0.05 * max(spread, 1e-9)


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3)])
def test_orthogonal_weights_keep_lengths(shape):
    w = init.orthogonal_(Tensor(np.empty(shape, np.float64)), gain=2.0, rng=0).data
    flat = w.reshape(len(w), -1)
    gram = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_weights_mirror_as_often_as_not():
    drawn = [init.orthogonal_(Tensor(np.empty((1, 1))), rng=seed).item() for seed in range(50)]
    assert 10 < sum(w < 0 for w in drawn) < 40


def test_gains_equal_pytorchs_and_errors_say_what_to_choose():
    for name in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    with pytest.raises(ValueError, match="choose one of linear"):
        init.calculate_gain("swoosh")
    with pytest.raises(ValueError, match="at least two dimensions"):
        init.xavier_uniform_(Tensor(np.empty(3)))
    with pytest.raises(ValueError, match='choose "fan_in" or "fan_out"'):
        init.kaiming_uniform_(Tensor(np.empty((3, 3))), mode="fan")


def test_initialising_and_stepping_say_that_the_array_changed():
    m = nn.Linear(2, 2, rng=0)
    y = (m(tensor([[1.0, 2.0]])) ** 2).sum()
    init.zeros_(m.weight)
    with pytest.raises(RuntimeError, match="overwritten after the forward pass"):
        y.backward()
