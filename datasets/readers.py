"""Readers of files into frames, with values, names and order of rows as published."""

from typing import IO

import numpy as np
import pandas as pd


def read_dated(file: IO[bytes]) -> pd.DataFrame:
    """Read a CSV with a header whose first column holds the times.

    Returns:
        A wide frame: a DatetimeIndex, with its `freq` where the steps are regular, and the other
        columns of the file.
    """
    frame = pd.read_csv(file, index_col=0)
    times = pd.to_datetime(frame.index, format="ISO8601")
    frame.index = pd.DatetimeIndex(times, freq="infer", name=frame.index.name)
    return frame


def read_beijing(file: IO[bytes]) -> pd.DataFrame:
    """Read the CSV of UCI's data set 381, whose times lie in columns year, month, day and hour.

    Returns:
        A wide frame: an hourly DatetimeIndex `time` and all columns of the file but `No`, which
        numbers its rows.
    """
    frame = pd.read_csv(file, index_col="No")
    times = pd.to_datetime(frame[["year", "month", "day", "hour"]])
    frame.index = pd.DatetimeIndex(times, freq="infer", name="time")
    return frame


def read_m4(train: IO[bytes], test: IO[bytes]) -> pd.DataFrame:
    """Read the two CSVs of one M4 frequency: a row a series, its id first, blank after its end.

    Returns:
        A long frame: `unique_id`, `ds` (1 for a series' first value, one more for each next; the
        test values go on where the training values end) and `y`, series after series in the
        order of the training file.
    """
    past = pd.read_csv(train, index_col=0)
    future = pd.read_csv(test, index_col=0).loc[past.index]
    values = np.hstack([past.to_numpy(float), future.to_numpy(float)])  # (series, time)
    present = ~np.isnan(values)
    return pd.DataFrame(
        {
            "unique_id": past.index.repeat(present.sum(axis=1)),
            "ds": present.cumsum(axis=1)[present],  # (series, time) -> (rows,), series after series
            "y": values[present],
        }
    )
