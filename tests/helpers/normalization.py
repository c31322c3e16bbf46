"""The normalization of a window, written down once more."""

import numpy as np

from tests.helpers.arrays import NAN


def normalized(window, method):
    """One channel of one window in float64 NumPy: past, observed, location and scale."""
    seen = ~np.isnan(window)
    if not seen.any():
        return np.zeros_like(window), seen, NAN, 1.0
    known = window[seen].astype(np.float64)
    location = {"standard": known.mean(), "last": known[-1], "none": 0.0}[method]
    scale = 1.0 if method == "none" else known.std() or 1.0
    past = np.zeros(len(window))
    past[seen] = (known - location) / scale
    return past, seen, location, scale
