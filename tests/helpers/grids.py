"""Steps of every kind, and the grid that rows of one series are aligned to."""

import pandas as pd

from forecaster.data.alignment import align_rows as place
from forecaster.data.frame_checks import Rows

FIXED = ["s", "min", "15min", "h", "2h", "90min", "500ms"]
LOCAL = ["D", "3D", "W-SUN", "W-WED", "2W-FRI"]
CALENDAR = ["B", "MS", "ME", "2MS", "QS", "QE", "QE-JAN", "YS", "YE", "YS-APR"]
ZONES = [None, "UTC", "Europe/Berlin"]


def align_rows(times, freq=None):
    """Grid and places of the rows of one series."""
    alignment = place(Rows(times), freq)
    return alignment.grid, alignment.positions


def plain(times):
    """The same times without the freq that pandas attached to them."""
    return pd.DatetimeIndex(times, freq=None)
