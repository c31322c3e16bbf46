"""Scores against utilsforecast, against NumPy and against sums done by hand."""

import numpy as np
import pandas as pd
import pytest
import utilsforecast.losses as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.evaluation import metrics as scores
from forecaster.evaluation.metrics import (
    error_scales,
    grouped_scores,
    outermost_interval,
    point_errors,
    quantile_errors,
    seasonal_scales,
    without_noise,
)

NAN = np.nan
LEVELS = (0.1, 0.3, 0.5, 0.9)
SEASON_LENGTH, HORIZON = 4, 5


def ones(actual):
    """Scales that leave MASE and RMSSE at MAE and RMSE, and a mask that counts every value."""
    return np.ones(len(actual)), np.ones(len(actual)), np.ones(actual.shape, bool)


def window_scores(errors, num_windows, horizon):
    """The scores of each window."""
    table = grouped_scores(
        lambda rows: {
            name: (error[rows], scored[rows]) for name, (error, scored) in errors.items()
        },
        np.arange(num_windows),
        num_windows,
        horizon,
    )
    return {name: values[:, 0] for name, values in table.items()}


@pytest.fixture(scope="module")
def data():
    """Two series, and random forecasts of them from three cutoffs."""
    rng = np.random.default_rng(7)
    values = rng.normal(10, 5, (2, 40))
    values[:, [3, 11]] = NAN  # in the history only: utilsforecast counts a NaN as not covered
    cutoffs = np.array([20, 27, 33])
    rows = cutoffs[:, None] + np.arange(HORIZON)
    actual = values[:, rows].reshape(-1, HORIZON)
    prediction = actual + rng.normal(size=actual.shape)
    quantiles = prediction[..., None] + np.sort(rng.normal(size=(*actual.shape, 4)))
    return values, cutoffs, actual, prediction, quantiles


@pytest.fixture(scope="module")
def frames(data):
    """The same as utilsforecast takes it: the forecasts and the series."""
    values, cutoffs, actual, prediction, quantiles = data
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b"], len(cutoffs) * HORIZON),
            "cutoff": np.tile(np.repeat(cutoffs - 1, HORIZON), 2),
            "ds": np.tile((cutoffs[:, None] + np.arange(HORIZON)).reshape(-1), 2),
            "y": actual.reshape(-1),
            "m": prediction.reshape(-1),
            "m-lo-80": quantiles[..., 0].reshape(-1),
            "m-hi-80": quantiles[..., 3].reshape(-1),
        }
    )
    for position, level in enumerate(LEVELS):
        frame[f"q{level}"] = quantiles[..., position].reshape(-1)
    train = pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b"], values.shape[1]),
            "ds": np.tile(np.arange(values.shape[1]), 2),
            "y": values.reshape(-1),
        }
    )
    return frame, train


@pytest.fixture(scope="module")
def ours(data):
    """Our scores of each of the six windows."""
    values, cutoffs, actual, prediction, quantiles = data
    # (C, n) -> (n * C,), series after series as the windows are
    scales = [s.T.reshape(-1) for s in seasonal_scales(values, cutoffs, SEASON_LENGTH)]
    scored = np.ones(actual.shape, bool)
    errors = point_errors(actual, prediction, *scales, scored)
    errors |= quantile_errors(actual, quantiles, LEVELS, scored)
    return window_scores(errors, *actual.shape)


class TestSeasonalScales:
    @given(
        values=arrays(float, (2, 12), elements=st.floats(-9, 9) | st.just(NAN)),
        cutoffs=st.lists(st.integers(0, 12), min_size=1, max_size=3).map(np.array),
        season_length=st.integers(1, 15),
    )
    def test_is_the_mean_over_observed_pairs(self, values, cutoffs, season_length):
        absolute, squared = seasonal_scales(values, cutoffs, season_length)
        for c, cutoff in enumerate(cutoffs):
            for s, series in enumerate(values):
                pairs = [
                    (series[t], series[t - season_length]) for t in range(season_length, cutoff)
                ]
                sizes = [abs(now - before) for now, before in pairs if not np.isnan(now - before)]
                expected = [np.mean(sizes), np.mean(np.square(sizes))] if sizes else [NAN, NAN]
                received = [absolute[c, s], squared[c, s]]
                np.testing.assert_allclose(received, expected, rtol=1e-12, atol=1e-300)

    def test_never_reads_the_future(self):
        values = np.random.default_rng(1).normal(size=(3, 40))
        cutoffs = np.array([10, 25])
        before = seasonal_scales(values, cutoffs, 4)
        for position, cutoff in enumerate(cutoffs):
            for other in (1e9, NAN, np.inf):
                changed = values.copy()
                changed[:, cutoff:] = other
                after = seasonal_scales(changed, cutoffs[position : position + 1], 4)
                for old, new in zip(before, after, strict=True):
                    np.testing.assert_array_equal(old[position], new[0])

    def test_no_pair_gives_nan_and_no_change_gives_zero(self):
        constant = np.full((1, 6), 3.0)
        absolute, squared = seasonal_scales(constant, np.array([0, 2, 3, 6]), season_length=2)
        np.testing.assert_array_equal(absolute[:, 0], [NAN, NAN, 0, 0])
        np.testing.assert_array_equal(squared, absolute)


