"""Spreads of the series of a fit, against pandas on each series alone."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.inputs.spreads import Spreads
from tests.helpers.arrays import NAN
from tests.helpers.tables import read

KEYS = {"id_column": "id", "time_column": "t", "freq": "D"}


def panel(**series):
    """A long frame of series of any lengths, by their id."""
    parts = [
        pd.DataFrame({"id": label, "t": pd.date_range("2024", periods=len(values)), "y": values})
        for label, values in series.items()
    ]
    return pd.concat(parts)


def spreads_of(*frames):
    """Learned from all rows of the first frame, looked up for the last one."""
    table = read(frames[0], **KEYS)
    return Spreads.learned(table, table.lengths).of(read(frames[-1], **KEYS)).tolist()


@given(st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=8), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_a_spread_is_the_standard_deviation_of_the_first_rows(values):
    table = read(panel(**{f"s{i}": own for i, own in enumerate(values)}), **KEYS)
    rows = table.lengths - 1
    found = Spreads.learned(table, rows).values[:, 0]
    for own, spread in zip(values, found, strict=True):
        expected = np.std(own[:-1]) if len(own) > 2 else NAN
        assert spread == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_what_the_fit_did_not_see_is_like_the_others():
    seen = panel(a=[0.0, 2, 0, 2], b=[10.0, 30], c=[5.0, 5, 5], d=[7.0])
    new = panel(c=[5.0, 5], d=[7.0, 9], e=[1e9, 0], a=[0.0, 0])
    assert spreads_of(seen) == [[1, 10, 0, 5.5]]  # a constant is known to be one; one row is not
    assert spreads_of(seen, new) == [[1, 0, 5.5, 5.5]]  # a, c, d, e
    assert spreads_of(panel(a=[3.0, 3], b=[1.0, 1]), new) == [[0, 0, 0, 0]]


def test_columns_are_found_by_their_labels():
    days = pd.date_range("2024", periods=4, name="day")
    wide = pd.DataFrame({"a": [0.0, 2, 0, 2], "b": [0.0, 6, 0, 6], "c": 1.0}, days)
    table = read(wide)
    learned = Spreads.learned(table, table.lengths)
    assert learned.of(read(wide[["b", "a"]])).tolist() == [[3], [1]]
    assert learned.of(read(wide.rename(columns={"a": "x"}))).tolist() == [[2], [3], [0]]


def test_an_update_learns_what_was_not_known():
    seen = read(panel(a=[0.0, 2], b=[5.0, 5], c=[7.0]), **KEYS)
    later = read(panel(a=[0.0, 20], b=[0.0, 2], c=[0.0, 2], d=[0.0, 4]), **KEYS)
    extended = Spreads.learned(seen, seen.lengths).extended(later)
    assert extended.of(later).tolist() == [[1, 1, 1, 2]]


def test_rounding_is_no_spread():
    assert spreads_of(panel(a=[0.3, 0.1 + 0.2, 0.3])) == [[0]]
    assert spreads_of(panel(a=[1e12, 1e12 + 2])) == [[1]]


def test_spreads_as_json():
    table = read(panel(a=[0.0, 2], b=[5.0, 5], c=[7.0]), **KEYS)
    learned = Spreads.learned(table, table.lengths)
    again = Spreads.from_json(json.loads(json.dumps(learned.to_json())), table)
    np.testing.assert_array_equal(again.values, learned.values)
    assert again.of(table).tolist() == learned.of(table).tolist() == [[1, 0, 1]]
