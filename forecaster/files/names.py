"""Names that columns of times, ids and counters often have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
WEEKDAYS = "mon|tue|wed|thu|fri|sat|sun"


def words(text: str) -> frozenset[str]:
    """Split a text into a set of words."""
    return frozenset(text.split())


CALENDAR = {  # part of a time -> names of columns that hold it
    "year": words("year yyyy yr jahr annee année año anno"),
    "quarter": words("quarter qtr quartal trimestre"),
    "week": words("week weekofyear week_of_year wk kw woche semaine semana"),
    "month": words("month mm mon mo mth mnth monat mois mes mese"),
    "day": words("day dd dy mday tag jour dia giorno"),
    "hour": words("hour hours hh hr std stunde heure hora"),
    "minute": words("minute min minutes"),
    "day_of_week": words("weekday dow wday day_of_week dayofweek wochentag"),
    "day_of_year": words("doy day_of_year dayofyear yday"),
}
TIME_NAMES = words(
    "date time datetime timestamp ds dt ts day week month year quarter period datum zeit zeitpunkt "
    "zeitstempel fecha data jahr monat tag woche quartal annee année mois jour heure"
)
CLOCK_NAMES = words("time hour hours hr hh clock uhrzeit zeit stunde heure hora minute")
ID_NAMES = words(
    "id uniqueid series store shop station product item sku region sensor meter customer"
)
COUNTERS = words("no nr num row rows index idx id n # rownames rowname row_id obs count instant")
STEP_NAMES = words("t step steps tick") | COUNTERS | TIME_NAMES


def has_word(name: Any, among: Collection[str]) -> bool:
    """Return whether one of the words of a name is among these."""
    return any(word in among for word in str(name).lower().replace("_", " ").split())


def part_of_time(name: Any) -> str | None:
    """Return the part of a time, such as "year", that a column of this name holds."""
    word = str(name).strip().lower()
    return next((part for part, names in CALENDAR.items() if word in names), None)