MONTH = np.arange(2400)
NORMAL = np.random.default_rng(3).normal(size=2400)
PERIODIC = {  # what repeats itself but for rounding
    "sine": np.sin(2 * np.pi * MONTH / 12),
    "sine far out": np.sin(2 * np.pi * (MONTH + 10**5) / 12),
    "sine on a level": 1e9 + 10 * np.sin(2 * np.pi * MONTH / 12),
    "negative": -1e-9 - 1e-10 * np.sin(2 * np.pi * MONTH / 12),
    "products": np.tile([0.1, 0.2, 0.3], 800) * 3 + 0.7,
    "there and back": (np.tile([0.1, 0.2, 0.3], 800) + 1e3 * NORMAL) - 1e3 * NORMAL,
    "last bits": 0.1 + np.random.default_rng(0).choice([0.0, 1.4e-17], 2400),
}
DIFFERENT = {  # and what does not
    "noise on a level": 1e9 + 1e-3 * NORMAL,
    "trillion": 1e12 + NORMAL,
    "nearly periodic": np.sin(2 * np.pi * MONTH / 12) + 1e-8 * NORMAL,
    "ramp": 1e6 + MONTH / 7,
    "one outlier": np.where(MONTH == 5, 1e12, NORMAL),
    "tiny": 1e-300 * NORMAL,
}


class TestErrorScales:
    @pytest.mark.parametrize("kind", PERIODIC)
    def test_rounding_is_no_difference(self, kind):
        found = error_scales(PERIODIC[kind][None], np.array([5, 40, 2400]), 12)
        for scale in found:
            np.testing.assert_array_equal(scale[:, 0], [NAN, 0, 0])

    @pytest.mark.parametrize("kind", DIFFERENT)
    def test_every_other_difference_is_left_as_it_is(self, kind):
        values, cutoffs = DIFFERENT[kind][None], np.array([0, 5, 40, 2400])
        pairs = zip(
            error_scales(values, cutoffs, 12), seasonal_scales(values, cutoffs, 12), strict=True
        )
        for found, expected in pairs:
            np.testing.assert_array_equal(found, expected)

    def test_every_series_is_judged_by_its_own_rows_so_far(self):
        """Concatenated, and with a later value so large that all before would be noise."""
        calm, wild = NORMAL[:50], PERIODIC["sine"][:60]
        values = np.concatenate([calm, wild, [1e20], calm])[None]
        values[0, 3] = NAN
        begins = np.array([0, 0, 50, 111, 50, 111])
        cutoffs = np.array([40, 50, 110, 161, 50, 111])
        absolute, _ = error_scales(values, cutoffs, 12, begins)
        expected, _ = seasonal_scales(values, cutoffs, 12, begins)
        expected[2] = 0
        np.testing.assert_array_equal(absolute, expected)
        assert np.isnan(expected[4:]).all()

    def test_errors_lose_their_rounding_too(self):
        actual = np.array([[1e9, 1e9 + 1, NAN], [0.1, 0.3, 0.1]])
        error = np.array([[1e-7, 1e-3, NAN], [1e-17, 2e-11, 1e-16]])
        expected = [[0, 1e-3, NAN], [0, 0, 0]]
        np.testing.assert_array_equal(without_noise(error, actual), expected)


class TestAgainstUtilsforecast:
    def expected(self, frame, loss, **arguments):
        arguments = {"models": ["m"]} | arguments
        scores = loss(frame, **arguments).sort_values(["unique_id", "cutoff"])
        return scores["m"].to_numpy()

    @pytest.mark.parametrize(
        ("name", "loss", "factor"),
        [
            ("MAE", reference.mae, 1),
            ("RMSE", reference.rmse, 1),
            ("sMAPE", reference.smape, 200),  # theirs is a fraction of 1, M4's goes to 200
        ],
    )
    def test_point_scores(self, ours, frames, name, loss, factor):
        np.testing.assert_allclose(ours[name], factor * self.expected(frames[0], loss), rtol=1e-12)

    @pytest.mark.parametrize(
        ("name", "loss"), [("MASE", reference.mase), ("RMSSE", reference.rmsse)]
    )
    def test_scaled_scores(self, ours, frames, name, loss):
        frame, train = frames
        expected = self.expected(frame, loss, seasonality=SEASON_LENGTH, train_df=train)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-12)

    def test_pinball(self, ours, frames):
        each = [
            self.expected(frames[0], reference.quantile_loss, models={"m": f"q{level}"}, q=level)
            for level in LEVELS
        ]
        together = self.expected(
            frames[0],
            reference.mqloss,
            models={"m": [f"q{level}" for level in LEVELS]},
            quantiles=np.array(LEVELS),
        )
        np.testing.assert_allclose(ours["pinball"], np.mean(each, axis=0), rtol=1e-12)
        np.testing.assert_allclose(ours["pinball"], together, rtol=1e-12)

    def test_coverage(self, ours, frames):
        expected = self.expected(frames[0], reference.coverage, level=80)
        assert 0 < expected.mean() < 1
        np.testing.assert_allclose(ours["coverage"], expected, rtol=1e-12)


