"""Streams for training and runs of forecasts, on a ramp in which every value names its index."""

import gc
import math
import weakref

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.inputs.batches import (
    FORECAST_BATCH,
    TrainingCut,
    forecast_at,
    forecast_windows,
    training_batches,
)
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import Cutoffs, WindowSource
from tests.helpers.arrays import NAN, make_table, ramp, sliced

few = settings(max_examples=25, deadline=None)


def stream(values, spec, cutoffs, batch_size, *, weights=None, joint=False, first_batch=0):
    source = WindowSource(make_table(values), joint=joint)
    if weights is None:
        weights = np.ones((source.num_series, source.channels), np.float32)
    cut = TrainingCut(source, cutoffs, spec, weights)
    return training_batches(cut, batch_size, first_batch)


def drawn(batches, count):
    """The first windows of a stream: past (n, L, S'), target and weight (n, H, S')."""
    taken = list(batches.take(count).as_numpy_iterator())
    assert len({tuple(part.shape for part in (x["past_values"], y, w)) for x, y, w in taken}) == 1
    pasts, targets, weights = zip(*((x["past_values"], y, w) for x, y, w in taken), strict=True)
    return np.concatenate(pasts), np.concatenate(targets), np.concatenate(weights)


@given(
    targets=st.integers(1, 3),
    counts=st.integers(1, 15),
    batch_size=st.integers(1, 40),
    input_length=st.integers(1, 6),
    horizon=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=15, deadline=None)
def test_every_pass_visits_every_window_once(
    targets, counts, batch_size, input_length, horizon, seed
):
    values = ramp(targets, 3 + counts + horizon - 1)
    cutoffs = Cutoffs.between(3, np.full(targets, 2 + counts))
    spec, windows = WindowSpec(input_length, horizon, seed=seed), targets * counts
    batches = stream(values, spec, cutoffs, batch_size)
    past, target, weight = drawn(batches, math.ceil(3 * windows / batch_size))

    # The first target of a window names it, and its other values must be the neighbours of that.
    names = target[:, 0, 0].astype(int)
    for name, p, t in zip(names, past, target, strict=True):
        place = values, name // 1000, name % 1000
        np.testing.assert_array_equal(p, sliced(*place, -input_length, 0, [values.shape[1]], False))
        np.testing.assert_array_equal(t, sliced(*place, 0, horizon, [values.shape[1]], False))
    np.testing.assert_array_equal(weight, 1)
    everything = sorted(1000 * s + c for s in range(targets) for c in range(3, 3 + counts))
    for visit in range(3):
        assert sorted(names[visit * windows : (visit + 1) * windows]) == everything


@pytest.mark.parametrize("windows", [64, 1000])
def test_every_pass_and_every_seed_has_its_own_random_order(windows):
    values, cutoffs = np.arange(windows + 5.0), Cutoffs.between(4, np.array([windows + 3]))
    orders = []
    for seed in (0, 1, 2**32 - 1):
        spec = WindowSpec(4, 1, seed=seed)
        _, target, _ = drawn(stream(values, spec, cutoffs, windows), 4)
        orders += list(target[:, 0, 0].reshape(4, windows))
    # Correlations of random orders have a deviation of 1 / sqrt(n), among each other and with time.
    correlation = np.corrcoef([np.arange(windows), *orders]) - np.eye(13)
    assert np.abs(correlation).max() < 4 / np.sqrt(windows)
    # Windows side by side in time are side by side in 2 of n cases.
    neighbours = np.mean(np.abs(np.diff(orders)) == 1, axis=1)
    assert neighbours.max() < 8 / windows


def test_a_stream_goes_on_where_another_was_left():
    values, cutoffs = ramp(2, 40), Cutoffs.between(4, np.array([38, 20]))
    spec = WindowSpec(5, 2, seed=3)
    whole = drawn(stream(values, spec, cutoffs, 7), 30)
    for first_batch in (0, 1, 11, 29):
        tail = drawn(stream(values, spec, cutoffs, 7, first_batch=first_batch), 30 - first_batch)
        for part, all_of_it in zip(tail, whole, strict=True):
            np.testing.assert_array_equal(part, all_of_it[7 * first_batch :])


def test_a_trillion_windows_cost_nothing():
    """What is kept or listed for each window would take terabytes."""
    cutoffs = Cutoffs(np.array([0]), np.array([10**12]))
    past, _, weight = drawn(
        stream(ramp(1, 30), WindowSpec(4, 2), cutoffs, 8, first_batch=10**10), 2
    )
    assert past.shape == (16, 4, 1)
    np.testing.assert_array_equal(weight, 0)  # the windows drawn lie far behind the 30 rows


