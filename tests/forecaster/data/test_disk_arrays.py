"""What is done with a table does not depend on whether its arrays are on disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data import disk_arrays
from forecaster.data.disk_arrays import DiskColumns, is_on_disk, side_by_side
from forecaster.data.table_parts import known_after, until_observed, with_rows_to_come
from tests.helpers.small_memory import both, small_memory
from tests.helpers.tables import assert_same_table

OPERATIONS = {
    "until": lambda table: table.until(np.array([3, 20, 0, 17])),
    "tail": lambda table: table.tail(9),
    "known_after": lambda table: known_after(table, np.array([3, 20, 0, 17]), 2),
    "extended": lambda table: with_rows_to_come(table, 3),
    "until_observed": lambda table: until_observed(with_rows_to_come(table, 3)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_array_on_disk_becomes_another_one_on_disk(name, tmp_path):
    with small_memory():
        table, on_disk = both(tmp_path)
        on_disk = OPERATIONS[name](on_disk)
        assert is_on_disk(on_disk.values)
        assert is_on_disk(on_disk.weights)
    in_memory = OPERATIONS[name](table)  # all at once
    assert not is_on_disk(in_memory.values)
    assert_same_table(in_memory, on_disk)


def test_what_fits_into_memory_does_not_stay_on_disk(tmp_path, monkeypatch):
    with small_memory():
        _, on_disk = both(tmp_path)
        monkeypatch.setattr(disk_arrays, "IN_MEMORY", 100)
        assert not is_on_disk(on_disk.tail(1).values)


def on_disk(columns):
    with DiskColumns() as writer:
        writer.append(columns)
        return writer.array()


@given(st.integers(1, 4), st.lists(st.integers(0, 5), max_size=5))
@settings(max_examples=30, deadline=None)
def test_columns_come_back_in_the_order_in_which_they_were_appended(width, counts):
    whole = np.arange(width * sum(counts), dtype=float).reshape(width, -1)
    with DiskColumns() as writer:
        for part in np.split(whole, np.cumsum(counts), axis=1):
            writer.append(part)
        found = writer.array()
    np.testing.assert_array_equal(found, whole)  # after the file is closed
    assert is_on_disk(found) == (whole.size > 0)
    found[:] = 7  # writable
    assert (found == 7).all()


def test_nothing_appended_is_an_empty_array():
    with DiskColumns() as writer:
        assert writer.array().shape == (0, 0)


def test_views_of_an_array_on_disk_are_on_disk():
    found = on_disk(np.ones((2, 3)))
    assert is_on_disk(found[:, 1:])
    assert is_on_disk(found.T[0])
    assert not is_on_disk(found.copy())
    assert not is_on_disk(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("like_disk", "limit", "expected"), [(True, 5, True), (True, 6, False), (False, 5, False)]
)
def test_parts_are_joined_where_the_arrays_are_that_they_are_made_of(
    like_disk, limit, expected, monkeypatch
):
    monkeypatch.setattr(disk_arrays, "IN_MEMORY", limit)
    whole = np.arange(6.0).reshape(2, 3)
    source = on_disk(whole) if like_disk else whole
    found = side_by_side(iter([whole[:, :1], whole[:, 1:]]), 3, np.ones((2, 9)), source)
    np.testing.assert_array_equal(found, whole)
    assert is_on_disk(found) == expected


def test_one_part_is_handed_on_without_a_copy():
    whole = np.ones((2, 3))
    assert side_by_side(iter([whole]), 3, whole) is whole
