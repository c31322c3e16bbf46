"""Arrays of windows against frames: pandas and utilsforecast are the references."""

import itertools
import tracemalloc
from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from pandas.tseries.frequencies import to_offset
from utilsforecast import losses
from utilsforecast.evaluation import evaluate

from forecaster.evaluation import metrics as scores
from forecaster.evaluation.backtest_result import BacktestResult, forecast_times
from forecaster.evaluation.baselines import seasonal_naive
from forecaster.evaluation.metrics import seasonal_scales

NAN = np.nan
LEVELS = (0.1, 0.25, 0.5, 0.9)
QUANTILES = [f"q{level}" for level in LEVELS]
SEASON_LENGTH = 4


@pytest.fixture(autouse=True)
def _close_pictures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def train():
    """Forty months of three series with gaps; "late" begins after the first cutoff."""
    values = np.random.default_rng(3).normal(10, 4, (40, 3))
    values[[5, 22, 37], 0] = NAN
    values[:23, 2] = NAN
    months = pd.date_range("2020-01-01", periods=40, freq="MS", unit="us", name="month")
    return pd.DataFrame(values, months, ["b", "a", "late"])


@pytest.fixture(scope="module")
def result(train):
    """Random forecasts of 5 steps from 4 cutoffs, cutoff after cutoff."""
    rng = np.random.default_rng(4)
    values, cutoffs, horizon = train.to_numpy().T, np.array([20, 27, 28, 35]), 5
    rows = cutoffs[:, None] + np.arange(horizon)
    # (n, C, H) -> (C, n, H) -> (C * n, H)
    actual = values[:, rows].swapaxes(0, 1).reshape(-1, horizon)
    prediction = np.nan_to_num(actual, nan=9) + rng.normal(0, 3, actual.shape)
    spread = np.array([-2, -1, 0, 2]) * rng.uniform(1, 2, (*actual.shape, 1))
    absolute, squared = seasonal_scales(values, cutoffs, SEASON_LENGTH)
    return BacktestResult(
        series=np.tile(train.columns, len(cutoffs)),
        cutoffs=train.index[np.repeat(cutoffs - 1, 3)],
        freq=to_offset("MS"),
        actual=actual,
        prediction=prediction,
        naive=seasonal_naive(values, cutoffs, horizon, SEASON_LENGTH).reshape(actual.shape),
        absolute_scale=absolute.reshape(-1),
        squared_scale=squared.reshape(-1),
        quantiles=prediction[..., None] + spread,
        levels=LEVELS,
    )


def one_window(cutoffs, freq, horizon, **arrays):
    """A result of which only the times matter."""
    shape = (len(cutoffs), horizon)
    return BacktestResult(
        series=["x"] * len(cutoffs),
        cutoffs=cutoffs,
        freq=freq,
        **dict.fromkeys(("actual", "prediction", "naive"), np.ones(shape)) | arrays,
        absolute_scale=np.ones(len(cutoffs)),
        squared_scale=np.ones(len(cutoffs)),
    )


class TestForecasts:
    def test_every_value_stands_in_its_row(self, result, train):
        frame = result.forecasts
        assert [*frame] == [
            *("series", "cutoff", "step", "time", "actual", "prediction"),
            *("q0.1", "q0.25", "q0.5", "q0.9", "naive"),
        ]
        assert len(frame) == 12 * 5
        by_place = frame.set_index(["series", "cutoff", "step"])
        for k, h in itertools.product(range(12), range(5)):
            row = by_place.loc[(result.series[k], result.cutoffs[k], h + 1)]
            expected = [result.actual[k, h], result.prediction[k, h], *result.quantiles[k, h]]
            np.testing.assert_array_equal(
                row.drop("time").to_numpy(float), [*expected, result.naive[k, h]]
            )
            np.testing.assert_equal(train.loc[row["time"], result.series[k]], row["actual"])

    def test_times_keep_their_kind(self, result):
        frame = result.forecasts
        assert frame["time"].dtype == frame["cutoff"].dtype == "datetime64[us]"
        assert frame["step"].dtype == np.int64

    @pytest.mark.parametrize("freq", ["15min", "h", "D", "W-SUN", "B", "MS", "ME", "QS", "YE"])
    @pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
    def test_times_are_what_pandas_counts(self, freq, zone):
        # From before a change of the clocks to after it.
        grid = pd.date_range("2024-03-30", periods=60, freq=freq, tz=zone, unit="us")
        cutoffs = grid[[40, 3, 3, 7]]
        times = one_window(cutoffs, to_offset(freq), 12).forecasts["time"]
        expected = np.concatenate([np.arange(1, 13) + k for k in (40, 3, 3, 7)])
        pd.testing.assert_index_equal(pd.Index(times).rename(None), grid[expected])

    def test_times_of_periods_and_integers(self):
        months = pd.PeriodIndex(["2024-11", "2024-03"], freq="M")
        times = one_window(months, months.freq, 2).forecasts["time"]
        assert times.astype(str).tolist() == ["2024-12", "2025-01", "2024-04", "2024-05"]
        times = one_window(pd.Index([30, 10]), 10, 2).forecasts["time"]
        assert times.tolist() == [40, 50, 20, 30]

    def test_series_may_lie_on_grids_of_their_own(self):
        cutoffs = pd.DatetimeIndex(["2024-01-01 00:00", "2024-01-01 05:00"])
        times = forecast_times(cutoffs, to_offset("2h"), 2)
        assert times.hour.tolist() == [2, 4, 7, 9]

    def test_is_a_copy_of_the_arrays(self, result):
        again = replace(result)
        before = again.prediction.copy()
        again.forecasts["prediction"] = 0.0
        again.forecasts.loc[:, "actual"] = 0.0
        np.testing.assert_array_equal(again.prediction, before)
        np.testing.assert_array_equal(again.actual, result.actual)


