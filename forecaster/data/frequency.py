"""The step of a frame: what its index says, or else what most neighbours in time share."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, Day, Hour, Week

from forecaster.data.frame_checks import Rows
from forecaster.data.time_grid import DAY, NANOSECONDS, as_freq, as_numbers, is_integer

_SAMPLE = 100_000  # rows that are enough to find the step, if they are whole series
_LOOKED_AT = 5  # series that pandas is asked about


def own_freq(times: pd.Index) -> BaseOffset | None:
    """The step that the index itself names."""
    if is_integer(times):
        return as_freq(None, times)  # says that integers need one
    if times.freq is None or isinstance(times, pd.PeriodIndex):
        return times.freq
    return as_freq(times.freq * int(np.sign(times.freq.n)), times)  # negative in a reversed index


def first_steps(times: pd.DatetimeIndex) -> Iterator[BaseOffset]:
    """What the first two times suggest, where months and quarters cannot be meant."""
    if len(times) > 2 and pd.Timedelta(0) < times[1] - times[0] < 28 * DAY:
        wall = times[:2].tz_localize(None)
        if not (wall[1] - wall[0]) % DAY:
            yield _days(wall[1] - wall[0], wall[0])
        yield _span(times[1] - times[0])


def infer_freq(rows: Rows) -> BaseOffset:
    """The step that most neighbours in time share, among the series with the most rows.

    Gapless series are left to pandas, if all that it looks at have one step. Otherwise each kind
    of step counts the neighbours that lie exactly one such step apart, and the kind with most of
    them wins if that is more than half.
    """
    chosen, breaks = _sorted_sample(rows)
    times = rows.times[chosen]
    found = {_infer_gapless(run) for run in _runs(times, breaks)[:_LOOKED_AT]}
    if len(found) == 1 and None not in found:
        return found.pop()
    inner = np.delete(np.arange(len(times)), breaks)
    share, freq = 0.0, None
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
    """Rows of the longest series in order of series and time, and where each series begins."""
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
    is_new = is_new_id | (np.diff(numbers[order], prepend=0) > 0)  # duplicates are named later
    return chosen[order[is_new]], np.flatnonzero(is_new_id[is_new])


def _runs(times: pd.DatetimeIndex, breaks: np.ndarray) -> list[pd.DatetimeIndex]:
    ends = [*breaks[1:], len(times)]
    return [times[first:end] for first, end in zip(breaks, ends, strict=True)]


def _infer_gapless(times: pd.DatetimeIndex) -> BaseOffset | None:
    return pd.DatetimeIndex(times, freq="infer").freq if len(times) > 2 else None


def _days(gap: pd.Timedelta, first: pd.Timestamp) -> BaseOffset:
    days = gap // DAY
    return Day(days) if days % 7 else Week(days // 7, weekday=first.weekday())


def _span(gap: pd.Timedelta) -> BaseOffset:
    hours, rest = divmod(gap, pd.Timedelta(hours=1))
    # Not to_offset for whole hours: pandas 2 would make a local day of 24.
    return to_offset(gap) if rest else Hour(hours)


def _shares(
    before: pd.DatetimeIndex, after: pd.DatetimeIndex
) -> Iterator[tuple[float, BaseOffset]]:
    """Each kind of step with the share of neighbours one such step apart, the first ones first."""
    walls = [times.tz_localize(None) for times in (before, after)]
    days = [wall.normalize() for wall in walls]
    keep_the_hour = (walls[0] - days[0] == walls[1] - days[1]).all()
    if keep_the_hour:
        months = [wall.year.to_numpy(np.int64) * 12 + wall.month.to_numpy() for wall in walls]
        step, equal = _middle(months[1] - months[0])
        for edge, letter in (("is_month_start", "S"), ("is_month_end", "E")):
            anchored = getattr(walls[0], edge) & getattr(walls[1], edge)
            if step > 0 and anchored.any():
                yield (anchored & equal).mean(), _months(step, walls[0][anchored][0], letter)
    step, equal = _middle(days[1].asi8 - days[0].asi8)
    if step > 0:
        gap = pd.Timedelta(step * NANOSECONDS[days[0].unit])
        yield equal.mean(), _days(gap, walls[0][0])
    step, equal = _middle(after.asi8 - before.asi8)
    yield equal.mean(), _span(pd.Timedelta(step * NANOSECONDS[before.unit]))
    if keep_the_hour:
        dates = [day.to_numpy().astype("M8[D]") for day in days]
        working = np.is_busday(dates[0]) & np.is_busday(dates[1])
        yield (working & (np.busday_count(*dates) == 1)).mean(), to_offset("B")


def _middle(steps: np.ndarray) -> tuple[int, np.ndarray]:
    """The median, which is the step that more than half share if one is, and who shares it."""
    middle = np.partition(steps, len(steps) // 2)[len(steps) // 2]
    return int(middle), steps == middle


def _months(step: int, first: pd.Timestamp, letter: str) -> BaseOffset:
    if step % 12 == 0:
        return step // 12 * to_offset(f"Y{letter}-{first.strftime('%b').upper()}")
    if step % 3 == 0:
        return step // 3 * to_offset(f"Q{letter}-{first.strftime('%b').upper()}")
    return step * to_offset(f"M{letter}")
