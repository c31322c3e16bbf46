"""Names that columns of times, ids and counters often have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

TIME_NAMES = frozenset(
    [
        "date",
        "time",
        "datetime",
        "timestamp",
        "ds",
        "dt",
        "ts",
        "day",
        "week",
        "month",
        "year",
        "quarter",
        "period",
        "datum",
        "zeit",
        "zeitpunkt",
        "zeitstempel",
        "fecha",
        "jahr",
        "monat",
        "tag",
        "woche",
        "quartal",
        "annee",
        "année",
        "mois",
        "jour",
        "heure",
        "data",
    ]
)
CLOCK_NAMES = frozenset(
    [
        "time",
        "hour",
        "hours",
        "hr",
        "hh",
        "clock",
        "uhrzeit",
        "zeit",
        "stunde",
        "heure",
        "hora",
        "minute",
    ]
)
COUNTERS = frozenset(
    [
        "no",
        "nr",
        "num",
        "row",
        "rows",
        "index",
        "idx",
        "id",
        "n",
        "#",
        "rownames",
        "rowname",
        "row_id",
        "obs",
        "count",
    ]
)
ID_NAMES = frozenset(
    [
        "id",
        "uniqueid",
        "series",
        "store",
        "shop",
        "station",
        "product",
        "item",
        "sku",
        "region",
        "sensor",
        "meter",
        "customer",
    ]
)
STEP_NAMES = frozenset(["t", "step", "steps", "tick"]) | COUNTERS | TIME_NAMES
CALENDAR = {  # part of a time -> names of columns that repeat it
    "year": frozenset(["year", "yyyy", "yr", "jahr", "annee", "année", "año", "anno"]),
    "quarter": frozenset(["quarter", "qtr", "quartal"]),
    "month": frozenset(["month", "mm", "mon", "mo", "mth", "monat", "mois", "mes", "mese"]),
    "day": frozenset(["day", "dd", "dy", "mday", "tag", "jour", "dia", "giorno"]),
    "hour": frozenset(["hour", "hours", "hh", "hr", "std", "stunde", "heure", "hora"]),
    "minute": frozenset(["minute", "min", "minutes"]),
    "day_of_week": frozenset(["weekday", "dow", "wday", "day_of_week", "dayofweek", "wochentag"]),
    "day_of_year": frozenset(["doy", "day_of_year", "dayofyear", "yday"]),
}


def has_word(name: Any, words: Collection[str]) -> bool:
    """Return whether one of the words of a name is among these."""
    return any(word in words for word in str(name).lower().replace("_", " ").split())
