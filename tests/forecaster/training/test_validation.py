"""Scores of the newest rows: against slow loops."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import WindowSource
from forecaster.network.heads import Point, Quantiles
from forecaster.training import validation as validation_module
from forecaster.training.validation import ValidationScorer, observes, series_scales
from tests.helpers.arrays import NAN, make_table, ramp, walks

gappy = arrays(float, (2, 12), elements=st.one_of(st.just(NAN), st.integers(-9, 9).map(float)))


def make_scorer(values, train_rows, *, spec=None, output=None, loss="mae", joint=False):
    table = make_table(values)
    source, output = WindowSource(table, joint=joint), output or Point()
    spec = spec or WindowSpec(4, 2, source.channels, output.width, season_length=3)
    return ValidationScorer(table, source, spec, output, loss, np.array([train_rows]))


def scales(values, rows, season_length):
    """`series_scales` of one id: (S,)."""
    return series_scales(make_table(values), np.array([rows]), season_length)[:, 0]


def slow_scale(series, season_length):
    """The seasonal naive's mean error, else the deviation, else NaN."""
    pairs = [abs(a - b) for a, b in zip(series[season_length:], series, strict=False)]
    pairs = [pair for pair in pairs if not np.isnan(pair)]
    known = [value for value in series if not np.isnan(value)]
    scale = np.mean(pairs) if pairs else 0
    scale = scale if scale > 0 else np.std(known) if known else 0
    return scale if scale > 0 else NAN


@given(gappy, st.integers(0, 12), st.integers(1, 14), st.floats(allow_nan=True))
def test_scales_are_the_slow_loop(values, rows, season_length, future):
    expected = [slow_scale(list(series[:rows]), season_length) for series in values]
    values[:, rows:] = future  # nothing after the rows has a part in it
    np.testing.assert_allclose(scales(values, rows, season_length), expected)


@pytest.mark.parametrize("level", [1e-20, 1.0, 1e15])
def test_a_spread_that_float64_cannot_tell_is_none(level):
    noise = level * (1 + 2e-16 * (np.arange(20) % 3))
    assert np.isnan(scales(noise[None], 20, 4))
    assert scales(level * np.arange(20.0)[None], 20, 4) == pytest.approx(4 * level)


def test_only_the_newest_rows_give_the_scale(monkeypatch):
    monkeypatch.setattr(validation_module, "MOST_SCALED", 50)
    values = walks(rows=200)
    expected = scales(values[:, 100:150], 50, 4)
    np.testing.assert_array_equal(scales(values, 150, 4), expected)


@given(gappy, st.lists(st.integers(1, 12), min_size=1, unique=True), st.integers(1, 13))
def test_observes_is_the_slow_loop(values, cutoffs, steps):
    begins, ids = np.maximum(np.array(cutoffs) - steps, 0), np.zeros(len(cutoffs), int)
    expected = [
        [not np.isnan(s[b:c]).all() for b, c in zip(begins, cutoffs, strict=True)] for s in values
    ]
    found = observes(make_table(values), ids, begins, np.array(cutoffs))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("output", "loss"), [(Point(), "mae"), (Point(), "mse"), (Quantiles([0.2, 0.9]), "pinball")]
)
@pytest.mark.parametrize("joint", [False, True])
def test_scores_by_hand(output, loss, joint):
    values, season, horizon, train_rows = walks(2, 40), 3, 2, 30
    values[0, 33] = NAN
    scorer = make_scorer(values, train_rows, output=output, loss=loss, joint=joint)
    scale = [np.mean(np.abs(s[season:train_rows] - s[: train_rows - season])) for s in values]

    def error(actual, forecast):
        if loss != "pinball":
            return abs(actual - forecast) ** (2 if loss == "mse" else 1)
        e = actual - forecast
        return np.mean([max(a * e, (a - 1) * e) for a in (0.2, 0.5, 0.9)])

    naive, zero = [], []
    for cutoff in range(train_rows, 40 - horizon + 1):
        for s, h in np.ndindex(2, horizon):
            actual, row = values[s, cutoff + h], cutoff + h - season
            while np.isnan(values[s, row]):
                row -= season
            if not np.isnan(actual):
                naive.append(error(actual / scale[s], values[s, row] / scale[s]))
                zero.append(error(actual / scale[s], 0.0))
    assert scorer.naive_score == pytest.approx(np.mean(naive))
    channels = 2 if joint else 1

    def forward(inputs):
        past = inputs["past_values"]
        assert past.shape[1:] == (4, channels)
        return tf.zeros((past.shape[0], horizon, channels, output.width))

    assert scorer(forward) == pytest.approx(np.mean(zero))


def zeros(inputs):
    """(B, L, S') -> (B, 2, S', 1)."""
    past = inputs["past_values"]
    return tf.zeros((past.shape[0], 2, past.shape[2], 1))


def test_what_nobody_can_forecast_is_not_scored():
    values = walks(3, 40)
    values[1, :34] = NAN  # begins behind the rows that train: its errors have no unit
    values[2, 20:36] = NAN  # behind the first cutoffs the past is unknown
    scale, errors = scales(values, 30, 3), []
    for s, cutoff in itertools.product((0, 2), range(30, 39)):
        if not np.isnan(values[s, cutoff - 4 : cutoff]).all():
            errors += list(np.abs(values[s, cutoff : cutoff + 2]) / scale[s])
    scorer = make_scorer(values, 30)
    assert scorer(zeros) == pytest.approx(np.mean(errors))
    values[1] = NAN
    assert make_scorer(values, 30)(zeros) == pytest.approx(np.mean(errors))
    assert math.isfinite(scorer.naive_score)


def test_where_no_series_varies_each_counts_in_its_own_unit():
    values = np.full((2, 40), 5.0)
    values[0, 38:] = 7
    # Nine windows of two values for each series.
    assert make_scorer(values, 30)(zeros) == pytest.approx((33 * 5 + 3 * 7) / 36)


def test_a_network_that_is_lost_has_no_score():
    scorer = make_scorer(walks(rows=40), 30)
    assert np.isnan(scorer(lambda inputs: NAN * zeros(inputs)))


@pytest.mark.parametrize("first_missing", [0, 30])
def test_nothing_to_score(first_missing):
    values = walks(rows=40)
    values[:, first_missing:] = NAN
    with pytest.raises(
        ValueError, match="`frame` must have values in the last 10 rows, which are held out"
    ):
        make_scorer(values, 30)


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("rows", [5, 6, 100, 2052, 30_000, 49_152])
def test_cutoffs_lie_behind_the_rows_that_train(rows, horizon):
    spec = WindowSpec(4, horizon, season_length=24)
    scorer = make_scorer(ramp(2, 1000 + rows), 1000, spec=spec)
    assert scorer.cutoffs[0] >= 1000
    assert scorer.cutoffs[-1] == 1000 + rows - horizon
    assert len(scorer.cutoffs) * 2 <= 4096
    if rows <= 2052 - 4:
        assert len(scorer.cutoffs) == rows - horizon + 1
    else:  # a sample, in which every phase of the season is scored
        assert len(scorer.cutoffs) > 400
        assert len(np.unique((scorer.cutoffs[:, None] + np.arange(horizon)) % 24)) == 24
