"""Arrays and tables whose values are easy to name; nothing here loads Keras or TensorFlow."""

from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.data.covariates import Covariates
from forecaster.data.series_table import SeriesTable

CHECKOUT = Path(__file__).resolve().parents[2]
NAN = np.nan


def make_table(values, lengths=None):
    """A table of hours with these values (S, N); `lengths` are the rows of its ids, one if None."""
    values = np.atleast_2d(np.asarray(values, float))
    lengths = [values.shape[1]] if lengths is None else lengths
    rows, ids = values.shape[1], len(lengths)
    return SeriesTable(
        values=values,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        starts=pd.date_range("2024-01-01", periods=len(lengths), freq="h"),
        freq=pd.offsets.Hour(),
        targets=pd.RangeIndex(len(values)),
        past_covariates=Covariates.none(rows),
        future_covariates=Covariates.none(rows),
        static_covariates=Covariates.none(ids),
    )


def ramp(targets, rows):
    """Every value names its own index: 1000 * target + row."""
    return 1000.0 * np.arange(targets)[:, None] + np.arange(rows)


def sliced(values, series, cutoff, first, last, lengths, joint):
    """A window by plain slicing: (last - first, S')."""
    targets = len(values)
    id_position = series if joint else series % len(lengths)
    start = sum(lengths[:id_position])
    rows = values[:, start : start + lengths[id_position]]
    rows = rows if joint else rows[series // len(lengths)][None]
    window = np.full((last - first, targets if joint else 1), NAN)
    for step in range(first, last):
        if 0 <= cutoff + step < lengths[id_position]:
            window[step - first] = rows[:, cutoff + step]
    return window


def walks(targets=1, rows=120, seed=0):
    """Random walks with a season of 4."""
    steps = np.random.default_rng(seed).normal(size=(targets, rows))
    return np.cumsum(steps, axis=1) + 3 * np.sin(np.arange(rows) * np.pi / 2)
