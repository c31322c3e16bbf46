"""Naive forecasts, scales and scores of ids of any length: the reference is a loop over one."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given
from hypothesis import strategies as st

from forecaster.evaluation.baselines import seasonal_naive
from forecaster.evaluation.metrics import seasonal_scales
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import WindowSource
from forecaster.network.heads import Point
from forecaster.training.validation import ValidationScorer, observes, series_scales
from tests.helpers.arrays import make_table
from tests.helpers.panel_rows import examples
from tests.helpers.panels import seeds, slow_naive, slow_scales, slow_unit

some_lengths = st.lists(st.integers(1, 25), min_size=1, max_size=4)


def gappy(seed, lengths, targets=1, share=0.3):
    """Random values of ids behind each other, (S, N), with gaps."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(targets, sum(lengths)))
    values[generator.random(values.shape) < share] = np.nan
    return values


def cut(values, lengths):
    """(S, N) -> the values of each id, (S, length)."""
    return np.split(values, np.cumsum(lengths)[:-1], axis=1)


@given(some_lengths, st.integers(1, 2), st.integers(1, 9), st.integers(1, 9), seeds, st.data())
@examples(60)
def test_naive_scales_and_observed_of_ids_of_any_length(
    lengths, targets, horizon, season, seed, data
):
    values, offsets = gappy(seed, lengths, targets), np.cumsum([0, *lengths])
    number = st.integers(0, len(lengths) - 1)
    pairs = data.draw(st.lists(st.tuples(number, st.integers(0, 25)), min_size=1, max_size=6))
    pairs = [(i, min(c, lengths[i])) for i, c in pairs]
    begins = np.array([offsets[i] for i, _ in pairs])
    ends = begins + [c for _, c in pairs]
    naive = seasonal_naive(values, ends, horizon, season, begins)
    absolute, squared = seasonal_scales(values, ends, season, begins)
    for window, (i, c) in enumerate(pairs):
        for target in range(targets):
            known = list(cut(values, lengths)[i][target][:c])
            np.testing.assert_array_equal(naive[window, target], slow_naive(known, horizon, season))
            scales = absolute[window, target], squared[window, target]
            np.testing.assert_allclose(scales, slow_scales(known, season), rtol=1e-12)
    steps = data.draw(st.integers(1, 9))
    expected = [
        [not np.isnan(own[max(c - steps, 0) : c]).all() for own in cut(values, lengths)[i]]
        for i, c in pairs
    ]
    ids, last = np.array(pairs).T
    found = observes(make_table(values, lengths), ids, np.maximum(last - steps, 0), last)
    np.testing.assert_array_equal(found.T, expected)


@given(some_lengths, st.integers(1, 2), st.integers(1, 9), seeds)
@examples(60)
def test_units_of_ids_of_any_length(lengths, targets, season, seed):
    values = gappy(seed, lengths, targets)
    rows = np.random.default_rng(seed).integers(0, np.array(lengths) + 1)
    if seed % 2:
        values[0, : lengths[0]] = 3.0  # a constant id has no unit
    expected = [
        [slow_unit(list(own[:r]), season) for own, r in zip(ids, rows, strict=True)]
        for ids in zip(*cut(values, lengths), strict=True)
    ]
    found = series_scales(make_table(values, lengths), rows, season)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def repeat_last(spec):
    """A forecast that anyone can make: the newest row of the window, observed or not; else 0."""

    def forward(inputs):
        last = inputs["past_values"][:, -1:, :, None]  # (B, 1, S', 1)
        last = tf.where(tf.math.is_nan(last), 0.0, last)
        return tf.repeat(last, spec.horizon, axis=1)

    return forward


@given(some_lengths, st.integers(1, 2), st.integers(1, 3), st.integers(1, 5), st.booleans(), seeds)
@examples(40)
def test_validation_scores_of_ids_of_any_length(lengths, targets, horizon, season, joint, seed):
    lengths = [*lengths, 24]
    values = gappy(seed, lengths, targets).astype(np.float32).astype(float)
    train_rows = np.maximum(np.array(lengths) - horizon - 4, 0)
    table, length = make_table(values, lengths), 3
    spec = WindowSpec(length, horizon, targets if joint else 1, season_length=season)
    errors, naive_errors = [], []
    for own, trained in zip(cut(values, lengths), train_rows, strict=True):
        for series in own:
            unit = slow_unit(list(series[:trained]), season)
            for c in range(trained, len(series) - horizon + 1):
                window = series[max(c - length, 0) : c]
                if np.isnan(window).all() or np.isnan(unit):
                    continue
                naive = slow_naive(list(series[:c]), horizon, season)
                for step in range(horizon):
                    if not np.isnan(series[c + step]):
                        last = np.nan_to_num(window[-1])
                        errors.append(abs(series[c + step] - last) / unit)
                        naive_errors.append(abs(series[c + step] - naive[step]) / unit)
    assume(errors)  # not where gaps leave nothing, or only series that do not vary
    scorer = ValidationScorer(
        table, WindowSource(table, joint=joint), spec, Point(), "mae", train_rows
    )
    assert scorer.scored.sum() == len(errors)
    assert scorer.naive_score == pytest.approx(np.mean(naive_errors))
    assert scorer(repeat_last(spec)) == pytest.approx(np.mean(errors), rel=1e-5)
