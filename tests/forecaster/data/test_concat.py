"""Later rows after earlier ones, and tables of different ids, also where they lie on disk."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.concat import concat_ids, concat_in_time
from forecaster.data.disk_arrays import is_on_disk
from forecaster.data.parquet import read_parquet
from tests.helpers.panel_rows import DAY, random_rows
from tests.helpers.small_memory import EVERYTHING, SPANS, read_rows, small_memory, write_files
from tests.helpers.tables import (
    FREQS,
    LAYOUTS,
    SHOPS,
    assert_same_table,
    days,
    long_ramp,
    quietly,
    ramp,
    read,
    shops,
)


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


@pytest.mark.parametrize("where", [(0, 1), (1, 0), (1, 1)])
def test_joined_tables_on_disk(where, tmp_path):
    """Each has rows of ids of its own, and of those of both; so with categories."""
    rows = random_rows(0, SPANS, 0.3)
    later = random_rows(1, SPANS, 0.3).replace({"id": {"id0": "new"}, "k": {"a": "later"}})
    later["t"] = rows["t"] + 9 * DAY
    with small_memory():
        pairs = [
            (read_rows(part), read_parquet(write_files(part, tmp_path / name), EVERYTHING))
            for name, part in (("before", rows), ("later", later))
        ]
        found = concat_in_time(pairs[0][where[0]], pairs[1][where[1]])
        assert is_on_disk(found.values)
    assert_same_table(concat_in_time(pairs[0][0], pairs[1][0]), found)


def test_ids_one_after_another_are_the_rows_read_together(tmp_path):
    rows = random_rows(0, SPANS, 0.3)
    # A category of the second table alone, which is sorted before those of the first.
    rows.loc[rows["id"] == "id2", "k"] = "Of id2"
    labels = sorted(rows["id"].unique())
    with small_memory():
        parts = (read_rows(rows[rows["id"].isin(some)]) for some in (labels[:1], labels[1:]))
        found = concat_ids(parts)
        assert is_on_disk(found.values)
        assert is_on_disk(found.weights)
    assert_same_table(read_rows(rows), found)
    assert not found.values.flags.writeable


def test_ids_that_do_not_go_together():
    with pytest.raises(ValueError, match=r"`tables` must have ids\. Received: a table of a wide"):
        concat_ids([read(ramp(days()))])
    other = read(long_ramp({"z": 4}, tz="UTC"), **LAYOUTS["columns"])
    with pytest.raises(TypeError, match=r"Times must be of the kind of the data, datetime64"):
        concat_ids([shops(), other])


@pytest.mark.parametrize(
    ("first", "words"), [(True, "ids, where there were none"), (False, "no ids")]
)
def test_a_wide_and_a_long_table_cannot_be_joined(first, words):
    wide, long = read(ramp(days(), ["sold"])), shops()
    with pytest.raises(ValueError, match=f"must have the layout of the data before.*: {words}"):
        concat_in_time(*((wide, long) if first else (long, wide)))


@pytest.mark.parametrize(
    ("ids", "later", "message"),
    [
        (["1", "2"], [1, 2], r"int64, e\.g\. 1, after .*, e\.g\. '1': `\.astype\(str\)`"),
        ([1, 2], ["1", "2"], r"e\.g\. '1', after int64, e\.g\. 1: `\.astype\(int\)`"),
        (["01", "02"], [1, 2], r"`\.astype\(str\)\.str\.zfill\(2\)`"),
    ],
)
def test_ids_of_another_kind_are_no_new_ids(ids, later, message):
    def table(labels):
        columns = {"id": labels, "t": days(2), "y": 1.0}
        return read(pd.DataFrame(columns), id_column="id", time_column="t", freq="D")

    with pytest.raises(TypeError, match=f"ids of the kind that they have been. Rec.*{message}"):
        concat_in_time(table(ids), table(later))
    assert concat_in_time(table(ids), table(ids)).num_ids == 2
    floats = concat_in_time(table([1, 2]), table([1.0, 3.0]))
    assert floats.ids.tolist() == [1, 2, 3]