def pinball(group, columns):
    """The mean pinball loss, where a column stands for each level."""
    misses = [group["actual"] - group[column] for column in columns]
    losses = [np.maximum(a * e, (a - 1) * e) for a, e in zip(LEVELS, misses, strict=True)]
    return np.mean([loss.mean() for loss in losses])


def scored_by_pandas(result, group):
    """The scores of some rows of `forecasts`, by definition."""
    windows = pd.MultiIndex.from_arrays([result.series, result.cutoffs])
    place = windows.get_indexer(pd.MultiIndex.from_frame(group[["series", "cutoff"]]))
    scores = {}
    for name in ("prediction", "naive"):
        error = (group[name] - group["actual"]).abs()
        scale = pd.Series(result.absolute_scale[place], group.index).replace(0, NAN)
        squared = pd.Series(result.squared_scale[place], group.index).replace(0, NAN)
        scores[name] = {
            "MAE": error.mean(),
            "RMSE": (error**2).mean() ** 0.5,
            "sMAPE": (200 * error / (group[name].abs() + group["actual"].abs())).mean(),
            "MASE": (error / scale).mean(),
            "RMSSE": (error**2 / squared).mean() ** 0.5,
            "pinball": pinball(group, ["naive"] * 4 if name == "naive" else QUANTILES),
            "coverage": NAN,
            "skill": 0.0 if error.notna().any() else NAN,
        }
    known = group[group["actual"].notna()]
    both = group.dropna(subset=["actual", "naive"])
    ours, theirs = ((both[name] - both["actual"]).abs().mean() for name in ("prediction", "naive"))
    scores["prediction"] |= {
        "coverage": known["actual"].between(known["q0.1"], known["q0.9"]).mean(),
        "skill": 1 - ours / theirs,
    }
    return scores


GROUPINGS = [
    [*names]
    for size in range(4)
    for names in itertools.permutations(("series", "step", "cutoff"), size)
]


