"""Kinds of times: those of a later frame must be of the kind that an earlier one had.

Times in another zone are converted; times with a zone never stand for times without one, periods
never for datetimes, and numbers never for times, because each guess moves the calendar in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo
from numbers import Integral
from typing import Any

import pandas as pd
from pandas.tseries.offsets import Day, Tick

from forecaster.data.frame_checks import FrameWarning, Rows
from forecaster.data.messages import shortlist
from forecaster.data.time_grid import Freq, freq_name, is_integer
from forecaster.data.times import disguise_of, is_time
from forecaster.utils.warn import warn


@dataclass(frozen=True, eq=False)
class KnownTimes:
    """Times of an earlier frame, which those of a later one must be like.

    Args:
        times: (I,) times of it, at least one.
        freq: their step.
        argument: name of the argument that holds the later frame.
        owner: whose the times are, for messages: "the fit".
        zone: in which the user wrote them; None for that of `times`.
    """

    times: pd.Index
    freq: Freq
    argument: str = "frame"
    owner: str = "the fit"
    zone: tzinfo | None = None

    def converted(self, rows: Rows) -> tuple[Rows, tzinfo | None]:
        """Return rows whose times are in the zone of these; and the zone they had, if another.

        Raises:
            TypeError: if they are of another kind: integers, periods, datetimes with a zone or
                without one.
            ValueError: if the steps are days or longer, and begin at another hour in this zone.

        Warns:
            FrameWarning: if they are in another zone than these were written in.
        """
        if _kind(rows.times) != _kind(self.times):
            raise self._wrong_kind(rows)
        zone = getattr(self.times, "tz", None)
        if zone is None:
            return rows, None
        own, written = rows.times.tz, self.zone or zone
        converted = rows if own == zone else replace(rows, times=rows.times.tz_convert(zone))
        if not is_same_zone(own, zone):
            self._reject_other_hours(rows, converted)
        if not is_same_zone(own, written):
            warn(
                f"`{self.argument}` has times in the zone {str(own)!r}, {self.owner} had "
                f"{str(written)!r}: they were converted to {str(zone)!r}.",
                FrameWarning,
            )
        return converted, None if is_same_zone(own, zone) else own

    def _reject_other_hours(self, rows: Rows, converted: Rows) -> None:
        """Check that days and longer steps begin when those of the known times do."""
        if isinstance(self.freq, Tick) and not isinstance(self.freq, Day):
            return
        hours = _hours(self.times)
        earliest = int(converted.times.argmin())
        hour = _hours(converted.times[[earliest]])
        if not hour.isin(hours).all():
            raise ValueError(
                f"`{self.argument}` must begin its steps at the hour of those before. Received: "
                f"{rows.times[earliest]}, which is {converted.times[earliest]} where {self.owner} "
                f"had {self.times[0]}. Days in two zones are not the same days: give sums or means "
                f"of the days in {str(self.times.tz)!r}{self._otherwise}."
            )

    @property
    def _otherwise(self) -> str:
        return ", or fit again" if self.owner == "the fit" else ""

    def _wrong_kind(self, rows: Rows) -> TypeError:
        """Make the error that names both kinds, and the call that leads from one to the other."""
        return TypeError(
            f"`{self.argument}` must have times of the kind of those before. Received: "
            f"{self.owner} had {_described(self.times)}; `{self.argument}` has "
            f"{_described(rows.times)}. {self._advice(rows)}{self._otherwise}."
        )

    def _advice(self, rows: Rows) -> str:
        converted, zone = rows.source.converted, getattr(self.times, "tz", None)
        if _is_numeric(self.times) or _is_numeric(rows.times):
            found = disguise_of(rows.times) if _is_numeric(rows.times) else None
            return f"Convert them, {converted(found[1])}" if found else "Give times like those"
        if isinstance(self.times, pd.PeriodIndex):
            return f"Convert them, {converted(f'{{dt}}.to_period({self.times.freqstr!r})')}"
        if isinstance(rows.times, pd.PeriodIndex):
            is_end = str(freq_name(self.freq)).split("-")[0].endswith("E")
            call = "{dt}.asfreq('D', how='end')" if is_end else "{dt}"
            dt = ".dt" if is_end and rows.source.column is not None else ""
            return f"Convert them, {converted(f'{call}{dt}.to_timestamp()')}"
        if zone is not None:
            call = converted(f"{{dt}}.tz_localize({str(zone)!r})")
            return f"Say the zone they are in, {call}"
        own = str(rows.times.tz)
        return (
            f"Drop the zone, {converted('{dt}.tz_localize(None)')}, if the times before were local "
            f"in {own!r}; first `tz_convert` to the zone they were local in, if it is another"
        )


def is_same_zone(one: tzinfo, other: tzinfo) -> bool:
    """Return whether two zones have the same name, or the same fixed offset from UTC."""
    offset = one.utcoffset(None)
    return str(one) == str(other) or (offset is not None and offset == other.utcoffset(None))


def reject_disguised(rows: Rows, freq: Any) -> None:
    """Check that integer times are no dates written as numbers, such as 202401 or 20240131.

    Args:
        rows: the times.
        freq: the step that the user gave. An integer is right for years, and lets pass seconds
            since 1970 and their like, with a warning: they are evenly spaced, but no calendar.

    Raises:
        ValueError: if they are, or if they look like times and `freq` is no integer.

    Warns:
        FrameWarning: if they look like a count of seconds, or of parts of them.
    """
    found = disguise_of(rows.times) if is_integer(rows.times) else None
    if found is None:
        return
    (what, call), is_step = found, isinstance(freq, Integral)
    is_even = what == "years" or what.endswith("since 1970")
    if is_step and what == "years":
        return
    received = f"{shortlist(rows.times[:3])} in {rows.source.where}, which look like {what}"
    converted = rows.source.converted(call)
    if is_step and is_even:
        warn(
            f"`{rows.argument}` has integers as times, which know no calendar: {received}. For a "
            f"season and features of time: {converted}.",
            FrameWarning,
        )
        return
    other = "give their step, e.g. `freq=1`" if is_even else "subtract the first from plain numbers"
    raise ValueError(
        f"`{rows.argument}` must have datetimes, where integers stand for times. Received: "
        f"freq={freq!r}; {received}. Convert them, {converted}, or {other}."
    )


def _is_numeric(times: pd.Index) -> bool:
    return not is_time(times)


def _kind(times: pd.Index) -> tuple[type, bool]:
    """Return what two indexes of times must share: the type, and whether there is a zone."""
    for kind in (pd.DatetimeIndex, pd.PeriodIndex):
        if isinstance(times, kind):
            return kind, getattr(times, "tz", None) is not None
    return pd.Index, False


def _described(times: pd.Index) -> str:
    """Describe a kind of times, with an example."""
    if isinstance(times, pd.PeriodIndex):
        return f"periods of {times.freqstr!r}, e.g. {times[0]}"
    if not isinstance(times, pd.DatetimeIndex):
        return f"integers, e.g. {times[0]}"
    zone = "without a zone" if times.tz is None else f"in the zone {str(times.tz)!r}"
    return f"datetimes {zone}, e.g. {times[0]}"


def _hours(times: pd.DatetimeIndex) -> pd.TimedeltaIndex:
    """Return the local time of day of each time."""
    local = times.tz_localize(None)
    return local - local.normalize()
