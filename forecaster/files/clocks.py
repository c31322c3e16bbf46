"""Times of day in texts, with their offsets from UTC; 24:00 is the next day's 0:00."""

from __future__ import annotations

import re

import pandas as pd

_CLOCK = (
    r"(\d{1,2})[:h](\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp])?(?:\.?[Mm]\.?)?"
    r"\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
_BASIC = re.compile(r"(?<=\d)[Tt](\d{2})(\d{2})?(\d{2})?(?=([Zz]|[+-]\d{2}:?(\d{2})?)?$)")
_HOUR, _MINUTE = pd.Timedelta(1, unit="h"), pd.Timedelta(1, unit="min")


def split_clock(
    texts: pd.Series,
) -> tuple[pd.Series, tuple[pd.Series, pd.Series] | None, str | None]:
    """Split texts into dates and clocks.

    Returns:
        The dates as texts; the time since midnight and the offset from UTC of each, NaT where it
        has none, or None if no text has a clock; and a note.
    """
    texts = texts.str.replace(_BASIC, _with_colons, regex=True)
    parts = texts.str.extract(rf"^(.+?)(?:[Tt]|,?\s+){_CLOCK}$")
    has_clock = parts[0].notna()
    if not has_clock.any():
        return texts, None, None
    dates = parts[0].where(has_clock, texts)
    spans = _spans(parts.iloc[:, 1:6].set_axis(range(5), axis=1)).fillna(pd.Timedelta(0))
    offsets = _offsets(parts[6])
    notes = []
    if (spans >= pd.Timedelta(days=1)).any():
        notes.append("24:00 as 0:00 of the next day")
    known = offsets.dropna()
    if known.nunique() > 1:
        notes.append("several offsets from UTC, all converted to UTC")
    return dates, (spans, offsets), ", ".join(notes) or None


def clock_of(texts: pd.Series) -> pd.Series | None:
    """Read texts as times of day, such as 13:30, or 1330, or hours; None if they are not."""
    parts = texts.str.extract(rf"^{_CLOCK}$")
    if parts[0].notna().all():
        return _spans(parts)
    if not texts.str.fullmatch(r"\d{1,4}").all():
        return None
    numbers = pd.to_numeric(texts)
    hours, minutes = (numbers, numbers * 0) if numbers.max() <= 24 else divmod(numbers, 100)
    if hours.max() > 24 or minutes.max() > 59:
        return None
    return hours * _HOUR + minutes * _MINUTE


def _spans(parts: pd.DataFrame) -> pd.Series:
    """Return the time since midnight of hours, minutes, seconds, decimals and a or p."""
    hours, minutes, seconds = (pd.to_numeric(parts[i]) for i in range(3))
    half = parts[4].str.lower()
    hours = hours.where(half.isna(), hours % 12) + 12 * (half == "p")
    decimals = pd.to_numeric("0." + parts[3].fillna("0"))
    # Whole seconds first: floats of hours would be rounded.
    whole = hours * 3600 + minutes * 60 + seconds.fillna(0)
    spans = pd.to_timedelta(whole, unit="s") + pd.to_timedelta(decimals, unit="s").dt.round("us")
    return spans


def _offsets(texts: pd.Series) -> pd.Series:
    """Return offsets from UTC, NaT where there is none."""
    digits = texts.str.replace(":", "").str.replace("^(Z|z|UTC|GMT)$", "+0000", regex=True)
    hours = pd.to_numeric(digits.str[1:3]) * 60 + pd.to_numeric(
        digits.str[3:5].replace("", "0").fillna("0")
    )
    sign = digits.str[:1].map({"+": 1, "-": -1})
    return pd.to_timedelta(hours * sign, unit="min")


def _with_colons(match: re.Match[str]) -> str:
    """Write T1330 of the basic format as T13:30."""
    return f"T{match[1]}:{match[2] or '00'}:{match[3] or '00'}"
