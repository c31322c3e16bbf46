"""Labels and times <-> plain data for JSON; nothing is evaluated on the way back."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.time_grid import Freq, as_freq, freq_name


def plain_label(label: Any) -> Any:
    """A label as JSON has it; a tuple becomes a list."""
    if isinstance(label, tuple):
        return [plain_label(part) for part in label]
    if label is None or isinstance(label, str | bool):
        return label
    if isinstance(label, np.generic):
        return plain_label(label.item())
    if isinstance(label, Integral) or (isinstance(label, Real) and math.isfinite(label)):
        return label
    raise TypeError(
        f"Labels must be texts, finite numbers, None or tuples of those to be saved. Received: "
        f"{label!r} ({type(label).__name__}). Rename them, e.g. `frame.rename(columns=str)`."
    )


def label_from_plain(plain: Any) -> Any:
    """The label that `plain_label` wrote; a list becomes a tuple again."""
    return tuple(label_from_plain(part) for part in plain) if isinstance(plain, list) else plain


def plain_labels(labels: Iterable[Any]) -> list[Any]:
    """Each of the labels, or of the names of an index, as JSON has it."""
    return [plain_label(label) for label in labels]


def index_from_plain(labels: list[Any], names: list[Any]) -> pd.Index:
    """The index of which `plain_labels` wrote the labels and the names; several names, levels."""
    labels, names = ([label_from_plain(plain) for plain in part] for part in (labels, names))
    if len(names) > 1:
        return pd.MultiIndex.from_tuples(labels, names=names)
    return pd.Index(labels, name=names[0], tupleize_cols=False)


def plain_times(times: pd.Index, freq: Freq) -> dict[str, Any]:
    """The first times of grids of this step: their kind, the step, unit and zone, and themselves.

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


def times_from_plain(plain: dict[str, Any], name: Hashable) -> tuple[pd.Index, Freq]:
    """The times and the step that `plain_times` wrote."""
    if plain["kind"] == "integer":
        times = pd.Index(plain["starts"], dtype=np.int64)
    elif plain["kind"] == "period":
        times = pd.PeriodIndex(plain["starts"], freq=plain["freq"])
    else:
        is_aware = plain["tz"] is not None
        times = pd.to_datetime(plain["starts"], format="ISO8601", utc=is_aware)
        times = times.tz_convert(plain["tz"]) if is_aware else times
        times = times.as_unit(plain["unit"])
    return times.rename(name), as_freq(plain["freq"], times)


def _kind(times: pd.Index) -> str:
    if isinstance(times, pd.DatetimeIndex):
        return "datetime"
    return "period" if isinstance(times, pd.PeriodIndex) else "integer"


def _zone_name(times: pd.DatetimeIndex) -> str:
    name = str(times.tz)
    try:
        times.tz_convert(name)
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"The time zone of `frame` must have a name to be saved. Received: {name}. Convert the "
            f"times first, e.g. `frame.tz_convert('Europe/Berlin')`."
        ) from error
    return name