def test_what_is_missing_has_no_weight():
    values = np.array([[0.0, NAN, 2, 3, NAN, 5, 6], [10, 11, 12, 13, 14, NAN, NAN]])
    weights = np.array([[2.0, 3.0]], np.float32)
    cutoffs = Cutoffs.between(2, np.array([5]))
    spec = WindowSpec(2, 2, channels=2)
    past, target, weight = drawn(stream(values, spec, cutoffs, 4, weights=weights, joint=True), 1)
    futures = {str(values.T[c - 2 : c]): values.T[c : c + 2] for c in range(2, 6)}
    expected = np.array([futures[str(window.astype(float))] for window in past])
    seen = ~np.isnan(expected)
    np.testing.assert_array_equal(target, np.where(seen, expected, 0))
    # The mean over the batch, missing values and all, is the mean over those that are there.
    np.testing.assert_allclose(weight, np.where(seen, weights / seen.mean(), 0), rtol=1e-6)


def test_a_past_in_which_nothing_was_observed_teaches_nothing():
    values = np.array([[NAN, NAN, NAN, 3, 4, 5], [10, 11, 12, 13, 14, 15]])
    cutoffs = Cutoffs.between(3, np.array([4]))
    spec = WindowSpec(2, 2, channels=2)
    past, target, weight = drawn(stream(values, spec, cutoffs, 2, joint=True), 1)
    blind = np.isnan(past).all(axis=1)  # (2, S'): the first column at cutoff 3
    assert blind.sum() == 1
    assert (weight[blind[:, None].repeat(2, 1)] == 0).all()
    assert (target[blind[:, None].repeat(2, 1)] == 0).all()
    np.testing.assert_allclose(weight[~blind[:, None].repeat(2, 1)], 4 / 3, rtol=1e-6)


def test_a_batch_without_any_target_is_finite():
    values = np.where(np.arange(12) < 6, np.arange(12.0), NAN)
    batches = stream(values, WindowSpec(4, 2), Cutoffs.between(6, np.array([8])), 5)
    _, target, weight = drawn(batches, 1)
    np.testing.assert_array_equal(target, 0)
    np.testing.assert_array_equal(weight, 0)


def repeat_last(horizon, width, shapes):
    """A forecast that names its window: last value + step / 10 + number of the output / 100."""

    def forward(inputs):
        past = inputs["past_values"]
        shapes.add(tuple(past.shape))
        steps = tf.range(horizon, dtype=tf.float32)[:, None, None] / 10
        outputs = tf.range(width, dtype=tf.float32) / 100
        return past[:, -1:, :, None] + steps + outputs  # (B, 1, S', 1) -> (B, H, S', width)

    return forward


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("count", [1, 2, 100, 300])
def test_forecasts_of_a_table(joint, count):
    shapes, values, horizon, width = set(), ramp(3, 400), 2, 4
    source = WindowSource(make_table(values), joint=joint)
    spec = WindowSpec(5, horizon, source.channels, width)
    cutoffs = np.random.default_rng(0).permutation(400)[:count] + 1
    forward = repeat_last(horizon, width, shapes)
    found = forecast_at(forward, source, spec, np.zeros(count, int), cutoffs)
    expected = values[:, cutoffs - 1].T[..., None, None]
    expected = expected + np.arange(horizon)[:, None] / 10 + np.arange(width) / 100
    assert found.shape == (count, 3, horizon, width)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert max(shape[0] for shape in shapes) == min(count * source.num_series, FORECAST_BATCH)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=8))
@few
def test_forecasts_of_any_windows(windows):
    values, lengths = ramp(2, 16), [9, 7]
    source = WindowSource(make_table(values, lengths))
    series, cutoffs = np.array(windows).T
    cutoffs = np.minimum(cutoffs, source.lengths[series])
    forward = repeat_last(1, 1, set())
    found = forecast_windows(forward, source, WindowSpec(3, 1), series, cutoffs)
    target, id_position = np.divmod(series, 2)
    rows = np.array([0, 9])[id_position] + cutoffs - 1
    np.testing.assert_array_equal(found[:, 0, 0, 0], values[target, rows])


def test_a_stream_that_is_over_holds_no_table():
    table = make_table(ramp(1, 40))
    held = weakref.ref(table)
    cutoffs, weights = Cutoffs.between(4, [38]), np.ones((1, 1))
    cut = TrainingCut(WindowSource(table), cutoffs, WindowSpec(4, 2), weights)
    batches = training_batches(cut, 8)
    stream = iter(batches.take(9))
    del table, cut, batches
    gc.collect()
    next(stream)
    assert held() is not None
    del stream
    gc.collect()
    assert held() is None