class TestScores:
    @pytest.mark.parametrize("by", GROUPINGS, ids="-".join)
    def test_are_means_over_the_rows_of_each_group(self, result, by):
        table = result.scores(by)
        assert table.index.names == [*by, "forecast"]
        groups = result.forecasts.groupby(by) if by else [((), result.forecasts)]
        assert len(table) == 2 * len(groups)
        for key, group in groups:
            for forecast, expected in scored_by_pandas(result, group).items():
                received = table.loc[(*key, forecast) if by else forecast]
                assert [*received.index] == [*expected]
                np.testing.assert_allclose(received, [*expected.values()], rtol=1e-10)

    def test_series_keep_their_order_and_cutoffs_go_by_time(self, result):
        backwards = replace(
            result,
            **{
                name: getattr(result, name)[::-1]
                for name in (
                    *("series", "cutoffs", "actual", "prediction", "naive", "quantiles"),
                    *("absolute_scale", "squared_scale"),
                )
            },
        )
        table = backwards.scores(by=["series", "cutoff"])
        assert table.index.unique("series").tolist() == ["late", "a", "b"]
        assert table.index.unique("cutoff").is_monotonic_increasing
        same = result.scores(by=["series", "cutoff"])
        pd.testing.assert_frame_equal(table.loc[same.index], same)

    def test_rows_stand_in_the_order_of_the_names(self, result):
        forecasts = ["prediction", "naive"]
        expected = itertools.product(range(1, 6), ["b", "a", "late"], forecasts)
        assert result.scores(["step", "series"]).index.tolist() == [*expected]
        expected = itertools.product(["b", "a", "late"], range(1, 6), forecasts)
        assert result.scores(["series", "step"]).index.tolist() == [*expected]

    def test_a_name_is_short_for_a_list_of_it(self, result):
        pd.testing.assert_frame_equal(result.scores("step"), result.scores(["step"]))
        pd.testing.assert_frame_equal(result.scores(), result.scores([]))

    def test_point_forecasts_have_point_scores(self, result):
        table = replace(result, quantiles=None, levels=()).scores()
        assert [*table] == ["MAE", "RMSE", "sMAPE", "MASE", "RMSSE", "skill"]

    def test_a_naive_without_history_does_not_decide_the_skill(self):
        arrays = {
            "actual": np.zeros((2, 1)),
            "prediction": np.array([[100.0], [1.0]]),
            "naive": np.array([[NAN], [2.0]]),
        }
        table = one_window(pd.Index([1, 2]), 1, 1, **arrays).scores()
        assert table["skill"].tolist() == [0.5, 0]
        assert table["MAE"].tolist() == [50.5, 2]

    def test_no_skill_over_a_perfect_naive(self):
        table = one_window(pd.Index([1]), 1, 2).scores()
        assert table["MAE"].tolist() == [0, 0]
        assert table["skill"].isna().all()

    def test_a_failed_prediction_is_not_left_out(self, result):
        failed = result.prediction.copy()
        failed[1, 2] = NAN  # series "a" at the first cutoff
        table = replace(result, prediction=failed).scores(by="series").xs("prediction", level=1)
        assert table["MAE"].isna().to_dict() == {"b": False, "a": True, "late": False}

    def test_labels_may_be_tuples(self, result):
        labels = pd.MultiIndex.from_product([["north", "south"], [1]]).take([0, 1, 1] * 4)
        table = replace(result, series=labels).scores(by="series")
        assert table.index.unique("series").tolist() == [("north", 1), ("south", 1)]

    @pytest.mark.parametrize("by", ["horizon", ["series", "time"], ["step", "step"]])
    def test_unknown_groups_are_refused(self, result, by):
        with pytest.raises(ValueError, match=r'`by` must be None, "series", "step", "cutoff".*'):
            result.scores(by)

    def test_memory_does_not_grow_with_the_windows(self, monkeypatch):
        monkeypatch.setattr(scores, "BLOCK_VALUES", 2**12)
        windows, horizon = 5_000, 100
        big = one_window(pd.RangeIndex(windows), 1, horizon)
        tracemalloc.start()
        try:
            big.scores(by=["series", "step"])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 0.5 * big.actual.nbytes


class TestUtilsforecast:
    def test_its_evaluation_agrees(self, result, train):
        # Values that count nowhere are dropped, because utilsforecast counts NaN as not covered.
        frame = result.to_utilsforecast().dropna(subset=["y", "naive"])
        long = train.rename_axis("ds").melt(
            ignore_index=False, var_name="unique_id", value_name="y"
        )
        evaluation = evaluate(
            frame,
            [
                *(losses.mae, losses.rmse, losses.smape),
                *(partial(loss, seasonality=SEASON_LENGTH) for loss in (losses.mase, losses.rmsse)),
            ],
            models=["prediction", "naive"],
            train_df=long.reset_index(),
        )
        names = {name.lower(): name for name in ("MAE", "RMSE", "sMAPE", "MASE", "RMSSE")}
        expected = (
            evaluation.replace({"metric": names})
            .rename(columns={"unique_id": "series"})
            .melt(["series", "cutoff", "metric"], var_name="forecast")
            .pivot(index=["series", "cutoff", "forecast"], columns="metric", values="value")
        )
        expected["sMAPE"] *= 200
        received = result.scores(["series", "cutoff"]).loc[expected.index, [*names.values()]]
        assert len(received) > 16
        np.testing.assert_allclose(received, expected[[*names.values()]], rtol=1e-10)

    def test_its_coverage_agrees(self, result):
        frame = result.to_utilsforecast().dropna()
        expected = evaluate(frame, [losses.coverage], models=["prediction"], level=[80])
        by = result.scores(["series", "cutoff"]).xs("prediction", level="forecast")["coverage"]
        received = by.loc[pd.MultiIndex.from_frame(expected[["unique_id", "cutoff"]])]
        np.testing.assert_allclose(received, expected["prediction"])

    def test_columns(self, result):
        frame = result.to_utilsforecast()
        assert [*frame] == [
            *("unique_id", "ds", "cutoff", "y", "prediction", "naive"),
            *("prediction-lo-80", "prediction-lo-50", "prediction-hi-80"),
        ]
        np.testing.assert_array_equal(frame["prediction-lo-50"], result.forecasts["q0.25"])

    def test_periods_become_timestamps(self):
        months = pd.PeriodIndex(["2024-11"], freq="M")
        frame = one_window(months, months.freq, 2).to_utilsforecast()
        assert frame["ds"].tolist() == [pd.Timestamp("2024-12-01"), pd.Timestamp("2025-01-01")]
        assert frame["cutoff"].tolist() == [pd.Timestamp("2024-11-01")] * 2


