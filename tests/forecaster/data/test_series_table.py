"""Cutting, joining and saving tables, and which time lies on which row."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.concat import concat_in_time
from forecaster.data.covariates import Covariates
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_json import table_from_json, table_sha256, table_to_json
from forecaster.data.table_parts import known_after, with_rows_to_come
from tests.helpers.tables import (
    FREQS,
    LAYOUTS,
    assert_same_table,
    check_table,
    days,
    long_ramp,
    quietly,
    ramp,
    read,
)

ROWS = 40
SHOPS = {"b": 5, "a": 3, "c": 8}


def shops(**options):
    """Ids a, b, c of 3, 5 and 8 days; their values are 1000 + row, row, 2000 + row."""
    return read(long_ramp(SHOPS, **options), **LAYOUTS["columns"])


def test_until_and_tail():
    table = read(ramp(days()))
    first, last = table.until(10), table.tail(3)
    np.testing.assert_array_equal(first.values, table.values[:, :10])
    assert first.end == pd.Timestamp("2024-01-10")
    np.testing.assert_array_equal(last.values, table.values[:, -3:])
    assert (last.end, last.starts[0], last.num_rows) == (table.end, days()[-3], 3)
    assert table.tail(1000).num_rows == table.until(1000).num_rows == ROWS
    assert first.offsets.tolist() == [0, 10]


def test_ids_with_times_of_their_own():
    values = np.array([[0.0, 1, 2, 10, 11]])
    starts = pd.DatetimeIndex(["2024-01-01", "2024-03-01"])
    table = SeriesTable(
        values,
        np.array([0, 3, 5]),
        starts,
        pd.offsets.Day(),
        pd.Index(["a"]),
        *map(Covariates.none, (5, 5, 2)),
    )
    assert (table.num_ids, table.end) == (2, pd.Timestamp("2024-03-02"))
    assert table.position_of("2024-03-04", id_position=1) == 3
    last = table.tail(2)
    np.testing.assert_array_equal(last.values, [[1, 2, 10, 11]])
    assert last.offsets.tolist() == [0, 2, 4]
    assert last.starts.tolist() == [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-03-01")]
    np.testing.assert_array_equal(table.until(1).values, [[0, 10]])
    again = table_from_json(json.loads(json.dumps(table_to_json(table))), values)
    assert again.starts.equals(starts)


def test_position_of_takes_what_a_user_writes():
    table = read(ramp(days(tz="Europe/Berlin")))
    for time in ("2024-04-03", datetime.datetime(2024, 4, 3), "2024-04-02T22:00Z"):
        assert table.position_of(time) == 93
    months = read(ramp(pd.period_range("2024-01", periods=3, freq="M")))
    assert months.position_of("2024-05") == 4


@pytest.mark.parametrize("time", ["2024-01-01 06:00", "2023-12-31", "soon", None, 3, pd.NaT])
def test_position_of_a_time_off_the_grid(time):
    message = r"`time` must be on the grid of the data. Received: time=.* steps of 'D'"
    with pytest.raises(ValueError, match=message):
        read(ramp(days())).position_of(time)


@pytest.mark.parametrize("time", [None, pd.NaT, "2023-12", "soon"])
def test_position_of_a_period_off_the_grid(time):
    months = read(ramp(pd.period_range("2024-01", periods=3, freq="M")))
    with pytest.raises(ValueError, match="`time` must be on the grid"):
        months.position_of(time)


@pytest.mark.parametrize("time", ["3", 2.5, -1, None, 10**30])
def test_position_of_an_integer_off_the_grid(time):
    with pytest.raises(ValueError, match="starts at 0 and goes on in steps of 1"):
        read(ramp(range(5)), freq=1).position_of(time)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "UTC+02:00"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_layout_keeps_unit_and_zone(unit, zone):
    starts = check_table(ramp(days(unit=unit, tz=zone))).starts
    assert starts.dtype == days(unit=unit, tz=zone).dtype


def test_layout_is_readable():
    months = pd.date_range("1949-01-01", periods=3, freq="MS", name="month", unit="us")
    none = {"names": [], "categories": []}
    assert table_to_json(read(ramp(months))) == {
        "kind": "datetime",
        "freq": "MS",
        "unit": "us",
        "tz": None,
        "starts": ["1949-01-01T00:00:00"],
        "offsets": [0, 3],
        "targets": ["a", "b"],
        "target_names": [None],
        "time_name": "month",
        "time_column": False,
        "ids": None,
        "id_name": None,
        "id_column": False,
        "past_covariates": none,
        "future_covariates": none,
        "static_covariates": none,
    }


@pytest.mark.parametrize(
    "columns",
    [
        [3, 1],
        pd.RangeIndex(2, name="k"),
        [1.5, "x"],
        [("a", 1), "b"],
        pd.Index([("a", 1), ("b", 2)], tupleize_cols=False),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]),
        pd.Index(["a", "b"], name=("n", 1)),
    ],
)
def test_layout_keeps_labels(columns):
    table = check_table(ramp(days(), columns))
    again = table_from_json(json.loads(json.dumps(table_to_json(table))), table.values)
    assert again.targets.nlevels == table.targets.nlevels


@pytest.mark.parametrize("label", [pd.Timestamp("2024"), (1, pd.Timestamp("2024")), np.inf])
def test_layout_refuses_labels_that_json_cannot_hold(label):
    table = read(ramp(days(), pd.Index([label, "b"], tupleize_cols=False)))
    with pytest.raises(TypeError, match=r"Labels must be texts, .* `frame.rename\(columns=str\)`"):
        table_to_json(table)


def test_layout_refuses_a_time_zone_without_a_name():
    class Somewhere(datetime.tzinfo):
        def utcoffset(self, _time):
            return datetime.timedelta(hours=1)

        dst = utcoffset

        def __str__(self):
            return "somewhere"

    table = read(ramp(days(tz=Somewhere())))
    with pytest.raises(ValueError, match=r"time zone of `frame` must have a name.*: somewhere"):
        table_to_json(table)


def test_cut_of_many_ids():
    table = shops()
    assert table.lengths.tolist() == [3, 5, 8]
    assert table.ends.tolist() == [table.times(i, n - 1, 1)[0] for i, n in enumerate([3, 5, 8])]
    first = table.until(np.array([0, 2, 100]))
    assert first.values[0].tolist() == [0, 1, *range(2000, 2008)]
    assert (first.lengths.tolist(), first.starts.tolist()) == ([0, 2, 8], table.starts.tolist())
    assert first.ends[0] == table.starts[0] - pd.Timedelta(days=1)
    last = table.tail(np.array([1, 2, 3]))
    assert last.values[0].tolist() == [1002, 3, 4, 2005, 2006, 2007]
    assert last.starts.tolist() == [table.ends[0], table.times(1, 3, 1)[0], table.times(2, 5, 1)[0]]
    assert last.ids.equals(table.ids)


def test_rows_until():
    table = shops()  # a from the 26th to the 28th, b from the 25th to the 29th, c from the 27th on
    assert table.rows_until(pd.Timestamp("2024-02-26")).tolist() == [1, 2, 0]
    assert table.rows_until(pd.Timestamp("2024-02-26 23:59")).tolist() == [1, 2, 0]
    assert table.rows_until(pd.Timestamp("2000")).tolist() == [0, 0, 0]
    assert table.rows_until(pd.Timestamp("2100")).tolist() == [3, 5, 8]
    assert table.rows_until(pd.NaT).tolist() == [0, 0, 0]
    own = pd.Index([pd.Timestamp("2024-02-27"), pd.NaT, pd.Timestamp("2024-02-28")])
    assert table.rows_until(own).tolist() == [2, 0, 2]
    with pytest.raises(TypeError, match=r"kind of the data, datetime64.*Received: int64"):
        table.rows_until(3)
    with pytest.raises(TypeError, match=r"kind of the data.*datetime64\[.*, UTC\], e.g. 2024"):
        table.rows_until(pd.Timestamp("2024", tz="UTC"))


def test_rows_until_in_other_zones_periods_and_integers():
    berlin = read(ramp(days(tz="Europe/Berlin")))
    assert berlin.rows_until(pd.Timestamp("2024-01-01 22:59", tz="UTC")).tolist() == [1]
    assert berlin.rows_until(pd.Timestamp("2024-01-01 23:00", tz="UTC")).tolist() == [2]
    months = read(ramp(pd.period_range("2024-01", periods=9, freq="M")))
    assert months.rows_until(pd.Period("2024-03", "M")).tolist() == [3]
    numbers = read(ramp(pd.RangeIndex(4, 24, 2)), freq=2)
    assert numbers.rows_until(7).tolist() == [2]
    assert numbers.rows_until(pd.Index([None])).tolist() == [0]


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(FREQS), st.sampled_from([None, "Europe/Berlin"]), st.data())
def test_parts_make_the_whole(freq, zone, data):
    table = read(long_ramp(SHOPS, freq, tz=zone), **LAYOUTS["columns"])
    rows = np.array([data.draw(st.integers(0, length)) for length in table.lengths])
    overlap = np.array([data.draw(st.integers(0, n)) for n in rows])
    later = table.tail(table.lengths - rows + overlap)
    assert_same_table(table, concat_in_time(table.until(rows), later))


def test_joined_ids():
    table = shops()
    new = quietly(
        pd.DataFrame(
            {
                "shop": ["d", "d", "b", "b", "c"],
                "when": pd.to_datetime(
                    ["2024-05-01", "2024-05-02", "2024-02-29", "2024-03-02", "2024-02-20"]
                ),
                "sold": [-1.0, -2, -3, -4, -5],
            }
        ),
        freq="D",
        **LAYOUTS["columns"],
    )
    together = concat_in_time(table, new)
    assert together.ids.tolist() == ["a", "b", "c", "d"]
    a, b, c, d = np.split(together.values[0], together.offsets[1:-1])
    assert a.tolist() == [1000, 1001, 1002]
    np.testing.assert_array_equal(b, [0, 1, 2, 3, -3, np.nan, -4])
    assert c.tolist() == [-5]  # begins before the rows that were known
    assert d.tolist() == [-1, -2]
    assert together.starts[[1, 3]].tolist() == [table.starts[1], pd.Timestamp("2024-05-01")]


def test_joined_rows_lie_on_the_same_grid():
    table = shops()
    noon = long_ramp(SHOPS, start="2024-03-05 12:00")
    message = r"on the grid of the data before. Received: rows from \('a', 2024-03-06 12:00:00\), "
    with pytest.raises(ValueError, match=message):
        concat_in_time(table, read(noon, **LAYOUTS["columns"]))
    with pytest.raises(TypeError, match="Times must be of the kind of the data"):
        concat_in_time(table, read(long_ramp(SHOPS, tz="UTC"), **LAYOUTS["columns"]))


@pytest.mark.parametrize("ids", [["x", "y"], [3, 1], [1.5, -2.0], [True, False]])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_keeps_ids(layout, ids):
    table = check_table(long_ramp(dict.fromkeys(ids, 4), layout=layout), **LAYOUTS[layout])
    assert table_to_json(table)["ids"] == sorted(ids)


def test_layouts_from_before_there_were_ids_can_be_read():
    table = read(ramp(days()))
    new = ("ids", "id_name", "id_column", "past_covariates", "future_covariates")
    before = {k: v for k, v in table_to_json(table).items() if k not in (*new, "static_covariates")}
    assert_same_table(table, table_from_json(before, table.values))


def test_digest_tells_tables_apart():
    frame = long_ramp(SHOPS)
    options = {**LAYOUTS["columns"], "target": "sold"}
    frames = [frame, frame.assign(sold=1.0), frame.replace("a", "z")]
    digests = [table_sha256(read(f, **options)) for f in frames]
    more = frame.assign(x=frame["sold"])
    digests += [
        table_sha256(read(more, past_covariates=["x"], **options)),
        table_sha256(read(more, weight_column="x", **options)),
    ]
    assert len(set(digests)) == len(digests)


def test_rows_that_nobody_gave_do_not_count():
    frame = long_ramp(SHOPS).assign(price=1.0, w=2.0)
    roles = {"target": "sold", "weight_column": "w", "future_covariates": ["price"]}
    table = read(frame, **roles, **LAYOUTS["columns"])
    ends = table.offsets[1:] - 1
    assert (table.weights == 2).all()
    assert (with_rows_to_come(table, 1).weights == 2).sum() == table.num_rows
    np.testing.assert_array_equal(
        with_rows_to_come(table, 1).weights[ends + np.array([1, 2, 3])], 0
    )
    np.testing.assert_array_equal(known_after(table, table.lengths - 1, 1).weights[ends], 0)
    together = concat_in_time(table.until(1), table.tail(1))
    assert together.weights.sum() == 2 * 6  # the first and the last row of each id
    assert not np.isnan(together.weights).any()
