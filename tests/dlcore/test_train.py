"""The training loop: repeatable, resumable, and clear about what went wrong."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore
from dlcore import data, nn, optim, schedule, tensor, train
from dlcore import functional as F
from dlcore.checkpoint import load_checkpoint, load_model, save_checkpoint, save_model
from dlcore.data.loader import DataLoader, TensorDataset, split

SET = data.digits()
TRAIN, VALID = split(SET.x, (0.8, 0.2), SET.y, rng=0)


def loaders(size=128):
    make = lambda rows, shuffle: DataLoader(
        TensorDataset(SET.x[rows], SET.y[rows]), size, shuffle=shuffle, rng=0
    )
    return make(TRAIN, True), make(VALID, False)


def model(p=0.2):
    return nn.Sequential(
        nn.Linear(64, 32, rng=0),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Dropout(p),
        nn.Linear(32, 10, rng=1),
    )


def fit(epochs=3, m=None, **options):
    dlcore.manual_seed(0)
    m = model() if m is None else m
    first, second = loaders()
    optimizer = options.pop("optimizer", None) or optim.Adam(m.parameters(), lr=3e-3)
    history = train.fit(
        m, F.cross_entropy, optimizer, first, second, epochs,
        metrics={"accuracy": train.accuracy}, progress=False, **options,
    )  # fmt: skip
    return m, history


def test_the_same_seed_gives_identical_numbers():
    (a, one), (b, two) = fit(), fit()
    assert one.rows == two.rows
    for key, value in a.state_dict().items():
        np.testing.assert_array_equal(value, b.state_dict()[key])


def test_digits_are_learnt_and_the_history_is_complete():
    _, history = fit(12)
    assert history["valid_accuracy"][-1] > 0.95
    assert set(history.rows[0]) == {
        "loss", "accuracy", "valid_loss", "valid_accuracy", "lr",
    }  # fmt: skip
    assert len(history) == 12 and "12 epochs" in repr(history) and history.note == "all epochs done"
    with pytest.raises(KeyError, match="history has loss, accuracy"):
        history["acuracy"]


def test_evaluation_weighs_batches_by_size_and_leaves_the_mode_alone():
    m = model().train()
    whole = train.evaluate(m, loaders(10_000)[1], F.cross_entropy, {"accuracy": train.accuracy})
    cut = train.evaluate(m, loaders(50)[1], F.cross_entropy, {"accuracy": train.accuracy})
    assert whole == pytest.approx(cut, rel=1e-5) and m.training


@pytest.mark.parametrize("kill", [1, 3])
def test_a_resumed_run_has_the_numbers_of_one_that_was_never_interrupted(tmp_path, kill):
    path = tmp_path / "run.safetensors"
    make = lambda m: {
        "optimizer": (opt := optim.AdamW(m.parameters(), lr=3e-3)),
        "scheduler": schedule.CosineAnnealingLR(opt, 6),
        "patience": 4,
    }
    m = model()
    _, whole = fit(6, m, **make(m))
    first = model()
    fit(kill, first, checkpoint=path, **make(first))
    dlcore.manual_seed(99)
    second = model()
    second, resumed = fit(6, second, checkpoint=path, **make(second))
    assert resumed.rows == whole.rows
    for key, value in m.state_dict().items():
        np.testing.assert_array_equal(value, second.state_dict()[key])


def test_early_stopping_restores_the_best_weights():
    m = model(0.0)
    m, history = fit(40, m, optimizer=optim.SGD(m.parameters(), lr=5.0), patience=3)
    assert len(history) < 40 and "no better for 3 epochs" in history.note
    best = int(np.argmin(history["valid_loss"]))
    assert best == len(history) - 4
    found = train.evaluate(m, loaders()[1], F.cross_entropy)
    assert found["loss"] == pytest.approx(history["valid_loss"][best])


def test_standing_still_is_no_progress():
    m = nn.Linear(64, 10, rng=0)
    _, history = fit(9, m, optimizer=optim.SGD(m.parameters(), lr=0.0), patience=2)
    assert len(history) == 3


def test_the_best_weights_are_put_back_even_if_the_loss_diverges():
    m, (batches, valid) = model(0.0), loaders()
    rate = iter([0.1, 0.1, 1e38])

    class Growing:
        def step(self):
            optimizer.param_groups[0]["lr"] = next(rate)

    optimizer = optim.SGD(m.parameters(), lr=0.1)
    with np.errstate(all="ignore"), pytest.raises(train.Diverged):
        train.fit(
            m, F.cross_entropy, optimizer, batches, valid, 9, scheduler=Growing(), patience=9,
            progress=False,
        )  # fmt: skip
    assert train.evaluate(m, valid, F.cross_entropy)["loss"] < 1


class Bad(nn.Module):
    def forward(self, x):
        return (x - x.mean() - 1000.0).log()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: nn.Sequential(nn.Linear(64, 8, rng=0), Bad(), nn.Linear(8, 10, rng=0)),
            r"layer '1' \(Bad\)",
        ),
        (lambda: nn.Sequential(nn.Linear(64, 10, rng=0), Bad()), r"layer '1' \(Bad\)"),
    ],
)
def test_nan_stops_and_names_the_first_layer(make, words):
    with np.errstate(invalid="ignore"), pytest.raises(train.Diverged, match=words) as caught:
        fit(1, make())
    assert "epoch 1, step 1" in str(caught.value) and "learning rate" in str(caught.value)


def test_nan_from_a_step_that_was_too_large_names_the_parameter():
    m = nn.Sequential(nn.Linear(64, 10, rng=0))
    with (
        np.errstate(all="ignore"),
        pytest.raises(train.Diverged, match=r"parameter '0\.(weight|bias)'"),
    ):
        fit(5, m, optimizer=optim.SGD(m.parameters(), lr=1e39))


def test_nan_in_the_inputs_or_the_loss_is_said_to_be_there():
    x = np.full((4, 2), np.nan, np.float32)
    m = nn.Linear(2, 1, rng=0)
    run = lambda x, loss: train.fit(
        m, loss, optim.SGD(m.parameters()), DataLoader(TensorDataset(x, x[:, :1])), progress=False
    )
    with pytest.raises(train.Diverged, match="inputs of this batch"):
        run(x, F.mse_loss)
    with (
        np.errstate(all="ignore"),
        pytest.raises(train.Diverged, match="arose in the loss function"),
    ):
        run(np.ones((4, 2), np.float32), lambda y, t: (y * 0.0 - 1.0).log().sum())


def test_an_interrupt_keeps_what_was_learnt():
    calls = []

    def loss(output, target):
        calls.append(1)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return F.cross_entropy(output, target)

    m = model()
    history = train.fit(m, loss, optim.Adam(m.parameters()), loaders()[0], epochs=9, progress=False)
    assert len(history) == 1 and history.note == "interrupted in epoch 2"


def test_an_autoencoder_batch_is_its_own_target(capsys):
    m = nn.Linear(64, 64, rng=0)
    loader = DataLoader(TensorDataset(SET.x[:100]), 50)
    history = train.fit(m, F.mse_loss, optim.Adam(m.parameters()), loader, epochs=2)
    assert history["loss"][1] < history["loss"][0]
    out, err = capsys.readouterr()
    assert "epoch 2/2" in out and err == ""


def test_a_loader_without_batches_is_named():
    m = model()
    empty = DataLoader(TensorDataset(SET.x[:3], SET.y[:3]), 5, drop_last=True)
    with pytest.raises(ValueError, match="drop_last"):
        train.fit(m, F.cross_entropy, optim.SGD(m.parameters()), empty, progress=False)


def test_checkpoints_hold_arrays_and_plain_data_and_no_code(tmp_path):
    path = tmp_path / "deep" / "a.safetensors"
    arrays = {"x": np.arange(6.0).reshape(2, 3).T, "n": np.array(3)}
    save_checkpoint(path, arrays, {"epoch": 2, "big": 2**100})
    found, plain = load_checkpoint(path)
    for key, value in arrays.items():
        np.testing.assert_array_equal(found[key], value)
        assert found[key].dtype == value.dtype and found[key].shape == value.shape
    assert plain == {"epoch": 2, "big": 2**100}
    assert [p.name for p in path.parent.iterdir()] == ["a.safetensors"]


def test_whoever_reads_the_old_checkpoint_reads_it_to_the_end(tmp_path):
    path = tmp_path / "run.safetensors"
    save_checkpoint(path, {"x": np.zeros(1000)}, {})
    whole = path.read_bytes()
    with path.open("rb") as reader:
        save_checkpoint(path, {"x": np.ones(1000)}, {})
        assert reader.read() == whole
    assert load_checkpoint(path)[0]["x"].sum() == 1000


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04pickle"])
def test_damaged_checkpoints_are_named(tmp_path, content):
    path = tmp_path / "run.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.safetensors is not a checkpoint, or is damaged"):
        fit(1, checkpoint=path)
    save_checkpoint(path, {"x": np.zeros(1000)}, {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(path)
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "none")


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(1, checkpoint=path)
    with pytest.raises(ValueError, match="belongs to another model"):
        fit(2, nn.Linear(64, 10), checkpoint=path)


def test_a_full_disk_warns_once_and_training_goes_on(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(train, "save_checkpoint", full)
    with pytest.warns(UserWarning, match="No space left") as caught:
        _, history = fit(3, checkpoint=tmp_path / "run")
    assert len(history) == 3 and len(caught) == 1


def test_a_write_that_fails_half_way_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run"
    save_checkpoint(path, {"x": np.zeros(3)}, {"epoch": 1})
    from pathlib import Path

    def broken(self, data):
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, {"x": np.ones(3)}, {"epoch": 2})
    assert load_checkpoint(path)[1] == {"epoch": 1} and [p.name for p in tmp_path.iterdir()] == [
        "run"
    ]


def test_weights_can_be_saved_and_loaded(tmp_path):
    a, b = model(), model()
    for p in a.parameters():
        p.data += 1
    save_model(a, tmp_path / "m.safetensors")
    load_model(b, tmp_path / "m.safetensors")
    x = tensor(SET.x[:5].astype(np.float32))
    np.testing.assert_array_equal(a.eval()(x).data, b.eval()(x).data)


def test_in_a_notebook_the_progress_bar_leaves_stderr_empty():
    import nbclient
    import nbformat

    source = (
        "import numpy as np\n"
        "from dlcore import data, functional as F, nn, optim, train\n"
        "x = np.random.default_rng(0).random((64, 4))\n"
        "m = nn.Linear(4, 4, rng=0)\n"
        "rows = data.DataLoader(data.TensorDataset(x), 16)\n"
        "train.fit(m, F.mse_loss, optim.Adam(m.parameters()), rows, epochs=3)"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
    outputs = book.cells[0].outputs
    assert not [o for o in outputs if o.get("name") == "stderr"], outputs
    shown = str(outputs)
    assert "History(3 epochs" in shown and "0/12" in shown  # the bar itself is a widget


def test_what_was_frozen_stays_frozen():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    model[1].eval()
    data = TensorDataset(np.ones((8, 2)), np.zeros(8, int))
    loader = DataLoader(data, 4)
    train.fit(
        model,
        F.cross_entropy,
        optim.SGD(model.parameters(), lr=0.1),
        loader,
        loader,
        2,
        progress=False,
    )
    assert not model[1].training and model[2].training
    assert model[1].running_mean.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("output", "target"),
    [
        (np.eye(4), np.arange(4)[:, None]),
        (np.eye(4), np.eye(4, dtype=int)),
        (np.ones((3, 1)), [1, 0, 1]),
    ],
)
def test_an_accuracy_of_other_shapes_is_refused(output, target):
    with pytest.raises(dlcore.errors.ShapeError, match="accuracy"):
        train.accuracy(output, target)


def test_accuracy_takes_tensors():
    assert train.accuracy(tensor(np.eye(4)), [0, 1, 2, 0]) == 0.75


def test_weights_that_another_library_has_saved_are_read(tmp_path):
    from safetensors.numpy import save_file

    theirs = {"weight": np.ones((1, 2), np.float32), "bias": np.full(1, 3.0, np.float32)}
    save_file(theirs, tmp_path / "theirs.safetensors")
    layer = nn.Linear(2, 1)
    load_model(layer, tmp_path / "theirs.safetensors")
    assert layer([[1.0, 1.0]]).item() == 5
