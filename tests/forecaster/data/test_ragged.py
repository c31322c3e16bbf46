"""Concatenated series of different lengths, with slices of each series as the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data import ragged
from forecaster.data.ragged import (
    Move,
    blanked,
    chunks,
    cut,
    is_among_first,
    moved,
    offsets_of,
    ranges,
    scattered,
)

lengths_of_series = st.lists(st.integers(0, 6), min_size=1, max_size=6).map(np.array)
sizes = st.sampled_from([1, 4, 1 << 20])  # of a chunk, in values


def ramps(lengths, width=2):
    """Series, each (C, n): every value names its row, series and column."""
    return [
        1000.0 * np.arange(width)[:, None] + 10 * i + np.arange(n) for i, n in enumerate(lengths)
    ]


def in_chunks_of(size, function):
    whole_size, ragged.CHUNK = ragged.CHUNK, size
    try:
        return function()
    finally:
        ragged.CHUNK = whole_size


def test_offsets_and_ranges():
    assert offsets_of(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]
    assert ranges(np.array([7, 1, 4]), np.array([2, 0, 3])).tolist() == [7, 8, 4, 5, 6]
    assert ranges(np.array([], int), np.array([], int)).tolist() == []


def test_scattered_columns():
    one, other = np.array([[1.0, 2.0]]), np.array([[9.0]])
    found = scattered(4, (np.array([3, 0]), one), (np.array([3]), other), fill=-1)
    np.testing.assert_array_equal(found, [[2, -1, -1, 9]])  # later parts lie on top
    assert np.isnan(scattered(2, (np.array([0]), other))[0, 1])


@settings(max_examples=40, deadline=None)
@given(lengths_of_series, st.integers(1, 3), st.integers(1, 9))
def test_chunks_hold_every_series_once_and_few_values(lengths, width, size):
    found = in_chunks_of(size, lambda: list(chunks(offsets_of(lengths), width)))
    assert [i for run in found for i in range(run.start, run.stop)] == [*range(len(lengths))]
    for run in found:
        is_one = run.stop - run.start == 1
        assert is_one or width * lengths[run].sum() <= size


@settings(max_examples=40, deadline=None)
@given(lengths_of_series, st.data(), sizes)
def test_cut_is_slicing(lengths, data, size):
    first = np.array([data.draw(st.integers(0, n)) for n in lengths])
    counts = np.array(
        [data.draw(st.integers(0, n - a)) for n, a in zip(lengths, first, strict=True)]
    )
    series, begins = ramps(lengths), offsets_of(lengths)[:-1] + first
    found = in_chunks_of(size, lambda: cut(np.concatenate(series, axis=1), begins, counts))
    expected = [own[:, a : a + count] for own, a, count in zip(series, first, counts, strict=True)]
    np.testing.assert_array_equal(found, np.concatenate(expected, axis=1))


@settings(max_examples=40, deadline=None)
@given(lengths_of_series, st.data(), sizes)
def test_only_the_first_columns_of_each_series_stay(lengths, data, size):
    counts = np.array([data.draw(st.integers(0, 7)) for _ in lengths])
    series, offsets = ramps(lengths), offsets_of(lengths)
    whole = np.concatenate(series, axis=1)
    found = in_chunks_of(size, lambda: blanked(whole, offsets, counts, -1.0))
    expected = [
        np.where(np.arange(own.shape[1]) < count, own, -1)
        for own, count in zip(series, counts, strict=True)
    ]
    np.testing.assert_array_equal(found, np.concatenate(expected, axis=1))
    is_first = is_among_first(offsets, counts)
    np.testing.assert_array_equal(is_first, np.concatenate(expected, axis=1)[0] >= 0)


@settings(max_examples=40, deadline=None)
@given(lengths_of_series, sizes, st.integers(0, 2**16))
def test_moves_are_copies_of_slices(lengths, size, seed):
    """Two moves of some series each; slow copies, one range after another."""
    generator = np.random.default_rng(seed)
    lengths = lengths + 2  # of the series to be made
    offsets, moves = offsets_of(lengths), []
    expected = np.full((2, offsets[-1]), -1.0)
    for number in range(2):
        series = generator.permutation(len(lengths))[: generator.integers(1, len(lengths) + 1)]
        counts = generator.integers(0, lengths[series] + 1)
        first = generator.integers(0, lengths[series] - counts + 1)
        columns = 1000.0 * number + np.arange(2 * counts.sum()).reshape(2, -1)
        begins = offsets_of(counts)[:-1]
        moves.append(Move(columns, begins, counts, series, first))
        for i, a, b, count in zip(series, first, begins, counts, strict=True):
            target = offsets[i] + a
            expected[:, target : target + count] = columns[:, b : b + count]
    found = in_chunks_of(size, lambda: moved(offsets, *moves, fill=-1.0))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("width", [0, 1])
def test_series_without_columns_are_of_one_chunk(width):
    assert list(chunks(np.zeros(4, int), width)) == [slice(0, 3)]
