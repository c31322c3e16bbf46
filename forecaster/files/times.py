"""Times in texts: every reading that fits all of them, and the one that the values decide on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.files.clocks import clock_of, split_clock
from forecaster.files.names import MONTHS, WEEKDAYS, part_of_time
from forecaster.files.settings import FileOptions

HALF = 0.5  # share of the cells of a column above which it is meant to hold times
REGULAR = 0.95  # share of steps that are the same
_EPOCHS = {"s": (8, 10), "ms": (11, 13), "us": (14, 16), "ns": (17, 19)}  # digits
_EXCEL = pd.Timestamp("1899-12-30")
_TRIPLE = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})")
_NAMED = (
    "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%Y %b %d", "%d %b %y", "%b %Y", "%B %Y",
    "%Y %b", "%Y %B", "%b %y", "%B %y",
)  # fmt: skip
_PARTS = ("year", "month", "day", "hour", "minute", "second")
Clock = tuple[pd.Series, pd.Series]  # time since midnight, offset from UTC
_DIGITS = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 10: "%Y%m%d%H", 8: "%Y%m%d", 6: "%Y%m"}


@dataclass(frozen=True, eq=False)
class Times:
    """Times that texts mean.

    Args:
        values: (N,) DatetimeIndex, NaT where a text is no time.
        note: what was understood, if it is worth saying.
        is_certain: whether the texts can hardly be anything else than times.
    """

    values: pd.DatetimeIndex
    note: str | None = None
    is_certain: bool = True


def parse_times(
    texts: pd.Series, name: str, options: FileOptions, *, is_named: bool = True
) -> Times | None:
    """Read texts as times; None if they are something else.

    Args:
        texts: (N,) one or more, none missing.
        name: of the column, for messages.
        options: of the user.
        is_named: whether the user said that these are times.

    Raises:
        ValueError: if the values do not decide between two readings, or most are times, but not
            all.
    """
    codes, labels = pd.factorize(texts)
    unique = pd.Series(labels, dtype="str")
    if options.time_format is not None:
        found: Times | None = _with_format(unique, name, options)
    else:
        is_digits = unique.str.fullmatch(r"\d+(\.\d+)?").all()
        found = _coded(unique) if is_digits else _iso(unique) or _dates(unique, name, options)
    if found is None:
        return None
    bad = found.values.isna()
    if bad.any():
        if not is_named and (options.time_format is not None or bad.mean() >= HALF):
            return None
        raise ValueError(
            f"{options.spelled('time_column')} must name a column of times. Received: "
            f"{shortlist(unique[bad].tolist())} in {name!r}, where most are like "
            f"{unique[~bad].iloc[0] if not bad.all() else '-'}. Correct them, or give "
            f"{options.spelled('time_format')}."
        )
    return Times(found.values[codes], found.note, found.is_certain)


def regularity(times: pd.DatetimeIndex) -> float:
    """Return the share of the most frequent step of sorted times, in months or in time."""
    ordered = times.unique().sort_values().tz_localize(None)
    if len(ordered) < 3:
        return 0.0
    months = np.diff(ordered.year.to_numpy() * 12 + ordered.month.to_numpy())
    same_day = (ordered.day[1:] == ordered.day[:-1]) | (
        ordered.is_month_end[1:] & ordered.is_month_end[:-1]
    )
    by_month = np.where(same_day & (months > 0), months, -np.arange(1, len(months) + 1))
    return max(_largest_share(np.diff(ordered.asi8)), _largest_share(by_month))


def join_parts(
    parts: list[pd.Series], columns: Sequence[Any], options: FileOptions
) -> Times | None:
    """Read a time from several columns: a date and a clock, or a year, a month and so on.

    Args:
        parts: texts of each column, none missing.
        columns: their names; those that are no parts of a time stand for year, month, day, hour.
        options: of the user.
    """
    name = " ".join(map(str, columns))
    joined = parts[0].str.cat(parts[1:], sep=" ")
    if options.time_format is not None:
        return parse_times(joined, name, options)
    if all(part.str.fullmatch(r"\d{1,4}").all() for part in parts):
        of_part = {part_of_time(column): part for column, part in zip(columns, parts, strict=True)}
        if len(of_part) < len(parts) or not {None, "year"} & of_part.keys() or None in of_part:
            of_part = dict(zip(_PARTS, parts, strict=False))
        if of_part.get("year", parts[-1]).str.fullmatch(r"[12]\d{3}").all():
            return _of_parts(of_part)
    if len(parts) == 2 and (clock := clock_of(parts[1])) is not None:
        dates = parse_times(parts[0], name, options)
        if dates is not None:
            return Times(dates.values + pd.TimedeltaIndex(clock), dates.note, dates.is_certain)
    return parse_times(joined, name, options)


def _iso(texts: pd.Series) -> Times | None:
    """Read texts in ISO 8601 that begin with a year, a month and perhaps a day."""
    if not texts.iloc[:100].str.fullmatch(r"\d{4}-\d\d(-\d\d([ T]\d\d:\d\d(:.*)?)?)?").all():
        return None
    if re.search(r"\d[+-]\d\d:?(\d\d)?$|[Zz]$", texts.iloc[0]):
        return None  # offsets are compared below
    values = pd.to_datetime(texts, format="ISO8601", errors="coerce")
    return Times(pd.DatetimeIndex(values)) if values.notna().all() else None


def _dates(texts: pd.Series, name: str, options: FileOptions) -> Times | None:
    """Read texts of a date and perhaps a clock and an offset, by every format that may fit."""
    plain = texts.str.replace(rf"^(?:{WEEKDAYS})[a-z]*[,.]? +", "", case=False, regex=True)
    dates, clock, note = split_clock(plain)
    readings = {
        form: values
        for form, read in _readings(dates, clock is not None)
        if (values := read(dates)) is not None and values.notna().mean() > HALF
    }
    if not readings:
        return None
    complete = {form: values for form, values in readings.items() if values.notna().all()}
    readings = complete or dict([max(readings.items(), key=lambda item: item[1].notna().sum())])
    form, said = next(iter(readings)), None
    if len(readings) > 1:
        form, said = _decided(readings, clock, texts, name, options)
    elif re.fullmatch("%[ym][-/]%[ym]", form):
        said = f"{texts.iloc[0]} as {readings[form].iloc[0]:%Y-%m}"
    elif form in ("%d/%m/%Y", "%m/%d/%Y") or "%y" in form:
        said = f"dates as {form}"
    notes = [text for text in (said, note) if text]
    return Times(_with_clock(readings[form], clock), ", ".join(notes) or None)


def _with_clock(dates: pd.Series, clock: Clock | None) -> pd.DatetimeIndex:
    """Add clocks to dates, and convert them to the one offset that all have, or to UTC."""
    if clock is None:
        return pd.DatetimeIndex(dates)
    spans, offsets = clock
    local = pd.DatetimeIndex(dates + spans)
    if offsets.isna().all():
        return local
    zone = pd.Timedelta(offsets.iloc[0])
    universal = (local - pd.TimedeltaIndex(offsets)).tz_localize("UTC")
    if (offsets == zone).all() and zone != pd.Timedelta(0):
        return universal.tz_convert(_fixed(zone))
    return universal


def _fixed(offset: pd.Timedelta) -> str:
    minutes = int(offset / pd.Timedelta(minutes=1))
    return f"{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


Read = Callable[[pd.Series], pd.Series | None]


def _readings(dates: pd.Series, has_clock: bool) -> Iterator[tuple[str, Read]]:
    """Yield the formats that fit the shape of the first date, each with its reader."""
    first = dates.iloc[0]
    if match := _TRIPLE.fullmatch(first):
        mark = match[2]
        widths = [max(map(len, part)) for part in _parts(dates, mark)]
        yield from ((form, _strptime(form)) for form in _orders(widths, mark))
    elif re.fullmatch(r"\d{4}[-/]\d{1,2}", first):
        form = f"%Y{first[4]}%m"
        yield form, _strptime(form)
    elif match := re.fullmatch(r"\d{1,2}([-/.])\d{4}", first):
        form = f"%m{match[1]}%Y"
        yield form, _strptime(form)
    elif match := re.fullmatch(r"\d{1,2}([-/])\d{2}", first):
        for form in (f"%y{match[1]}%m", f"%m{match[1]}%y"):
            yield form, partial(_short_year, form=form)
    elif re.fullmatch(r"\d{4}[mM]\d{1,2}", first):
        yield "%YM%m", lambda texts: _strptime("%YM%m")(texts.str.upper())
    elif re.search("[qQ]", first):
        yield "quarter", _quarter
    elif re.fullmatch(r"\d{4}[- ]?[wW]\d{1,2}", first):
        yield "week", _week
    elif re.search(MONTHS, first.lower()):
        yield from ((form, partial(_named, form=form)) for form in _NAMED)
    elif has_clock and re.fullmatch(r"\d{8}", first):  # without a clock it may be a number
        yield "%Y%m%d", _strptime("%Y%m%d")


def _parts(dates: pd.Series, mark: str) -> list[set[str]]:
    pieces = dates.str.split(mark, expand=True, regex=False)
    return [set(pieces[column].dropna()) for column in range(min(3, pieces.shape[1]))]


def _orders(widths: list[int], mark: str) -> list[str]:
    """Return the formats of three numbers, the widest of each place given."""
    first, _, last = widths
    if first > 2:
        orders = ["%Y.%m.%d"]
    elif last > 2:
        orders = ["%d.%m.%Y", "%m.%d.%Y"]
    else:
        orders = ["%d.%m.%y", "%m.%d.%y", *(["%y.%m.%d"] if mark == "-" else [])]
    return [order.replace(".", mark) for order in orders]


def _strptime(form: str) -> Read:
    def read(texts: pd.Series) -> pd.Series | None:
        return pd.to_datetime(texts, format=form, errors="coerce")

    return read


def _short_year(texts: pd.Series, form: str) -> pd.Series | None:
    """Read years without a century and months, if they are regular."""
    values = pd.to_datetime(texts.str.zfill(5), format=form, errors="coerce")
    is_regular = values.notna().all() and regularity(pd.DatetimeIndex(values)) >= REGULAR
    return values if is_regular else None


def _quarter(texts: pd.Series) -> pd.Series | None:
    parts = texts.str.extract(
        r"^(?:(\d{4})[-: /]?[qQ]([1-4])|[qQ]([1-4])[-: /]?(\d{4})|([1-4])[qQ][-: /]?(\d{4}))$"
    )
    year = parts[0].fillna(parts[3]).fillna(parts[5])
    quarter = pd.to_numeric(parts[1].fillna(parts[2]).fillna(parts[4]))
    months = (3 * quarter - 2).astype("Int64").astype("str")
    return pd.to_datetime(year + "-" + months, format="%Y-%m", errors="coerce")


def _week(texts: pd.Series) -> pd.Series | None:
    """Read weeks of ISO 8601 as their Mondays."""
    days = texts.str.upper().str.replace(r"[- ]?W(\d)$", r"W0\1", regex=True)
    days = days.str.replace("[- ]", "", regex=True) + "1"
    return pd.to_datetime(days, format="%GW%V%u", errors="coerce")


def _named(texts: pd.Series, form: str) -> pd.Series | None:
    """Read dates with names of months, whatever stands between their parts."""
    plain = texts.str.replace(r"[-/., ]+", " ", regex=True).str.strip()
    return pd.to_datetime(plain, format=form, errors="coerce")


def _decided(
    readings: dict[str, pd.Series],
    clock: Clock | None,
    texts: pd.Series,
    name: str,
    options: FileOptions,
) -> tuple[str, str]:
    """Choose the one reading with regular steps."""
    shares = {form: regularity(_with_clock(days, clock)) for form, days in readings.items()}
    regular = [form for form, share in shares.items() if share == 1]
    if len(regular) != 1:
        regular = [form for form, share in shares.items() if share >= REGULAR]
    if len(regular) == 1:
        return regular[0], f"dates as {regular[0]}, by which steps are regular"
    differing = [i for i in range(len(texts)) if len({v.iloc[i] for v in readings.values()}) > 1]
    if not differing:
        form = next(iter(readings))
        return form, f"dates as {form}"
    row = differing[0]
    meanings = " or ".join(
        f"{values.iloc[row].day} {values.iloc[row]:%B %Y}" for values in readings.values()
    )
    formats = " or ".join(readings)
    raise ValueError(
        f"{options.spelled('time_format')} must be given where the values do not decide it. "
        f"Received: {texts.iloc[row]} in {name!r}, which may be {meanings}. Give "
        f"{options.spelled('time_format')} {formats}."
    )


def _coded(texts: pd.Series) -> Times | None:
    """Read numbers that stand for times: digits of a date, time since 1970, years."""
    if texts.str.endswith(".0").all():
        texts = texts.str.removesuffix(".0")
    is_whole = not texts.str.contains(".", regex=False).any()
    widths = texts.str.len()
    if is_whole and widths.min() == widths.max() and widths[0] in _DIGITS:
        values = pd.to_datetime(texts, format=_DIGITS[widths[0]], errors="coerce")
        if values.notna().all() and values.dt.year.between(1500, 2200).all():
            return Times(pd.DatetimeIndex(values), is_certain=False)
    numbers = pd.to_numeric(texts)
    if is_whole:
        if widths.max() == 4 and numbers.between(1500, 2200).all():
            return Times(pd.DatetimeIndex(pd.to_datetime(texts, format="%Y")), is_certain=False)
        for unit, (low, high) in _EPOCHS.items():
            if widths.between(low, high).all() and widths.max() >= high - 1:
                values = pd.DatetimeIndex(pd.to_datetime(numbers, unit=unit))
                note = f"{texts[0]} as {unit} since 1970, UTC"
                return Times(values.tz_localize("UTC"), note, is_certain=False)
    elif texts.str.fullmatch(r"\d{4}\.(0[1-9]|1[0-2])").all():
        return Times(pd.DatetimeIndex(pd.to_datetime(texts, format="%Y.%m")), is_certain=False)
    elif numbers.between(1500, 2200).all():
        return _of_years(numbers)
    return None


def _of_years(numbers: pd.Series) -> Times | None:
    """Read years with decimals, as R writes months (1949.083) and quarters (1949.25)."""
    for steps, what in ((4, "quarters"), (12, "months")):
        counts = (numbers * steps).round()
        if (abs(numbers * steps - counts) < 0.07).all():
            months = (counts * (12 // steps)).astype(int)
            text = (months // 12).astype("str") + "-" + (months % 12 + 1).astype("str")
            values = pd.to_datetime(text, format="%Y-%m")
            return Times(pd.DatetimeIndex(values), f"years with {what} as decimals", False)
    return None


def _of_parts(parts: dict[str | None, pd.Series]) -> Times | None:
    """Join a year with a quarter or a week, or with a month, a day, an hour and so on."""
    if parts.keys() == {"year", "quarter"}:
        return _complete(_quarter(parts["year"] + "Q" + parts["quarter"]))
    if parts.keys() == {"year", "week"}:
        return _complete(_week(parts["year"] + "W" + parts["week"].str.zfill(2)))
    if not parts.keys() <= set(_PARTS):
        return None
    numbers = {str(part): pd.to_numeric(texts) for part, texts in parts.items()}
    zero = numbers["year"] * 0
    days = pd.DataFrame({"year": numbers["year"], "month": zero + 1, "day": zero + 1} | numbers)
    hours = numbers.get("hour", zero)
    if not hours.between(0, 24).all():
        return None
    values = pd.to_datetime(days.drop(columns="hour", errors="ignore"), errors="coerce")
    # Hour 24 is the next day's 0.
    found = _complete(values + pd.to_timedelta(hours, unit="h"))
    if found is not None and hours.min() == 1 and hours.max() == 24:
        return replace(found, note="hour 24 as 0 of the next day")
    return found


def _complete(values: pd.Series) -> Times | None:
    """Return times, of which none is missing."""
    return None if values.isna().any() else Times(pd.DatetimeIndex(values))


def _with_format(texts: pd.Series, name: str, options: FileOptions) -> Times:
    """Read times by the format that the user gave."""
    form = options.time_format
    assert form is not None
    if form not in (*_EPOCHS, "excel", "year"):
        try:
            values = pd.to_datetime(texts, format=form, errors="coerce")
            if values.isna().all() and "%H" not in form and "%I" not in form:
                dates, clock, note = split_clock(texts)
                values = pd.to_datetime(dates, format=form, errors="coerce")
                return Times(_with_clock(values, clock), note)
            return Times(pd.DatetimeIndex(values))
        except ValueError as error:
            raise ValueError(
                f"{options.spelled('time_format')} must be a format such as %d/%m/%Y, or s, ms, "
                f"us, ns, excel or year. Received: {form!r} ({error}). Correct it."
            ) from None
    numbers = pd.to_numeric(texts.str.replace(",", "."), errors="coerce")
    if form == "excel":
        return Times(pd.DatetimeIndex(_EXCEL + pd.to_timedelta(numbers, unit="D").dt.round("s")))
    if form == "year":
        found = _of_years(numbers)
        return found or Times(pd.DatetimeIndex([pd.NaT] * len(texts)))
    return Times(pd.DatetimeIndex(pd.to_datetime(numbers, unit=form, errors="coerce")))


def _largest_share(steps: np.ndarray) -> float:
    return float(np.unique(steps, return_counts=True)[1].max() / len(steps))
