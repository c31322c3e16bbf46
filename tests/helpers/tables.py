"""Frames whose values name their own row, and the one check that every table must pass."""

import json
import warnings

import numpy as np
import pandas as pd

from forecaster.data.concat import concat_in_time
from forecaster.data.frame_checks import FrameWarning
from forecaster.data.reading import Reading, read_frame
from forecaster.data.table_json import table_arrays, table_from_json, table_sha256, table_to_json
from forecaster.data.writing import forecast_frame

FREQS = ["s", "min", "15min", "h", "D", "B", "W-SUN", "W-WED", "MS", "ME", "QS", "QE", "YS", "YE"]
FREQS += ["2h", "3D", "2MS"]
LAYOUTS = {  # the same long frame, by where its ids and times are: options of `read_frame`
    "columns": {"id_column": "shop", "time_column": "when"},
    "time index": {"id_column": "shop"},
    "index": {},
}
HORIZON = 7
SHOPS = {"b": 5, "a": 3, "c": 8}
ROLES = {
    "target": "sold",
    "past_covariates": ["visits", "mood"],
    "future_covariates": ["price"],
    "static_covariates": ["region", "size"],
    "weight_column": "w",
}


def ramp(times, columns=("a", "b")):
    """Column k holds the row number plus 1000 k."""
    values = np.arange(len(times))[:, None] + 1000.0 * np.arange(len(columns))
    return pd.DataFrame(values, index=times, columns=columns)


def days(rows=40, **options):
    return pd.date_range("2024-01-01", periods=rows, freq="D", **options)


def long_ramp(lengths, freq="D", layout="columns", start="2024-02-25", **options):
    """A series of "sold" for each id: row k of id i has 1000 i + k, and begins at step i.

    Args:
        lengths: rows by id.
        freq: step.
        layout: a key of LAYOUTS.
        start: of the first id.
        options: of `pd.date_range`.
    """
    times = pd.date_range(start, periods=max(lengths.values()) + len(lengths), freq=freq, **options)
    parts = [
        pd.DataFrame(
            {"shop": label, "when": times[i : i + rows], "sold": 1000.0 * i + np.arange(rows)}
        )
        for i, (label, rows) in enumerate(lengths.items())
    ]
    return laid_out(pd.concat(parts, ignore_index=True), layout)


def laid_out(frame, layout):
    """A frame with the columns "shop" and "when" in one of LAYOUTS."""
    keys = {"columns": [], "time index": ["when"], "index": ["shop", "when"]}[layout]
    return frame.set_index(keys) if keys else frame


def read(frame, **options):
    """The table of a frame, which is read with these fields of `Reading`."""
    return read_frame(frame, Reading(**options))


def quietly(frame, **options):
    """The table, and no warnings of missing rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FrameWarning)
        return read(frame, **options)


def shops(**options):
    """Ids a, b, c of 3, 5 and 8 days; their values are 1000 + row, row, 2000 + row."""
    return read(long_ramp(SHOPS, **options), **LAYOUTS["columns"])


def shops_with_roles():
    """Ids b and a of 6 and 5 days."""
    frame = long_ramp({"b": 6, "a": 5})
    return frame.assign(
        visits=frame["sold"] + 0.5,
        mood=np.where(frame["sold"] % 2, "good", "bad"),
        price=frame["sold"] * 2,
        region=frame["shop"].map({"a": "north", "b": "east"}),
        size=frame["shop"].map({"a": 3, "b": 7}),
        w=np.arange(11.0),
    )


def assert_same_table(table, other):
    """Every field, by value and by type."""
    for name, array in table_arrays(table).items():
        np.testing.assert_array_equal(table_arrays(other)[name], array)
    assert table_arrays(other).keys() == table_arrays(table).keys()
    assert other.freq == table.freq
    for name in ("time_name", "time_column", "id_column"):
        assert getattr(other.layout, name) == getattr(table.layout, name)
    np.testing.assert_array_equal(other.offsets, table.offsets)
    assert other.offsets.dtype == np.int64
    assert other.starts.equals(table.starts)
    assert (other.starts.dtype, other.starts.name) == (table.starts.dtype, table.starts.name)
    assert list(other.targets) == list(table.targets)
    assert list(map(type, other.targets)) == list(map(type, table.targets))
    assert other.targets.names == table.targets.names
    assert (other.ids is None) == (table.ids is None)
    if table.ids is not None:
        pd.testing.assert_index_equal(other.ids, table.ids)
    for name in ("past_covariates", "future_covariates", "static_covariates"):
        own, its = getattr(table, name), getattr(other, name)
        assert list(its.names) == list(own.names)
        for categories, others in zip(own.categories, its.categories, strict=True):
            assert (others is None) == (categories is None)
            assert categories is None or list(others) == list(categories)


def check_table(frame, **options):
    """What holds for every frame; returns its table."""
    before = frame.copy(deep=True)
    table = quietly(frame, **options)
    if isinstance(frame, pd.Series):
        pd.testing.assert_series_equal(frame, before, check_freq=True)
    else:
        pd.testing.assert_frame_equal(frame, before, check_freq=True)
    check_arrays(table)
    check_times(table)
    # The order of the rows makes no difference.
    shuffled = frame.sample(frac=1, random_state=0)
    assert_same_table(table, quietly(shuffled, **{**options, "freq": table.freq}))
    # Two parts make the whole again.
    rows = table.lengths // 2
    assert_same_table(table, concat_in_time(table.until(rows), table.tail(table.lengths - rows)))
    # The way through JSON ends in the same table.
    described = json.loads(json.dumps(table_to_json(table)))
    again = table_from_json(described, **table_arrays(table))
    assert_same_table(table, again)
    assert table_sha256(again) == table_sha256(table)
    prediction = np.zeros((table.num_ids, table.num_targets, HORIZON))
    pd.testing.assert_frame_equal(
        forecast_frame(again, prediction),
        forecast_frame(table, prediction),
        check_freq=True,
        check_column_type=False,
    )
    return table


def check_arrays(table):
    assert table.values.dtype == np.float64
    assert table.values.shape == (table.num_targets, table.num_rows)
    assert not table.values.flags.writeable
    assert (table.offsets[0], table.offsets[-1]) == (0, table.num_rows)
    assert (table.lengths > 0).all()
    assert len(table.starts) == table.num_ids == (1 if table.ids is None else len(table.ids))
    assert table.past_covariates.values.shape[1] == table.num_rows
    assert table.future_covariates.values.shape[1] == table.num_rows
    assert table.static_covariates.values.shape[1] == table.num_ids


def check_times(table):
    assert (table.rows_until(table.ends) == table.lengths).all()
    assert (table.rows_until(table.starts) == 1).all()
    assert table.end == max(table.ends)
    every = np.arange(table.num_ids)
    for i in every:
        assert table.position_of(table.starts[i], i) == 0
        assert table.position_of(table.ends[i], i) == table.lengths[i] - 1
        beyond = table.times(i, table.lengths[i] + 5, 1)[0]
        assert table.position_of(beyond, i) == table.lengths[i] + 5
        assert table.times_at(every, table.lengths + 5)[i] == beyond
