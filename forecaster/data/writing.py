"""Writer of forecasts, in the layout of the frame that a table was read from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.interop import as_library
from forecaster.data.series_table import SeriesTable


def forecast_frame(
    table: SeriesTable, prediction: np.ndarray, *, levels: Sequence[float] | None = None
) -> pd.DataFrame:
    """Write forecasts for the steps after each id's last row, in the layout of the table's frame.

    Args:
        table: the history, up to the cutoff.
        prediction: (I, S, H), or (I, S, H, Q) with `levels`, in the target's units.
        levels: Q probabilities.

    Returns:
        Wide: (H, S) or (H, S * Q) frame with the future times as index; as first column where they
        came as `time_column`; with `levels` as the last level of the columns, called "quantile".
        A Series comes back as a frame of one column. Long: (I * H) rows with ids and times where
        they were. One target becomes the column "prediction", or a column "q0.1" for each level;
        several are columns as in wide frames.

    Raises:
        ValueError: if the shape of `prediction` does not fit.
    """
    prediction = np.asarray(prediction)
    _check_shape(table, prediction, levels)
    horizon = prediction.shape[2]
    # (I, S, H) -> (I, H, S); (I, S, H, Q) -> (I, H, S, Q); each -> (I * H, S * Q)
    values = np.moveaxis(prediction, 1, 2).reshape(table.num_ids * horizon, -1)
    forecast = pd.DataFrame(values, columns=_forecast_columns(table, levels))
    return as_library(with_keys(forecast, table, horizon), table.layout.library)


def _check_shape(
    table: SeriesTable, prediction: np.ndarray, levels: Sequence[float] | None
) -> None:
    """Check that a prediction has an axis for ids, targets, steps and, if given, levels."""
    axes = "(ids, targets, horizon)" if levels is None else "(ids, targets, horizon, levels)"
    tail = () if levels is None else (len(levels),)
    shape = prediction.shape
    expected = (3 + len(tail), (table.num_ids, table.num_targets), tail)
    if (len(shape), shape[:2], shape[3:]) != expected:
        raise ValueError(
            f"`prediction` must have the shape {axes}. Received: shape {shape}, {table.num_ids} "
            f"ids, {table.num_targets} targets, levels={levels!r}. Pass `levels` where there are "
            f"quantiles, and only there."
        )


def _forecast_columns(table: SeriesTable, levels: Sequence[float] | None) -> pd.Index:
    """Return the labels of the columns of a forecast."""
    targets = table.targets
    if table.ids is not None and table.num_targets == 1:
        return pd.Index(["prediction"] if levels is None else [f"q{level}" for level in levels])
    if levels is None:
        return targets
    labels = [label if targets.nlevels > 1 else (label,) for label in targets]
    pairs = [(*label, level) for label in labels for level in levels]
    return pd.MultiIndex.from_tuples(pairs, names=[*targets.names, "quantile"])


def with_keys(frame: pd.DataFrame, table: SeriesTable, horizon: int) -> pd.DataFrame:
    """Add ids and times to rows of the horizon, id after id, where the user's frame has them."""
    layout = table.layout
    if table.ids is None:
        frame.index = _in_zone(table.times(0, table.num_rows, horizon), layout.zone)
        return frame.reset_index() if layout.time_column else frame
    series = np.repeat(np.arange(table.num_ids), horizon)
    steps = np.tile(np.arange(horizon), table.num_ids)
    times = _in_zone(table.times_at(series, table.lengths[series] + steps), layout.zone)
    ids = _in_dtype(table.ids, layout.id_dtype)[series]
    if not layout.id_column:
        frame.index = pd.MultiIndex.from_arrays([ids, times])
        return frame
    if not layout.time_column:
        frame.index = times
    # `reset_index` would take an integer name of one level for the position of the other.
    for keys, is_in in ((times, layout.time_column), (ids, True)):
        if is_in:
            values = pd.Series(keys, index=frame.index, dtype=keys.dtype)
            frame.insert(0, _padded(keys.name, frame.columns.nlevels), values)
    return frame


def _padded(label: Hashable, levels: int) -> Hashable:
    """Return a label with so many levels, as `reset_index` names a column."""
    parts = label if isinstance(label, tuple) else (label,)
    return label if levels == 1 else (*parts, *[""] * (levels - len(parts)))


def _in_dtype(ids: pd.Index, dtype: Any) -> pd.Index:
    """Convert ids to the dtype that the user gave them in; not to categories that lack some."""
    if dtype is None or ids.dtype == dtype:
        return ids
    if isinstance(dtype, pd.CategoricalDtype) and not ids.isin(dtype.categories).all():
        return ids
    return ids.astype(dtype)


def _in_zone(times: pd.Index, zone: tzinfo | None) -> pd.Index:
    """Convert times to the zone that the user's frame had, where it had one."""
    return times if zone is None else times.tz_convert(zone)
