"""Chunks of ids, what is known at a cutoff, and rows in which nothing is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.concat import concat_in_time
from forecaster.data.table_parts import (
    chunks_of_ids,
    known_after,
    table_chunks,
    until_observed,
    with_rows_to_come,
)
from tests.helpers.arrays import NAN, make_table, ramp
from tests.helpers.small_memory import small_memory
from tests.helpers.tables import (
    LAYOUTS,
    ROLES,
    SHOPS,
    assert_same_table,
    long_ramp,
    read,
    shops,
    shops_with_roles,
)


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


@pytest.mark.parametrize("values", [2, 30, 10**6])
def test_chunks_are_the_rows_of_their_ids(values):
    table = read(shops_with_roles(), **LAYOUTS["columns"], **ROLES)
    seen = []
    with small_memory(values):
        for ids, chunk in table_chunks(table):
            seen += range(table.num_ids)[ids]
            own = shops_with_roles()
            own = own[own["shop"].isin(table.ids[ids])]
            expected = read(own, **LAYOUTS["columns"], **ROLES)
            np.testing.assert_array_equal(chunk.values, expected.values)
            np.testing.assert_array_equal(chunk.weights, expected.weights)
            assert chunk.offsets.tolist() == expected.offsets.tolist()
            assert chunk.starts.equals(expected.starts)
            assert chunk.ids.equals(expected.ids)
            static = chunk.static_covariates
            decoded = static.decoded(0, static.values[0]).tolist()
            assert (
                decoded
                == own.drop_duplicates("shop").set_index("shop")["region"][chunk.ids].tolist()
            )
            assert np.shares_memory(chunk.values, table.values)
    assert seen == [0, 1]


THREE = shops()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=6), st.sampled_from([2, 10**6]))
def test_chunks_of_some_ids_hold_each_of_them_once(wanted, values):
    wanted = np.array(wanted, int)
    found = np.full(len(wanted), NAN)
    with small_memory(values):
        for positions, ids, chunk in chunks_of_ids(THREE, wanted):
            assert len(positions) > 0
            assert np.isnan(found[positions]).all()
            found[positions] = chunk.values[0, chunk.offsets[ids]]
    np.testing.assert_array_equal(found, np.array([1000.0, 0, 2000])[wanted])  # their first rows


def test_rows_behind_the_last_observed_one_are_dropped():
    values = np.array([[1, NAN, NAN, 5, NAN, NAN, NAN, NAN], [NAN, 2, NAN, NAN, NAN, 6, NAN, NAN]])
    table = make_table(values, [3, 3, 2])
    found = until_observed(table)
    assert found.lengths.tolist() == [2, 3, 0]
    np.testing.assert_array_equal(found.values, values[:, [0, 1, 3, 4, 5]])
    full = make_table(ramp(1, 5), [2, 3])
    assert until_observed(full) is full


def test_what_is_known_at_a_cutoff():
    frame = shops_with_roles()
    table = read(frame, **LAYOUTS["columns"], **ROLES)
    found = known_after(table, np.array([2, 5]), 2)
    assert found.lengths.tolist() == [4, 6]  # no more rows than there are
    is_known = np.array([1, 1, 0, 0, 1, 1, 1, 1, 1, 0], bool)
    rows = np.array([0, 1, 2, 3, 5, 6, 7, 8, 9, 10])
    for name in ("values", "past_covariates"):
        own, before = getattr(found, name), getattr(table, name)
        own, before = (getattr(part, "values", part) for part in (own, before))
        np.testing.assert_array_equal(own, np.where(is_known, before[:, rows], NAN))
    np.testing.assert_array_equal(found.weights, np.where(is_known, table.weights[rows], 0))
    known_ahead = table.future_covariates.values[:, rows]
    np.testing.assert_array_equal(found.future_covariates.values, known_ahead)
    without = shops()
    assert_same_table(known_after(without, np.array([1, 2, 0]), 2), without.until([1, 2, 0]))
