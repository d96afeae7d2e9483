"""Splits without leakage, standardization, and shuffled mini-batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from dlcore.backend.device import to_numpy
from dlcore.dtypes import size
from dlcore.operands import as_tensor, floats, plain_index
from dlcore.rng import generator
from dlcore.tensor import Tensor


def split(
    x: Any,
    sizes: Sequence[float] = (0.8, 0.2),
    y: Any = None,
    groups: Any = None,
    rng: np.random.Generator | int | None = None,
) -> list[np.ndarray]:
    """Divide rows at random into parts; returns the row numbers of each part.

    What belongs together stays together: rows with the same entry in ``groups`` (a patient, a
    document), and always rows that are equal, since a copy in the test set measures memory. With
    ``y`` each class is divided in the same proportion.
    Shapes: x (N, ...), y and groups (N,) -> one array of row numbers for each size.
    Raises ValueError unless the sizes are positive and add up to 1.

    >>> train, test = split([[0.0], [1.0], [2.0], [2.0]], (0.5, 0.5), rng=0)
    >>> len(train) + len(test), bool((2 in train) == (3 in train))
    (4, True)
    """
    if any(s <= 0 for s in sizes) or abs(sum(sizes) - 1) > 1e-9:
        raise ValueError(f"split: sizes must be positive and add up to 1, not {tuple(sizes)}")
    rows = to_numpy(as_tensor("split", x).data)
    bundle = _bundles(rows.reshape(len(rows), -1), groups)
    labels = np.zeros(len(rows), int) if y is None else to_numpy(as_tensor("split", y).data)
    if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
        raise ValueError("split: y must be classes; leave it out where it is a quantity")
    rng = generator(rng)
    parts: list[list[int]] = [[] for _ in sizes]
    for label in np.unique(labels):
        # a bundle with rows of several classes goes with the first of them
        own = [b for b in bundle if labels[b[0]] == label]
        total = sum(len(b) for b in own)
        edges, done, at = np.cumsum(sizes) * total, 0, 0
        for k in rng.permutation(len(own)):
            while at < len(sizes) - 1 and done + len(own[k]) / 2 > edges[at]:
                at += 1
            parts[at].extend(own[k])
            done += len(own[k])
    return [np.sort(np.array(part, dtype=int)) for part in parts]


def _bundles(rows: np.ndarray, groups: Any) -> list[list[int]]:
    """Row numbers that must not be separated: connected by equal contents or equal group."""
    leader = list(range(len(rows)))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    keys = [row.tobytes() for row in rows]
    sources = [keys] if groups is None else [keys, list(groups)]
    for source in sources:
        first: dict[Any, int] = {}
        for i, key in enumerate(source):
            leader[find(i)] = find(first.setdefault(key, i))
    found: dict[int, list[int]] = {}
    for i in range(len(rows)):
        found.setdefault(find(i), []).append(i)
    return list(found.values())


class Scaler(NamedTuple):
    """Shifts and stretches columns to mean 0 and variance 1, by what the *training* rows were.

    Shapes: mean and std (D,).
    """

    mean: Any
    std: Any

    @classmethod
    def fit(cls, x: Any) -> Scaler:
        """Measure training rows (N, D). A constant column is only shifted."""
        x = floats("Scaler", x)
        if not len(x):
            raise ValueError("Scaler: there are no rows to measure")
        if np.isnan(x).any():
            columns = np.flatnonzero(np.isnan(x).any(axis=0)).tolist()
            raise ValueError(
                f"Scaler: columns {columns} hold NaN; fill them, or leave those rows out, before measuring"
            )
        varies = x.max(axis=0) > x.min(axis=0)  # the std of equal numbers is rounding, not 0
        mean = np.where(varies, x.mean(axis=0), x[0])
        return cls(mean, np.where(varies, x.std(axis=0), x.dtype.type(1)))

    def __call__(self, x: Any) -> Any:
        """Scale any rows.  Shapes: (..., D) -> same."""
        return (x - self.mean) / self.std


class TensorDataset:
    """Several arrays whose rows belong together: inputs and targets.

    Floating-point arrays become float32.  Raises ValueError for different lengths.
    """

    def __init__(self, *arrays: Any) -> None:
        plain = [as_tensor("TensorDataset", a).data for a in arrays]
        if any(a.ndim == 0 for a in plain):
            raise ValueError("TensorDataset: one number has no rows")
        if len({len(a) for a in plain}) != 1:
            raise ValueError(f"TensorDataset: lengths {[len(a) for a in plain]} must be equal")
        self.arrays = [a.astype(np.float32) if a.dtype == np.float64 else a for a in plain]

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(a[plain_index(index, a)] for a in self.arrays)


class DataLoader:
    """Batches of a dataset, in a new random order at each pass if ``shuffle``.

    ``dataset`` is a ``TensorDataset`` or any sequence. ``collate_fn`` turns a list of items into a
    batch; without it, rows are stacked into tensors. ``rng`` is a seed or a generator: two loaders
    with the same seed give the same batches.
    Raises ValueError for a batch size below 1.

    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2)
    >>> [batch.data.tolist() for (batch,) in loader]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        batch_size = size("DataLoader", "batch_size", batch_size, 1)
        tables = isinstance(dataset, tuple) and any(hasattr(part, "shape") for part in dataset)
        if tables or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise TypeError(
                f"DataLoader: a dataset is needed, not a {type(dataset).__name__}\n"
                "  write TensorDataset(x, y), or give a list of items"
            )
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle
        self.drop_last, self.collate_fn = drop_last, collate_fn
        self.rng = generator(rng)

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        n = len(self.dataset)
        order = self.rng.permutation(n) if self.shuffle else np.arange(n)
        for k in range(len(self)):
            rows = order[k * self.batch_size : (k + 1) * self.batch_size]
            yield self._batch(rows)

    def _batch(self, rows: Any) -> Any:
        if isinstance(self.dataset, TensorDataset) and self.collate_fn is None:
            return tuple(Tensor(a) for a in self.dataset[rows])
        items = [self.dataset[int(i)] for i in rows]
        if self.collate_fn is not None:
            return self.collate_fn(items)
        if not isinstance(items[0], tuple):
            return Tensor(np.stack(items))
        return tuple(Tensor(np.stack(column)) for column in zip(*items, strict=True))
