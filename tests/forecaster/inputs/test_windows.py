"""Windows of a ramp, in which every value names its own index, against plain slicing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.inputs.windows import Cutoffs, WindowSource
from tests.helpers.arrays import NAN, make_table, ramp, sliced

lengths_of_ids = st.lists(st.integers(1, 9), min_size=1, max_size=3)
few = settings(max_examples=25, deadline=None)


@given(lengths_of_ids, st.integers(1, 3), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_gather_is_slicing(lengths, targets, joint, data):
    values = ramp(targets, sum(lengths))
    source = WindowSource(make_table(values, lengths), joint=joint)
    assert source.channels == (targets if joint else 1)
    assert source.num_series == (1 if joint else targets) * len(lengths)
    numbers = st.integers(0, source.num_series - 1)
    windows = data.draw(st.lists(st.tuples(numbers, st.integers(-4, 13)), min_size=1, max_size=6))
    first = data.draw(st.integers(-7, 5))
    last = data.draw(st.integers(first, 9))
    series, cutoff = np.array(windows, np.int64).T
    found = source.gather(series, cutoff, first, last)
    assert found.dtype == np.float64
    expected = [sliced(values, n, c, first, last, lengths, joint) for n, c in windows]
    np.testing.assert_array_equal(found, expected)


def test_gather_keeps_what_is_missing():
    source = WindowSource(make_table([[0, NAN, 2, 3], [10, 11, NAN, 13]]), joint=True)
    found = source.gather(np.array([0]), np.array([3]), -3, 1)
    np.testing.assert_array_equal(found[0], [[0, 10], [NAN, 11], [2, NAN], [3, 13]])


@given(st.lists(st.tuples(st.integers(-3, 20), st.integers(-3, 20)), min_size=1, max_size=6))
@few
def test_locate_counts_through_the_listed_cutoffs(runs):
    first, last = np.array(runs).T
    cutoffs = Cutoffs.between(first, last)
    listed = [(n, c) for n, (a, b) in enumerate(runs) for c in range(a, b + 1)]
    assert len(cutoffs) == len(listed)
    if listed:
        found = cutoffs.locate(np.arange(len(listed)))
        np.testing.assert_array_equal(np.transpose(found), listed)


def test_between_takes_one_bound_for_all():
    cutoffs = Cutoffs.between(2, np.array([4, 1, 2]))
    assert cutoffs.counts.tolist() == [3, 0, 1]
    assert cutoffs.first.tolist() == [2, 2, 2]
