"""Comparisons of arrays and of frames."""

import numpy as np
import pandas as pd


def assert_close(actual, expected, tolerance=1e-5):
    """By the largest error over the largest value."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def assert_unchanged(frame, before):
    if isinstance(frame, pd.Series):
        pd.testing.assert_series_equal(frame, before, check_freq=True, check_exact=True)
    else:
        pd.testing.assert_frame_equal(frame, before, check_freq=True, check_exact=True)
