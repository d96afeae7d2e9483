"""Numbers in the order of time, from real life."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sunspots() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The years 1700 to 2008, and the mean number of sunspots in each (NOAA, as statsmodels bundles it).

    Shapes: (309,), (309,).
    """
    from statsmodels.datasets import sunspots as bundled

    table = bundled.load_pandas().data
    return table["YEAR"].to_numpy(np.int64), table["SUNACTIVITY"].to_numpy(np.float64)
