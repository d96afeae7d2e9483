"""Data sets: what they promise, the same for one seed, and split without leaking."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcore import data
from dlcore.data.loader import DataLoader, Scaler, TensorDataset, split

BUNDLED = {
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast_cancer": (569, 30, 2),
    "digits": (1797, 64, 10),
}
DRAWN = {"blobs": 2, "xor": 4, "moons": 2, "spirals": 2}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_tables(name):
    found, (n, d, k) = getattr(data, name)(), BUNDLED[name]
    assert found.x.shape == (n, d) and found.y.shape == (n,) and found.x.dtype == np.float64
    assert len(found.features) == d and set(found.y) == set(range(k)) and len(found.classes) == k
    assert all(isinstance(word, str) for word in (*found.features, *found.classes))


def test_digits_are_scaled():
    assert data.digits().x.min() == 0 and data.digits().x.max() == 1


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_points_follow_their_seed(name):
    a, b, c = (getattr(data, name)(25, np.random.default_rng(s)) for s in (0, 0, 1))
    assert a.x.shape == (25 * DRAWN[name], 2) and a.y.shape == a.x.shape[:1]
    np.testing.assert_array_equal(a.x, b.x)
    assert (a.x != c.x).any() and set(a.y) == {0, 1} and len(a.classes) == 2


def test_spirals_have_as_many_arms_as_asked():
    assert set(data.spirals(10, np.random.default_rng(0), arms=3).y) == {0, 1, 2}


def idx(array, kind):
    header = struct.pack(">BBBB", 0, 0, kind, array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize(
    ("kind", "dtype"), [(8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_of_every_type(tmp_path, kind, dtype, packed):
    array = (np.arange(24) - (0 if kind == 8 else 5)).astype(dtype).reshape(2, 3, 4)
    raw = idx(array, kind)
    (tmp_path / "a").write_bytes(gzip.compress(raw) if packed else raw)
    found = data.read_idx(tmp_path / "a")
    np.testing.assert_array_equal(found, array)
    assert found.dtype.isnative


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x07\x01", "not an IDX file"),
        (b"PNG.....", "not an IDX file"),
        (idx(np.zeros((2, 3), "u1"), 8)[:-1], "17 bytes where 18 are needed"),
        (b"\x00\x00\x08\x03\x00", "download it again"),
        (b"\x1f\x8bxxxx", "gzip file is damaged"),
    ],
)
def test_damaged_idx_files(tmp_path, raw, words):
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(ValueError, match=words):
        data.read_idx(tmp_path / "a")


def test_mnist_from_files_one_has(tmp_path):
    rng = np.random.default_rng(0)
    for start, n in (("train", 6), ("t10k", 3)):
        images, labels = rng.integers(0, 256, (n, 28, 28)).astype("u1"), np.arange(n).astype("u1")
        (tmp_path / f"{start}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images, 8)))
        (tmp_path / f"{start}-labels-idx1-ubyte").write_bytes(idx(labels, 8))
    found = data.mnist(tmp_path, train=False)
    assert found.x.shape == (3, 784) and list(found.y) == [0, 1, 2]
    np.testing.assert_allclose(found.x * 255, images.reshape(3, -1))
    assert data.fashion_mnist(tmp_path).classes[9] == "Boot"
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(5, "u1"), 8))
    with pytest.raises(ValueError, match="do not fit"):
        data.mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="train-labels-idx1-ubyte") as caught:
        data.mnist(tmp_path)
    assert "digits()" in str(caught.value)


@given(
    n=st.integers(1, 60), seed=st.integers(0, 99), grouped=st.booleans(), classes=st.integers(1, 4)
)
def test_splits_are_complete_disjoint_and_keep_together_what_belongs_together(
    n, seed, grouped, classes
):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, (n, 2)).astype(float)  # with many equal rows
    groups = rng.integers(0, max(1, n // 3), n) if grouped else None
    parts = split(x, (0.6, 0.2, 0.2), rng.integers(0, classes, n), groups, rng=seed)
    assert sorted(np.concatenate(parts)) == list(range(n))
    where = np.empty(n, int)
    for k, rows in enumerate(parts):
        where[rows] = k
    for i in range(n):
        for j in range(i):
            if (x[i] == x[j]).all() or (grouped and groups[i] == groups[j]):
                assert where[i] == where[j]


def test_classes_are_divided_alike_and_copies_do_not_leak():
    iris = data.iris()
    train, test = split(iris.x, (0.7, 0.3), iris.y, rng=0)
    assert np.bincount(iris.y[train]).tolist() == [35, 35, 35]
    seen = {row.tobytes() for row in iris.x[train]}
    assert not any(row.tobytes() in seen for row in iris.x[test])  # iris has two equal flowers
    assert len(np.unique(iris.x, axis=0)) == 149
    with pytest.raises(ValueError, match="add up to 1"):
        split(iris.x, (0.7, 0.7))


def test_scaling_uses_the_training_rows_alone():
    x = np.random.default_rng(0).normal(5, 3, (100, 3))
    x[:, 2] = 7
    scale = Scaler.fit(x[:50])
    np.testing.assert_allclose(scale(x[:50])[:, :2].std(axis=0), 1)
    np.testing.assert_array_equal(scale(x)[:, 2], 0)
    assert abs(scale(x[50:])[:, 0].mean()) > 1e-6


def test_loader_shuffles_by_seed_and_drops_the_rest():
    rows = TensorDataset(np.arange(10), np.arange(10) * 0.5)
    order = lambda loader: [int(i) for batch, _ in loader for i in batch.data]
    a, b = (DataLoader(rows, 3, shuffle=True, rng=1) for _ in range(2))
    first = order(a)
    assert first == order(b) and sorted(first) == list(range(10)) and order(a) != first
    assert order(DataLoader(rows, 3)) == list(range(10))
    short = DataLoader(rows, 3, drop_last=True)
    assert len(short) == 3 and len(order(short)) == 9 and len(a) == 4
    x, y = next(iter(a))
    assert y.dtype == np.float32 and x.dtype.kind == "i"
    with pytest.raises(ValueError, match="at least 1"):
        DataLoader(rows, 0)
    with pytest.raises(ValueError, match="must be equal"):
        TensorDataset(np.arange(3), np.arange(4))


def test_loader_takes_any_sequence_and_a_collate_function():
    words = ["a", "bb", "ccc"]
    assert list(DataLoader(words, 2, collate_fn=len)) == [2, 1]
    pairs = [(np.ones(2), 0), (np.zeros(2), 1)]
    x, y = next(iter(DataLoader(pairs, 2)))
    assert x.shape == (2, 2) and y.data.tolist() == [0, 1]
