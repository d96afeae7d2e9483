"""Data without downloads, and the way from a table to batches.

    datasets   scikit-learn's bundled tables, points in the plane, MNIST's files
    text       number words, dates, names, prose; vocabulary
    series     sunspots, and the vibration of a machine
    bundled    files that installed packages bring along
    loader     splits without leakage, standardization, batches

>>> from dlcore import data
>>> data.digits().x.shape
(1797, 64)
"""

from dlcore.data.datasets import Dataset as Dataset
from dlcore.data.datasets import blobs as blobs
from dlcore.data.datasets import breast_cancer as breast_cancer
from dlcore.data.datasets import digits as digits
from dlcore.data.datasets import fashion_mnist as fashion_mnist
from dlcore.data.datasets import iris as iris
from dlcore.data.datasets import mnist as mnist
from dlcore.data.datasets import moons as moons
from dlcore.data.datasets import read_idx as read_idx
from dlcore.data.datasets import spirals as spirals
from dlcore.data.datasets import wine as wine
from dlcore.data.datasets import xor as xor
from dlcore.data.loader import DataLoader as DataLoader
from dlcore.data.loader import Scaler as Scaler
from dlcore.data.loader import TensorDataset as TensorDataset
from dlcore.data.loader import split as split