class TestObject:
    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            ("series", ["a"]),
            ("naive", np.ones((12, 4))),
            ("squared_scale", np.ones(5)),
            ("quantiles", np.ones((12, 5, 3))),
        ],
    )
    def test_shapes_must_fit(self, result, name, wrong):
        with pytest.raises(ValueError, match=rf"`{name}` must have the shape .* Received: {name}"):
            replace(result, **{name: wrong})

    def test_there_must_be_a_window(self, result):
        with pytest.raises(ValueError, match=r"`actual` must have .* actual.shape=\(0, 5\)"):
            replace(result, actual=np.ones((0, 5)))

    def test_says_what_it_holds(self, result):
        assert (len(result), result.horizon) == (12, 5)
        lines = repr(result).splitlines()
        assert lines[0] == "BacktestResult: 3 series, 4 cutoffs, horizon 5"
        assert lines[1].split()[:2] == ["MAE", "RMSE"]
        assert {line.split()[0] for line in lines[3:]} == {"prediction", "naive"}
        assert "<p>BacktestResult: 3 series, 4 cutoffs, horizon 5</p>" in result._repr_html_()


class TestPlot:
    def test_draws_the_last_cutoffs_that_do_not_overlap(self, result):
        time_axes, step_axes = result.plot()
        chosen = replace(result).forecasts.query("series == 'b'").set_index("time")
        lines = [line.get_ydata() for line in time_axes.get_lines()]
        # Of cutoffs 20, 27, 28, 35 the forecast from 27 overlaps that from 28, of 5 steps each.
        for cutoff in result.cutoffs.unique()[[0, 2, 3]]:
            expected = chosen.loc[chosen["cutoff"] == cutoff, "prediction"]
            assert any(np.array_equal(line[-5:], expected) for line in lines)
        skipped = chosen.loc[chosen["cutoff"] == result.cutoffs.unique()[1], "prediction"]
        assert not any(np.array_equal(line[-5:], skipped) for line in lines)
        assert time_axes.get_title(loc="left") == "b"
        by_step = result.scores(["series", "step"])["MAE"]["b"].unstack()
        drawn = [line.get_ydata() for line in step_axes.get_lines()]
        np.testing.assert_allclose(drawn, [by_step["prediction"], by_step["naive"]])

    def test_draws_what_is_asked_for(self, result):
        cutoffs = result.cutoffs.unique()[[2, 1]]
        time_axes, step_axes = result.plot("a", cutoffs, score="skill")
        # What happened; of each cutoff forecast, naive, and 0.25, which is no edge of a band.
        assert len(time_axes.get_lines()) == 1 + 2 * 3
        assert len(time_axes.collections) == 2
        assert step_axes.get_title(loc="left").startswith("skill")
        time_axes.figure.canvas.draw()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"series": "c"}, r"`series` must be one of b, a, late. Received: series='c'"),
            ({"cutoffs": ["2000-01-01"]}, r"`cutoffs` must be .* Received: 2000-01-01"),
            ({"cutoffs": ["2020"]}, r"`cutoffs` must be .* Received: 2020"),
            ({"cutoffs": []}, r"`cutoffs` must be a number or some of the 4 cutoffs"),
            ({"score": "R2"}, r"`score` must be one of MAE, .* Received: score='R2'"),
        ],
    )
    def test_what_is_not_there_is_refused(self, result, arguments, message):
        with pytest.raises(ValueError, match=message):
            result.plot(**arguments)
