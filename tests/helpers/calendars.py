"""Times in many zones, and what their features must be by other calendars than ours."""

import calendar
from datetime import date, timedelta, timezone

import numpy as np
import pandas as pd

from forecaster.inputs.time_features import (
    as_time_features,
)

CYCLES = ["hour", "day_of_week", "day_of_month", "day_of_year", "week", "month"]
ZONES = [
    *(None, "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"),
    timezone(timedelta(hours=-3, minutes=-30)),
]


def of_zone(zone, names=CYCLES):
    """The features of data in this zone."""
    return as_time_features(names, pd.DatetimeIndex([], tz=zone))


def at(seconds, zone=None):
    """Unix seconds as times."""
    return pd.DatetimeIndex(np.asarray(seconds, "M8[s]")).tz_localize("UTC").tz_convert(zone)


def two_centuries(zone):
    """Times from 1900 to 2099 at an odd step, which meets every hour, weekday and month."""
    times = pd.date_range("1900-01-01", "2099-12-31 23:59", freq="25033s", unit="s")
    return times.tz_localize("UTC").tz_convert(zone) if zone else times


def changes_of_clocks(zone):
    """The seconds around every transition, by the database of time zones and not by our table."""
    hours = np.arange("1900", "2100", dtype="M8[h]")
    ahead = pd.DatetimeIndex(hours).tz_localize("UTC").tz_convert(zone).tz_localize(None) - hours
    last = hours[:-1][np.diff(ahead.asi8) != 0].astype("M8[s]").astype(int)
    return (last[:, None] + [0, 1, 1799, 1800, 1801, 3599, 3600, 3601]).ravel()


def waves(cycles):
    """Sine and cosine of every (place, length), last axis."""
    angles = [np.asarray(2 * np.pi * place / length) for place, length in cycles]
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=-1)


def from_pandas(times):
    """(N, 12) what the six cycles must be, by the fields of pandas."""
    iso = times.isocalendar()
    weeks_of_year = {year: last_week(year) for year in iso.year.unique()}
    cycles = [
        ((times.hour * 60 + times.minute) * 60 + times.second, 86400),
        (times.day_of_week, 7),
        (times.day - 1, times.days_in_month),
        (times.day_of_year - 1, 365 + times.is_leap_year),
        (iso.week.to_numpy(float) - 1, iso.year.map(weeks_of_year).to_numpy(float)),
        (times.month - 1, 12),
    ]
    return waves(cycles)


def from_python(moment):
    """(12,) the same by Python's own calendar, which knows more years than pandas."""
    iso = moment.isocalendar()
    cycles = [
        ((moment.hour * 60 + moment.minute) * 60 + moment.second, 86400),
        (moment.weekday(), 7),
        (moment.day - 1, calendar.monthrange(moment.year, moment.month)[1]),
        (moment.timetuple().tm_yday - 1, 365 + calendar.isleap(moment.year)),
        (iso.week - 1, last_week(iso.year)),
        (moment.month - 1, 12),
    ]
    return waves(cycles)


def last_week(year):
    return date(year, 12, 28).isocalendar().week


def assert_same(actual, expected, tolerance=1e-6):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max(initial=0) < tolerance  # both lie between -1 and 1
