"""Labels and times to and from JSON-compatible values; reading evaluates nothing."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecaster.data.time_grid import Freq, as_freq, freq_name


def label_to_json(label: Any) -> Any:
    """Serialize a label to a JSON-compatible value; a tuple becomes a list.

    Raises:
        TypeError: if a label is not a text, a finite number, None or a tuple of those.
    """
    if isinstance(label, tuple):
        return [label_to_json(part) for part in label]
    if label is None or isinstance(label, str | bool):
        return label
    if isinstance(label, np.generic):
        return label_to_json(label.item())
    if isinstance(label, Integral) or (isinstance(label, Real) and math.isfinite(label)):
        return label
    raise TypeError(
        f"Labels must be texts, finite numbers, None or tuples of those to be saved. Received: "
        f"{label!r} ({type(label).__name__}). Rename them, e.g. `frame.rename(columns=str)`."
    )


def label_from_json(value: Any) -> Any:
    """Restore a label that `label_to_json` serialized; a list becomes a tuple again."""
    return tuple(label_from_json(part) for part in value) if isinstance(value, list) else value


def labels_to_json(labels: Iterable[Any]) -> list[Any]:
    """Serialize labels, or the names of an index, to JSON-compatible values."""
    return [label_to_json(label) for label in labels]


def index_from_json(labels: list[Any], names: list[Any]) -> pd.Index:
    """Restore an index from its serialized labels and names; several names make several levels."""
    labels, names = ([label_from_json(value) for value in part] for part in (labels, names))
    if len(names) > 1:
        return pd.MultiIndex.from_tuples(labels, names=names)
    return pd.Index(labels, name=names[0], tupleize_cols=False)


def times_to_json(times: pd.Index, freq: Freq) -> dict[str, Any]:
    """Serialize the first times of grids: their kind, step, unit, zone and values.

    Raises:
        ValueError: if the time zone has no name.
    """
    kind = _kind(times)
    is_aware = getattr(times, "tz", None) is not None
    moments = times.to_timestamp() if kind == "period" else times
    return {
        "kind": kind,
        "freq": times.freqstr if kind == "period" else freq_name(freq),
        "unit": times.unit if kind == "datetime" else None,
        "tz": _zone_name(times) if is_aware else None,
        "starts": times.tolist() if kind == "integer" else [time.isoformat() for time in moments],
    }


def times_from_json(description: dict[str, Any], name: Hashable) -> tuple[pd.Index, Freq]:
    """Restore the times and the step that `times_to_json` serialized."""
    if description["kind"] == "integer":
        times = pd.Index(description["starts"], dtype=np.int64)
    elif description["kind"] == "period":
        times = pd.PeriodIndex(description["starts"], freq=description["freq"])
    else:
        is_aware = description["tz"] is not None
        times = pd.to_datetime(description["starts"], format="ISO8601", utc=is_aware)
        times = times.tz_convert(description["tz"]) if is_aware else times
        times = times.as_unit(description["unit"])
    return times.rename(name), as_freq(description["freq"], times)


def _kind(times: pd.Index) -> Literal["datetime", "period", "integer"]:
    """Return the kind of times."""
    if isinstance(times, pd.DatetimeIndex):
        return "datetime"
    return "period" if isinstance(times, pd.PeriodIndex) else "integer"


def _zone_name(times: pd.DatetimeIndex) -> str:
    """Return the name of the time zone, from which pandas can restore it."""
    name = str(times.tz)
    try:
        times.tz_convert(name)
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"The time zone of `frame` must have a name to be saved. Received: {name}. Convert the "
            f"times first, e.g. `frame.tz_convert('Europe/Berlin')`."
        ) from error
    return name