class TestErrors:
    def test_smape_of_nothing_against_nothing_is_zero(self):
        actual, forecast = np.array([[0.0, 0.0, 1.0]]), np.array([[0.0, 2.0, -1.0]])
        error, _ = point_errors(actual, forecast, *ones(actual))["sMAPE"]
        np.testing.assert_array_equal(error, [[0, 200, 200]])

    def test_windows_without_a_scale_do_not_count(self):
        actual, forecast = np.zeros((3, 2)), np.ones((3, 2))
        scale = np.array([0.0, NAN, 2.0])
        scored = np.ones((3, 2), bool)
        errors = point_errors(actual, forecast, scale, scale, scored)
        of_windows = window_scores(errors, 3, 2)
        of_all = grouped_scores(lambda rows: errors, np.zeros(3, int), 1, 2)
        np.testing.assert_array_equal(of_windows["MASE"], [NAN, NAN, 0.5])
        np.testing.assert_array_equal(of_windows["RMSSE"], [NAN, NAN, np.sqrt(0.5)])
        assert of_all["MASE"].item() == 0.5
        assert of_all["MAE"].item() == 1

    def test_a_failed_forecast_makes_its_group_nan(self):
        actual, forecast = np.zeros((2, 2)), np.array([[1.0, NAN], [1.0, 1.0]])
        errors = point_errors(actual, forecast, *ones(actual))
        errors |= quantile_errors(
            actual, forecast[..., None] + [-1, 1], (0.1, 0.9), np.ones((2, 2), bool)
        )
        for name, received in window_scores(errors, 2, 2).items():
            assert np.isnan(received[0]), name
            assert not np.isnan(received[1]), name

    def test_coverage_needs_two_symmetric_levels(self):
        actual = np.zeros((1, 2))
        errors = quantile_errors(actual, np.zeros((1, 2, 2)), (0.1, 0.5), np.ones((1, 2), bool))
        assert np.isnan(window_scores(errors, 1, 2)["coverage"]).all()

    @pytest.mark.parametrize(
        ("levels", "interval"),
        [
            ((0.1, 0.5, 0.9), (0, 2)),
            ((0.9, 0.5, 0.1), (2, 0)),
            ((0.01, 0.1, 0.5, 0.9), (1, 3)),
            ((0.05, 0.1, 0.2, 0.8, 0.9, 0.95), (0, 5)),
            ((0.1, 0.5), None),
            ((0.5,), None),
            ((), None),
        ],
    )
    def test_outermost_interval(self, levels, interval):
        assert outermost_interval(levels) == interval


class TestGroupedScores:
    @given(
        errors=arrays(float, (9, 3), elements=st.floats(0, 100)),
        scored=arrays(bool, (9, 3)),
        groups=arrays(int, 9, elements=st.integers(0, 3)),
        block=st.sampled_from([1, 7, 1000]),
    )
    @settings(max_examples=50)
    def test_means_of_groups_however_cut_into_blocks(self, errors, scored, groups, block):
        whole_size, scores.BLOCK_VALUES = scores.BLOCK_VALUES, block
        try:
            whole, steps = (
                grouped_scores(
                    lambda rows: {name: (errors[rows], scored[rows]) for name in ("MAE", "RMSE")},
                    groups,
                    4,
                    3,
                    by_step=by_step,
                )
                for by_step in (False, True)
            )
        finally:
            scores.BLOCK_VALUES = whole_size
        for group in range(4):
            kept = np.where(scored, errors, NAN)[groups == group]
            for received, parts in (
                (whole["MAE"][group], [kept]),
                (steps["MAE"][group], kept.T),
            ):
                means = [part[~np.isnan(part)] for part in parts]
                expected = [part.mean() if part.size else NAN for part in means]
                np.testing.assert_allclose(received, expected, rtol=1e-12)
        np.testing.assert_array_equal(steps["RMSE"], np.sqrt(steps["MAE"]))
