"""The same source on other arrays: CuPy's where there is a GPU, a strict stand-in everywhere."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import dlcore
from dlcore import Tensor, nn, optim, tensor
from dlcore import functional as F
from dlcore.backend import device
from dlcore.checkpoint import load_model, save_model
from dlcore.data.loader import DataLoader, TensorDataset
from dlcore.scratch.gan import gan_step
from dlcore.scratch.optimizers import AdamW
from dlcore.scratch.training import he_init
from dlcore.scratch.vae import log_likelihood, vae_loss
from dlcore.train import accuracy, fit
from tests.dlcore.elsewhere import Elsewhere
from tests.dlcore.ops import OPS


def cupy_works() -> bool:
    if importlib.util.find_spec("cupy") is None:
        return False
    import cupy

    try:
        return cupy.cuda.runtime.getDeviceCount() > 0
    except cupy.cuda.runtime.CUDARuntimeError:
        return False


def to_cupy(a: Any) -> Any:
    import cupy

    return cupy.asarray(a)


PLACES = [
    pytest.param(Elsewhere, id="stand-in"),
    pytest.param(
        to_cupy,
        id="cupy",
        marks=pytest.mark.skipif(not cupy_works(), reason="needs CuPy and a GPU"),
    ),
]
everywhere = pytest.mark.parametrize("send", PLACES)


def back(a: Any) -> np.ndarray:
    return a.get()


# their own NumPy index arrays are part of the case, which is not what this test is about
MOVED = [op for op in OPS if op.name != "x[...]"]


@everywhere
@pytest.mark.parametrize("op", MOVED, ids=lambda op: op.name)
def test_every_op_computes_where_its_arrays_live(op, send):
    rng = np.random.default_rng(0)
    for _ in range(4):
        case = op.draw(rng).astype(np.float32)
        here = [Tensor(a, requires_grad=True) for a in case.arrays]
        there = [Tensor(send(a.copy()), requires_grad=True) for a in case.arrays]
        y = op.ours(*here, *case.constants, **case.options)
        z = op.ours(*there, *(send(c) for c in case.constants), **case.options)
        g = rng.standard_normal(y.shape).astype(np.float32)
        y.backward(g)
        z.backward(send(g))
        assert type(z.data) is type(there[0].data)
        np.testing.assert_allclose(back(z.data), y.data, rtol=1e-4, atol=1e-5)
        for a, b in zip(here, there, strict=True):
            assert type(b.grad.data) is type(b.data)
            np.testing.assert_allclose(back(b.grad.data), a.grad.data, rtol=1e-3, atol=1e-4)


@everywhere
def test_models_train_where_their_weights_live(send):
    def run(place):
        dlcore.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, rng=0),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(16, 3, rng=1),
        ).to(place(np.zeros(1, np.float32)))
        optimizer = optim.AdamW(model.parameters(), lr=1e-2)
        x = Tensor(place(np.random.default_rng(0).random((8, 1, 4, 4)).astype(np.float32)))
        t = Tensor(place(np.arange(8) % 3))
        losses = []
        for _ in range(3):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), t)
            loss.backward()
            optim.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            losses.append(loss.item())
        return losses

    assert run(send) == pytest.approx(run(np.asarray), rel=1e-4)


LABELED = [op for op in MOVED if op.draw(np.random.default_rng(0)).constants]


@everywhere
@pytest.mark.parametrize("op", LABELED, ids=lambda op: op.name)
def test_labels_ids_and_masks_may_come_from_the_cpu(op, send):
    rng = np.random.default_rng(0)
    for _ in range(4):
        case = op.draw(rng).astype(np.float32)
        here = op.ours(*map(Tensor, case.arrays), *case.constants, **case.options)
        there = [Tensor(send(a.copy()), requires_grad=True) for a in case.arrays]
        z = op.ours(*there, *case.constants, **case.options)
        assert type(z.data) is type(there[0].data)
        np.testing.assert_allclose(back(z.data), here.data, rtol=1e-4, atol=1e-5)


@everywhere
def test_a_run_with_batches_metrics_and_a_checkpoint(send, tmp_path):
    """Rows on the CPU or there, early stopping, an interrupted run, a file: each crosses the border once."""
    rng = np.random.default_rng(0)
    x, t = rng.random((24, 5)).astype(np.float32), rng.integers(0, 3, 24)

    def run(place, rows, name, epochs):
        dlcore.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 8, rng=0), nn.ReLU(), nn.Linear(8, 3, rng=1)).to(
            place(x)
        )
        data = TensorDataset(rows(x), rows(t))
        history = fit(
            model,
            nn.CrossEntropyLoss(weight=[1.0, 2.0, 1.0]).to(place(x)),
            optim.Adam(model.parameters(), lr=0.01),
            DataLoader(data, 8, shuffle=True, rng=0),
            DataLoader(data, 24),
            epochs=epochs,
            metrics={"accuracy": accuracy},
            patience=5,
            checkpoint=tmp_path / name,
            progress=False,
        )
        return model, history.rows

    here, rows = run(np.asarray, np.asarray, "here", 4)
    for kind in (np.asarray, send):
        run(send, kind, f"there-{kind.__name__}", 2)
        there, found = run(send, kind, f"there-{kind.__name__}", 4)
        for a, b in zip(found, rows, strict=True):
            assert a == pytest.approx(b, rel=1e-3)
        save_model(there, tmp_path / "model")
        load_model(here, tmp_path / "model")
        there.load_state_dict(here.state_dict())
        for p, q in zip(there.parameters(), here.parameters(), strict=True):
            assert type(p.data) is type(send(x))
            np.testing.assert_array_equal(back(p.data), q.data)


@everywhere
def test_data_on_the_gpu_beside_a_model_that_is_not_is_refused(send):
    x = Tensor(send(np.ones((2, 3), np.float32)))
    for act in (
        nn.Linear(3, 1),
        nn.LayerNorm(3),
        lambda x: F.cross_entropy(np.ones((2, 3)), x[:, 0]),
    ):
        with pytest.raises(TypeError, match=r"move the model there, too: model\.to\(x\)"):
            act(x)


@everywhere
def test_indices_from_the_cpu(send):
    x = Tensor(send(np.arange(6.0).reshape(3, 2)), requires_grad=True)
    x[np.array([0, 0, 2])].sum().backward()
    np.testing.assert_array_equal(back(x.grad.data)[:, 0], [2, 0, 1])
    assert x[[2, 1]].shape == (2, 2) and x[tensor([True, False, True])].shape == (2, 2)
    assert x.detach().to(np.zeros(1)).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert "4., 5." in repr(x)


@everywhere
def test_the_lessons_own_vae_and_gan_train_where_their_arrays_live(send):
    """What their cells for the patient rest on."""

    def run(place):
        rng = np.random.default_rng(0)
        draw = lambda *shape: place(rng.standard_normal(shape))
        weights = lambda *sizes: [place(p) for p in he_init(sizes, rng)]
        vae, adam = [*weights(6, 5, 4), *weights(2, 5, 6)], AdamW(0.01)
        forger, judge, turns = weights(2, 5, 6), weights(6, 5, 1), (AdamW(0.01), AdamW(0.01))
        for _ in range(3):
            x = place(rng.random((4, 6)))
            vae = adam.step(vae, vae_loss(vae, x, draw(4, 2))[2])
            forger, judge = gan_step(forger, judge, x, draw(2, 4, 2), *(t.step for t in turns))
        return [*vae, *forger, *judge, log_likelihood(vae, x, draw(3, 4, 2))]

    for there, here in zip(run(send), run(np.asarray), strict=True):
        assert type(there) is type(send(np.zeros(1)))
        np.testing.assert_allclose(back(there), here, rtol=1e-9)


def test_without_a_gpu_arrays_stay_where_they_are():
    a = np.arange(3)
    assert (device.to_gpu(a) is a) == (device.where() == "CPU") == (not cupy_works())
    np.testing.assert_array_equal(device.to_numpy(device.to_gpu(a)), a)
    assert isinstance(device.to_numpy(Elsewhere(a)), np.ndarray)


def test_the_stand_in_refuses_what_a_gpu_array_refuses():
    a = Elsewhere(np.ones(3))
    with pytest.raises(TypeError):
        np.asarray(a)
    with pytest.raises(TypeError):
        a + np.ones(3)
    with pytest.raises(TypeError):
        np.concatenate([a, np.zeros(3)])
    with pytest.raises(TypeError, match="CuPy has no insert"):
        np.insert(a, 0, 1.0)
    with pytest.raises(TypeError, match=r"add\.reduceat"):
        np.add.reduceat(a, [0, 1])
    assert isinstance(np.zeros_like(a, shape=(2,)), Elsewhere) and isinstance(a.sum(), Elsewhere)
    assert isinstance(np.asarray(np.ones(2), like=a), Elsewhere)
