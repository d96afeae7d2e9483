"""Data sets: scikit-learn's bundled ones, points drawn in the plane, and MNIST from files that you have."""

from __future__ import annotations

import gzip
import itertools
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlcore.data.bundled import bundled


class Dataset(NamedTuple):
    """Inputs x (N, D), labels y (N,) integers, and what the columns and classes are called.

    x is float64; float32 for MNIST, which would take 400 MB otherwise.
    """

    x: NDArray[np.floating]
    y: NDArray[np.integer]
    features: tuple[str, ...]
    classes: tuple[str, ...]


_WINE = (
    *("alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols", "flavanoids"),
    *("nonflavanoid phenols", "proanthocyanins", "color intensity", "hue", "od280/od315 of diluted wines"),
    "proline",
)  # fmt: skip
_NUCLEI = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity",
           "concave points", "symmetry", "fractal dimension")  # fmt: skip


def _table(name: str, features: tuple[str, ...]) -> Dataset:
    """One of scikit-learn's tables: a first line with its size and its classes, then a row for each example."""
    path = bundled("sklearn", f"datasets/data/{name}.csv")
    with path.open(encoding="utf-8") as lines:
        _, _, *classes = lines.readline().strip().split(",")
        rows = np.loadtxt(lines, delimiter=",")
    return Dataset(rows[:, :-1].copy(), rows[:, -1].astype(np.int64), features, tuple(classes))


def iris() -> Dataset:
    """150 flowers of three species, four lengths in centimeters (Fisher, 1936)."""
    return _table("iris", ("sepal length", "sepal width", "petal length", "petal width"))


def wine() -> Dataset:
    """178 wines of three growers, thirteen chemical measurements (Aeberhard and Forina, 1991)."""
    return _table("wine_data", _WINE)


def breast_cancer() -> Dataset:
    """569 tumors, malignant or benign, thirty measurements of cell nuclei (Wolberg et al., 1995)."""
    names = [
        [f"mean {n}" for n in _NUCLEI],
        [f"{n} error" for n in _NUCLEI],
        [f"worst {n}" for n in _NUCLEI],
    ]
    return _table("breast_cancer", tuple(itertools.chain.from_iterable(names)))


def digits() -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels, gray values scaled to 0..1 (Alpaydin and Kaynak, 1998)."""
    with gzip.open(
        bundled("sklearn", "datasets/data/digits.csv.gz"), "rt", encoding="ascii"
    ) as lines:
        rows = np.loadtxt(lines, delimiter=",")
    features = tuple(f"pixel {i // 8},{i % 8}" for i in range(64))
    return Dataset(rows[:, :-1] / 16, rows[:, -1].astype(np.int64), features, tuple("0123456789"))


def blobs(n: int, rng: np.random.Generator, distance: float = 3.0, spread: float = 0.8) -> Dataset:
    """Two round clouds in the plane, ``n`` points each, whose centers lie ``distance`` apart."""
    center = np.array([distance, distance]) / (2 * np.sqrt(2))
    x = np.concatenate([c + spread * rng.standard_normal((n, 2)) for c in (-center, center)])
    return Dataset(x, np.repeat([0, 1], n), ("x1", "x2"), ("0", "1"))


def xor(n: int, rng: np.random.Generator, spread: float = 0.25) -> Dataset:
    """Four clouds at the corners of a square, ``n`` points each; opposite corners share a class."""
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], dtype=float)
    x = np.concatenate([c + spread * rng.standard_normal((n, 2)) for c in corners])
    return Dataset(x, np.repeat([0, 1, 1, 0], n), ("x1", "x2"), ("same", "different"))


def moons(n: int, rng: np.random.Generator, spread: float = 0.1) -> Dataset:
    """Two half circles that reach into each other, ``n`` points each."""
    angle = np.pi * rng.random(n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    x = np.concatenate([upper, lower]) + spread * rng.standard_normal((2 * n, 2))
    return Dataset(x, np.repeat([0, 1], n), ("x1", "x2"), ("upper", "lower"))


def spirals(
    n: int, rng: np.random.Generator, arms: int = 2, turns: float = 1.5, spread: float = 0.05
) -> Dataset:
    """``arms`` spirals wound into each other, ``n`` points each, from the middle to radius 1."""
    radius = np.sqrt(rng.random((arms, n)))  # evenly over the area
    angle = 2 * np.pi * (turns * radius + np.arange(arms)[:, None] / arms)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(-1, 2)
    x += spread * rng.standard_normal(x.shape)
    names = tuple(str(k) for k in range(arms))
    return Dataset(x, np.repeat(np.arange(arms), n), ("x1", "x2"), names)


_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: str | Path) -> NDArray[Any]:
    """Read an array in the IDX format of MNIST, packed with gzip or not.

    The first four bytes are 0, 0, the type and the number of dimensions; then come the sizes,
    each as four bytes, most significant first, and the numbers.
    Raises FileNotFoundError, ValueError that says what is wrong with the file.
    """
    path = Path(path)
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise ValueError(f"{path.name}: the gzip file is damaged; download it again") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_TYPES:
        raise ValueError(f"{path.name} is not an IDX file (it must begin with 00 00 and a type)")
    header = 4 + 4 * raw[3]
    if len(raw) < header:
        raise ValueError(f"{path.name} ends within its header; download it again")
    shape = tuple(int(n) for n in np.frombuffer(raw[4:header], ">u4"))
    dtype = np.dtype(_IDX_TYPES[raw[2]])
    wanted = header + math.prod(shape) * dtype.itemsize
    if len(raw) != wanted:
        raise ValueError(
            f"{path.name}: {len(raw)} bytes where {wanted} are needed; download it again"
        )
    return np.frombuffer(raw[header:], dtype).reshape(shape).astype(dtype.newbyteorder("="))


def mnist(folder: str | Path, train: bool = True) -> Dataset:
    """MNIST (LeCun et al., 1998), or any set with the same file names, from files you have.

    70,000 gray pictures of 28 x 28 pixels, scaled to 0..1. ``folder`` holds
    train-images-idx3-ubyte, train-labels-idx1-ubyte and the two t10k files, with or without .gz.
    Raises FileNotFoundError that names the missing file, ValueError for files that do not fit.
    """
    return _pictures(folder, train, tuple("0123456789"))


def fashion_mnist(folder: str | Path, train: bool = True) -> Dataset:
    """Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): as ``mnist``, with ten kinds of clothes."""
    names = "T-shirt Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot"
    return _pictures(folder, train, tuple(names.split()))


def _pictures(folder: str | Path, train: bool, classes: tuple[str, ...]) -> Dataset:
    start = "train" if train else "t10k"
    images = read_idx(_find(Path(folder), f"{start}-images-idx3-ubyte"))
    labels = read_idx(_find(Path(folder), f"{start}-labels-idx1-ubyte"))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(f"{folder}: images {images.shape} and labels {labels.shape} do not fit")
    n, h, w = images.shape
    names = tuple(f"pixel {i // w},{i % w}" for i in range(h * w))
    return Dataset(
        images.reshape(n, -1).astype(np.float32) / 255, labels.astype(np.int64), names, classes
    )


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise FileNotFoundError(
        f"{folder} has no {name} (or {name}.gz)\n"
        "  download the four files of the set into that folder; without them, use digits()"
    )
