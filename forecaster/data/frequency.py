"""Frequency inference: the step of the index, or else the most common difference of its times."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, BusinessHour, Day, Hour, Week

from forecaster.data.frame_checks import Rows
from forecaster.data.time_grid import DAY, NANOSECONDS, TimeGrid, as_freq, as_numbers, is_integer

_SAMPLE = 100_000  # rows of whole series that are enough to infer the step
_SERIES_TRIED = 5  # by `pandas.infer_freq`


def own_freq(times: pd.Index) -> BaseOffset | None:
    """Return the `freq` that the index has; None if it has none."""
    if is_integer(times):
        return as_freq(None, times)  # raises: integers need a step
    if times.freq is None or isinstance(times, pd.PeriodIndex):
        return times.freq
    return as_freq(times.freq * int(np.sign(times.freq.n)), times)  # negative in a reversed index


def first_steps(times: pd.DatetimeIndex) -> Iterator[BaseOffset]:
    """Yield the steps that the first two times suggest, if they are less than a month apart."""
    if len(times) > 2 and pd.Timedelta(0) < times[1] - times[0] < 28 * DAY:
        local = times[:2].tz_localize(None)
        if not (local[1] - local[0]) % DAY:
            yield _days(local[1] - local[0], local[0])
        yield _span(times[1] - times[0])


def infer_freq(rows: Rows) -> BaseOffset:
    """Infer the step that most successive times share, in the series with the most rows.

    Series without gaps are left to pandas, if it finds the same step for all that are tried.
    Otherwise, for each kind of step, the successive times exactly one such step apart are counted,
    and the most frequent kind is returned if more than half of them are.

    Raises:
        ValueError: if no step is shared by more than half, or there are fewer than three times.
    """
    chosen, breaks = _sorted_sample(rows)
    times = rows.times[chosen]
    found = {_infer_gapless(run) for run in _runs(times, breaks)[:_SERIES_TRIED]}
    if len(found) == 1 and None not in found:
        return found.pop()
    inner = np.delete(np.arange(len(times)), breaks)
    if len(inner) > 1:
        share, freq = max(_shares(times[inner - 1], times[inner]), key=itemgetter(0))
        if share > 0.5:
            return freq
    raise ValueError(
        f"`freq` must be given where most of the steps between times differ, or there are fewer "
        f"than three times. Received: freq=None, {len(times)} times: {rows.named(chosen)}. Give "
        f"e.g. 'h', 'D', 'B', 'W-SUN' or 'MS'."
    )


def _sorted_sample(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of the longest series, sorted by series and time, and where each begins."""
    if rows.codes is None:
        chosen, codes = np.arange(len(rows.times)), np.zeros(len(rows.times), np.int8)
    else:
        counts = np.bincount(rows.codes)
        longest = np.argsort(-counts, kind="stable")
        before = np.cumsum(counts[longest]) - counts[longest]
        is_chosen = np.zeros(len(counts), bool)
        is_chosen[longest[before < _SAMPLE]] = True
        chosen = np.flatnonzero(is_chosen[rows.codes])
        codes = rows.codes[chosen]
    numbers = as_numbers(rows.times)[chosen]
    order = np.lexsort((numbers, codes))
    is_new_id = np.diff(codes[order], prepend=-1) > 0
    is_new = is_new_id | (np.diff(numbers[order], prepend=0) > 0)  # duplicates are rejected later
    return chosen[order[is_new]], np.flatnonzero(is_new_id[is_new])


def _runs(times: pd.DatetimeIndex, breaks: np.ndarray) -> list[pd.DatetimeIndex]:
    """Split the times of several series at the first of each."""
    ends = [*breaks[1:], len(times)]
    return [times[first:end] for first, end in zip(breaks, ends, strict=True)]


def _infer_gapless(times: pd.DatetimeIndex) -> BaseOffset | None:
    """Infer the step of times without gaps; None if there is none."""
    found = pd.DatetimeIndex(times, freq="infer").freq if len(times) > 2 else None
    if isinstance(found, BusinessHour) and not TimeGrid(times[:1], found).is_exactly(times):
        return None  # eight hours of a day, but not those from 9 to 17 on working days
    return found


def _days(gap: pd.Timedelta, first: pd.Timestamp) -> BaseOffset:
    """Return a step of days, or of weeks on the weekday of `first`."""
    days = gap // DAY
    return Day(days) if days % 7 else Week(days // 7, weekday=first.weekday())


def _span(gap: pd.Timedelta) -> BaseOffset:
    """Return a step of a fixed span of absolute time."""
    hours, rest = divmod(gap, pd.Timedelta(hours=1))
    # Not to_offset for whole hours: pandas 2 would make a local day of 24.
    return to_offset(gap) if rest else Hour(hours)


def _shares(
    before: pd.DatetimeIndex, after: pd.DatetimeIndex
) -> Iterator[tuple[float, BaseOffset]]:
    """Yield each kind of step with its share of the successive times, the preferred kinds first."""
    local = [times.tz_localize(None) for times in (before, after)]
    days = [times.normalize() for times in local]
    is_same_hour = (local[0] - days[0] == local[1] - days[1]).all()
    if is_same_hour:
        months = [times.year.to_numpy(np.int64) * 12 + times.month.to_numpy() for times in local]
        step, equal = _median(months[1] - months[0])
        for edge, letter in (("is_month_start", "S"), ("is_month_end", "E")):
            anchored = getattr(local[0], edge) & getattr(local[1], edge)
            if step > 0 and anchored.any():
                yield (anchored & equal).mean(), _months(step, local[0][anchored][0], letter)
    step, equal = _median(days[1].asi8 - days[0].asi8)
    if step > 0:
        gap = pd.Timedelta(step * NANOSECONDS[days[0].unit])
        yield equal.mean(), _days(gap, local[0][0])
    step, equal = _median(after.asi8 - before.asi8)
    yield equal.mean(), _span(pd.Timedelta(step * NANOSECONDS[before.unit]))
    if is_same_hour:
        dates = [day.to_numpy().astype("M8[D]") for day in days]
        working = np.is_busday(dates[0]) & np.is_busday(dates[1])
        yield (working & (np.busday_count(*dates) == 1)).mean(), to_offset("B")


def _median(steps: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the median, which any step shared by more than half is, and the steps equal to it."""
    median = np.partition(steps, len(steps) // 2)[len(steps) // 2]
    return int(median), steps == median


def _months(step: int, first: pd.Timestamp, letter: str) -> BaseOffset:
    """Return a step of months, quarters or years, at their start ("S") or end ("E")."""
    if step % 12 == 0:
        return step // 12 * to_offset(f"Y{letter}-{first.strftime('%b').upper()}")
    if step % 3 == 0:
        return step // 3 * to_offset(f"Q{letter}-{first.strftime('%b').upper()}")
    return step * to_offset(f"M{letter}")
