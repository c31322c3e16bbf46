"""Checks of the times that a serving graph is given, with operations that every server has.

Milliseconds for seconds, a gap, or times in falling order would be other times of day and year,
and the forecast would be wrong without a word. Here they end the call with a message.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import tensorflow as tf
from pandas.tseries.offsets import BaseOffset, BusinessHour, CustomBusinessHour, Day, Tick, Week

from forecaster.data.time_grid import freq_name
from forecaster.inputs.time_features import TimeFeatures, unix_seconds

_LAST = 9_223_372_036  # seconds from 1970 to 2262, and to 1677: those that pandas counts in "ns"
_DAY = 86_400  # seconds
_SKIPPED = 7_200  # the longest that clocks skip, in seconds: a skipped time is the one after it


def checked_times(
    times: tf.Tensor, features: TimeFeatures, freq: BaseOffset, like: pd.Index
) -> tf.Tensor:
    """Return (B, T) unix seconds, which the graph checks on each call.

    Args:
        times: of the history and the horizon, int64.
        features: their zone is that of the times.
        freq: step of the times.
        like: (I,) times of the fit.

    Raises:
        tf.errors.InvalidArgumentError: on a call, if a time is outside of the years 1677 to 2262,
            as milliseconds are, or not one step after the one before it.
    """
    is_in_range = tf.abs(times) <= _LAST
    before, after = times[:, :-1], times[:, 1:]
    is_next = _are_next(before, after, features, freq, like)
    seconds = (
        "`past_time` and `future_time` must hold seconds since 1970-01-01 UTC, of 1677 to 2262"
    )
    steps = f"one step of freq={freq_name(freq)} after another, and `future_time` goes on from it"
    checks = [
        tf.debugging.Assert(
            tf.reduce_all(is_in_range),
            [f"{seconds}. Received:", tf.boolean_mask(times, ~is_in_range)],
            summarize=5,
        ),
        tf.debugging.Assert(
            tf.reduce_all(is_next | ~is_in_range[:, 1:]),
            [
                f"`past_time` must hold times {steps}. Received:",
                tf.boolean_mask(after, ~is_next),
                "after",
                tf.boolean_mask(before, ~is_next),
            ],
            summarize=5,
        ),
    ]
    with tf.control_dependencies([check for check in checks if check is not None]):
        return tf.identity(times)


def _are_next(
    before: tf.Tensor, after: tf.Tensor, features: TimeFeatures, freq: BaseOffset, like: pd.Index
) -> tf.Tensor:
    """Return whether times are one step after those before them: (B, T) -> bool (B, T)."""
    is_days = isinstance(freq, Day | Week)  # in pandas 2 a Day is a Tick too
    if isinstance(freq, Tick) and not is_days:
        step = after - before
        return (freq.nanos // 10**9 <= step) & (step <= -(-freq.nanos // 10**9))
    begin, end = features.local_seconds(before), features.local_seconds(after)
    if is_days:
        count, slack = freq.n * (7 if isinstance(freq, Week) else 1), _SKIPPED
        number, since = begin // _DAY, begin % _DAY
        next_number, next_since = end // _DAY, end % _DAY
        is_known = tf.ones_like(begin, tf.bool)
    else:
        is_hourly = isinstance(freq, BusinessHour | CustomBusinessHour)
        count, slack = freq.n, 0 if is_hourly else _SKIPPED
        start = like[0].start_time if isinstance(like, pd.PeriodIndex) else like[0]
        dates = unix_seconds(calendar(freq.base, start if is_hourly else start.normalize()))
        (number, since), (next_number, next_since) = _on(dates, begin), _on(dates, end)
        is_known = (number >= 0) & (next_number < len(dates) - 1)
    is_step = (next_number - number == count) & (tf.abs(next_since - since) <= slack)
    return tf.where(is_known, is_step, after > before)


def _on(dates: np.ndarray, times: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the number of the last date at or before each time, and the seconds since it.

    Times before the first date have the number -1.
    """
    flat = tf.reshape(times, [-1])  # (B, T) -> (B * T,)
    number = tf.searchsorted(dates, flat, side="right", out_type=tf.int64) - 1
    since = flat - tf.gather(dates, tf.maximum(number, 0))
    return tf.reshape(number, tf.shape(times)), tf.reshape(since, tf.shape(times))


def calendar(each: BaseOffset, start: pd.Timestamp) -> pd.DatetimeIndex:
    """List the dates of a calendar at the hour of `start`, in local time.

    They are those from 1900 to 2099, and of months and longer steps those from 1678 to 2261.
    """
    first = each.rollforward(pd.Timestamp("2001-01-01"))
    years = (1678, 2262) if first + each - first >= pd.Timedelta(days=28) else (1900, 2100)
    begin, end = (pd.Timestamp(f"{year}-01-01") for year in years)
    begin += start.tz_localize(None) - start.tz_localize(None).normalize()
    if not isinstance(each, BusinessHour | CustomBusinessHour):
        return pd.date_range(each.rollback(begin), end, freq=each)
    # `date_range` takes half a minute for them: all days have the hours of one.
    monday, tuesday, wednesday = pd.date_range("2001-01-01", periods=3)
    some = pd.date_range(monday + (begin - begin.normalize()), wednesday, freq=each)
    hours = some[(some >= tuesday) & (some < wednesday)] - tuesday
    days = pd.date_range(begin.normalize(), end, freq="B")
    return days.repeat(len(hours)) + np.tile(hours, len(days))
