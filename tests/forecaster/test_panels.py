"""Series below each other, of different lengths and spans: loops over one series alone judge."""

import copy
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import assume, given
from hypothesis import strategies as st

import forecaster.engine
from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training
from forecaster.data.frame_checks import FrameWarning
from forecaster.evaluation.baselines import seasonal_naive
from forecaster.evaluation.metrics import seasonal_scales
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import WindowSource
from forecaster.network.heads import Point
from forecaster.training.loop import Part
from forecaster.training.validation import ValidationScorer, observes, series_scales
from forecaster.utils.executors import spawned
from tests.helpers.fits import assert_same_weights, make_table
from tests.helpers.panels import (
    DAY,
    KEYS,
    START,
    examples,
    hashed_fits,
    laid_out,
    new_forecaster,
    panels,
    quiet,
    ramp_rows,
    random_rows,
    slow_naive,
    slow_scales,
    slow_unit,
    with_noise,
)
from tests.helpers.tables import read
from tests.helpers.tiny import (
    HORIZON,
    LENGTH,
    ROWS,
    days,
    equation,
    tiny,
    waves,
    with_random_weights,
)

LONG = {"id_column": "id", "time_column": "t", "target": "y"}
seeds = st.integers(0, 2**16)
some_lengths = st.lists(st.integers(1, 25), min_size=1, max_size=4)


def as_long(wide):
    """Columns below each other, as ids with their names; sorted names keep the order of series."""
    long = wide.rename_axis("t").reset_index().melt("t", var_name="id", value_name="y")
    return long[["id", "t", "y"]]


def gappy(seed, lengths, targets=1, share=0.3):
    """Random values of ids behind each other, (S, N), with gaps."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(targets, sum(lengths)))
    values[generator.random(values.shape) < share] = np.nan
    return values


def cut(values, lengths):
    """(S, N) -> the values of each id, (S, length)."""
    return np.split(values, np.cumsum(lengths)[:-1], axis=1)


# The same series side by side and below each other.

WIDE = waves(columns=("a", "b", "c"))
WIDE.iloc[20:24, 1] = np.nan
LATER = waves(days(ROWS + 9), columns=("a", "b", "c"))


def test_a_long_frame_of_equal_lengths_is_read_as_the_wide_one():
    wide, long = read(WIDE), read(as_long(WIDE), **LONG)
    one, other = WindowSource(wide), WindowSource(long)
    np.testing.assert_array_equal(one.lengths, other.lengths)
    series = np.arange(one.num_series)
    np.testing.assert_array_equal(
        *(source.gather(series, one.lengths, -len(WIDE), 0) for source in (one, other))
    )
    np.testing.assert_array_equal(
        series_scales(wide, wide.lengths - 9, 7).ravel(),
        series_scales(long, long.lengths - 9, 7).ravel(),
    )
    spec = WindowSpec(7, 3, season_length=7)
    judges = [
        ValidationScorer(table, source, spec, Point(), "mae", table.lengths - 9)
        for table, source in ((wide, one), (long, other))
    ]
    assert judges[0].naive_score == pytest.approx(judges[1].naive_score, rel=1e-12)
    assert judges[0].scored.sum() == judges[1].scored.sum()


@pytest.mark.slow
def test_fit_predict_and_backtest_do_not_ask_which_layout_it_is():
    training = Training(epochs=2, batch_size=8)
    wide = tiny(training=training).fit(WIDE, verbose=0)
    expected, one = wide.predict(), wide.backtest(LATER, cutoffs=4, stride=2)
    for layout in ("long", "levels"):
        other = tiny(training=training, **KEYS[layout], target="y")
        other.fit(laid_out(as_long(WIDE), layout), verbose=0)
        assert_same_weights(other.model_, wide.model_)
        assert other.history_.loss == wide.history_.loss
        scores = other.history_.validation_score
        assert scores == pytest.approx(wide.history_.validation_score)
        forecast = other.predict()
        forecast = forecast if layout == "levels" else forecast.set_index(["id", "t"])
        for column in WIDE:
            own = forecast.loc[column, "prediction"]
            np.testing.assert_array_equal(own, expected[column])
            assert own.index.tolist() == expected.index.tolist()
        two = other.backtest(laid_out(as_long(LATER), layout), cutoffs=4, stride=2)
        pd.testing.assert_frame_equal(
            two.forecasts, one.forecasts, check_exact=True, check_dtype=False
        )
        for by in ("series", "cutoff", "step", None):
            pd.testing.assert_frame_equal(
                two.scores(by=by), one.scores(by=by), check_index_type=False
            )


# One id among others.


@pytest.mark.slow
@given(panels(most_ids=4), st.integers(0, 2**8))
@examples(25)
def test_a_forecast_does_not_depend_on_the_ids_beside_it(panel, subset):
    _, rows = panel
    layout = "levels"
    labels = rows["id"].unique()
    chosen = [label for bit, label in enumerate(labels) if subset >> bit & 1] or labels[:1]
    how = {"future_covariates": ()}
    with hashed_fits():
        model = new_forecaster(layout, **how)
        model.fit(laid_out(random_rows(1, [(0, 26)], 0.0), layout), verbose=0)
        everyone = model.predict(laid_out(rows, layout))
        some = model.predict(laid_out(rows[rows["id"].isin(chosen)], layout))
        shuffled = rows.sample(frac=1.0, random_state=subset)
        pd.testing.assert_frame_equal(model.predict(laid_out(shuffled, layout)), everyone)
    assert some.index.unique(0).tolist() == sorted(chosen)
    pd.testing.assert_frame_equal(some, everyone.loc[some.index], check_exact=True)


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_targets_see_each_other_where_they_are_joint_and_ids_never_do(channels):
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.3)
    with hashed_fits():
        model = new_forecaster("long", channels=channels, future_covariates=())
        model.fit(rows, verbose=0)
        before = model.predict(rows).set_index("id")
        changed = rows.copy()
        changed.loc[rows.index[rows["id"] == "id1"][-1], "z"] = 7.0
        moved = model.predict(changed).set_index("id")[["y", "z"]] != before[["y", "z"]]
    assert not moved.loc["id0"].any(axis=None)
    assert moved.loc["id1", "z"].all()
    assert moved.loc["id1", "y"].all() == (channels == "joint")


# Every piece against a loop over one series.


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
def test_a_judge_of_ids_of_any_length(lengths, targets, horizon, season, joint, seed):
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
    judge = ValidationScorer(
        table, WindowSource(table, joint=joint), spec, Point(), "mae", train_rows
    )
    assert judge.scored.sum() == len(errors)
    assert judge.naive_score == pytest.approx(np.mean(naive_errors))
    assert judge(repeat_last(spec)) == pytest.approx(np.mean(errors), rel=1e-5)


def listed_windows(rows, moments, horizon, season, targets):
    """Every window of a backtest: (id, target, cutoff, times, actual, naive, two scales)."""
    windows = []
    for moment in moments:
        for label, own in rows.groupby("id"):
            known = int((own["t"] <= moment).sum())
            if not known or known + horizon > len(own):
                continue
            ahead = own.iloc[known : known + horizon]
            for target in targets:
                past = own[target].iloc[:known].tolist()
                told = slow_naive(past, horizon, season), slow_scales(past, season)
                label_of = label if len(targets) == 1 else (label, target)
                cutoff = own["t"].iloc[known - 1]
                windows.append((label_of, cutoff, ahead["t"].tolist(), ahead[target], *told))
    return windows


@given(panels(most_ids=4), st.integers(1, 4), st.integers(1, 3), st.sampled_from(["y", ["y", "z"]]))
@examples(25)
def test_the_windows_of_a_backtest_are_those_of_a_slow_loop(panel, cutoffs, stride, target):
    """Moments of a common timeline, days from the first time of any id to the last of any."""
    _, rows = panel
    rows = rows[["id", "t", "y", "z"]]
    targets = [target] if isinstance(target, str) else target
    how = {"past_covariates": (), "future_covariates": (), "static_covariates": ()}
    how |= {"weight_column": None, "target": target, "time_features": None}
    moments = [moment for moment in pd.date_range(START, rows["t"].max(), freq="D")]
    scored = [moment for moment in moments if listed_windows(rows, [moment], 2, 3, targets)]
    chosen = [m for m in scored if (scored[-1] - m).days % stride == 0][-cutoffs:]
    if len(chosen) < cutoffs or (chosen[0] - START).days < 8:
        return
    with hashed_fits():
        result = new_forecaster("long", **how).backtest(rows, cutoffs=cutoffs, stride=stride)
    expected = listed_windows(rows, chosen, 2, 3, targets)
    labels, cutoffs, times, actual, naive, scales = zip(*expected, strict=True)
    assert result.series.tolist() == list(labels)
    assert result.cutoffs.tolist() == list(cutoffs)
    assert result.forecasts["time"].tolist() == list(chain(*times))
    np.testing.assert_array_equal(result.actual, actual)
    np.testing.assert_array_equal(result.naive, naive)
    found = np.stack([result.absolute_scale, result.squared_scale], 1)
    np.testing.assert_allclose(found, scales, rtol=1e-12)


# Ids that are hard.


def hard_panel():
    generator = np.random.default_rng(0)
    values = {
        "constant": np.full(30, 5.0),
        "long": generator.normal(size=ROWS),
        "none": np.full(20, np.nan),
        "one row": [3.25],
        "short": generator.normal(size=LENGTH - 2),
        "week": generator.normal(size=6),  # less than a season
    }
    parts = [
        pd.DataFrame({"id": label, "t": days(len(own), f"2024-01-{k + 1:02}"), "y": own})
        for k, (label, own) in enumerate(values.items())
    ]
    return pd.concat(parts, ignore_index=True)


def test_ids_that_are_short_constant_or_empty():
    rows = hard_panel()
    with pytest.warns(FrameWarning) as warned:
        model = with_random_weights(rows, **LONG)
    about = " ".join(str(warning.message) for warning in warned)
    assert "one value only, from which nothing can be learned: constant, one row." in about
    assert "no value at all, so that their forecasts are NaN: none." in about
    with pytest.warns(
        FrameWarning, match=r"^The forecasts of none are NaN, because their newest 7"
    ):
        forecast = model.predict(rows).set_index("id")
    for label, own in rows.groupby("id"):
        found = forecast.loc[label]
        assert found["t"].tolist() == [own["t"].iloc[-1] + k * DAY for k in (1, 2, 3)]
        if label == "none":
            assert found["prediction"].isna().all()
        else:
            expected = equation(model, own["y"].to_numpy()[-LENGTH:])
            np.testing.assert_allclose(found["prediction"], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(forecast.loc["constant", "prediction"], 5.0)
    np.testing.assert_array_equal(forecast.loc["one row", "prediction"], 3.25)


def test_a_fit_on_hard_ids_learns_from_the_long_one_alone():
    """The others have no window that trains: they are there, and change nothing."""
    rows = hard_panel()
    alone = rows[rows["id"] == "long"]
    training = Training(epochs=2, batch_size=8, validation=10, refit=False)
    expected = tiny(training=training, **LONG).fit(alone, verbose=0)
    others = rows[~rows["id"].isin(["constant", "none"])]
    with pytest.warns(FrameWarning):
        found = tiny(training=training, **LONG).fit(others, verbose=0)
    assert_same_weights(found.model_, expected.model_)
    assert found.history_.loss == expected.history_.loss
    scores = found.history_.validation_score, expected.history_.validation_score
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)  # other batches
    with pytest.warns(FrameWarning):
        result = found.backtest(others, cutoffs=2)
    assert result.series.unique().tolist() == ["long"]
    np.testing.assert_array_equal(result.prediction, expected.backtest(alone, cutoffs=2).prediction)


def test_ids_that_are_all_too_short_are_named():
    rows = ramp_rows([9, 11], ["2024-01-01", "2024-01-05"])
    with pytest.raises(ValueError, match=r"at least 13 rows.* Received: 11 rows of the longest id"):
        tiny(**LONG).fit(rows)
    with pytest.raises(ValueError, match=r"leave at least 13 rows to fit on"):
        tiny(**LONG).backtest(rows, cutoffs=1)


# Times of every kind.

KINDS = {
    "days at two hours": (["2024-01-01 06:00", "2024-01-09 18:30"], "D"),
    "odd and even hours": (["2024-01-01 00:00", "2024-01-01 05:00"], "2h"),
    "hours when clocks change": (["2024-03-30", "2024-03-31 05:00"], "h"),
    "days when clocks change": (["2024-03-01", "2024-03-11"], "D"),
    "ends of months": (["2019-01-31", "2020-02-29"], "ME"),
    "starts of months": (["2019-01-01", "2019-06-01"], "MS"),
    "ends of quarters": (["2001-03-31", "2004-12-31"], "QE-DEC"),
    "business days": (["2024-01-01", "2024-02-09"], "B"),
    "Sundays": (["2023-01-01", "2023-03-05"], "W-SUN"),
}
ZONED = ("hours when clocks change", "days when clocks change")
LENGTHS, AHEAD = [26, 19], 3


def rows_of_kind(kind):
    """Two ids of 26 and 19 rows and three more, and the time step."""
    if kind in ("integers", "periods"):
        starts = [5, 11] if kind == "integers" else [pd.Period("2019-01"), pd.Period("2019-08")]
        return ramp_rows(np.add(LENGTHS, AHEAD), starts), 1 if kind == "integers" else None
    starts, freq = KINDS[kind]
    zone = "Europe/Berlin" if kind in ZONED else None
    starts = [pd.Timestamp(start, tz=zone) for start in starts]
    return ramp_rows(np.add(LENGTHS, AHEAD), starts, freq), freq


def plain_forecaster(layout="long", **parameters):
    """A forecaster of the column "y" alone."""
    how = {name: () for name in ("past_covariates", "future_covariates", "static_covariates")}
    how |= {"target": "y", "weight_column": None, "time_features": None}
    return new_forecaster(layout, **how | parameters)


@pytest.mark.parametrize("layout", ["long", "levels"])
@pytest.mark.parametrize("kind", [*KINDS, "integers", "periods"])
def test_times_of_every_kind_go_on_after_each_ids_own_last(kind, layout):
    rows, freq = rows_of_kind(kind)
    ahead = rows.groupby("id").tail(AHEAD)
    known = rows.drop(ahead.index)
    with hashed_fits():
        model = plain_forecaster(layout, horizon=AHEAD, freq=freq)
        model.fit(laid_out(known, layout), verbose=0)
        for forecast in (model.predict(), model.predict(laid_out(known, layout))):
            forecast = forecast.reset_index() if layout == "levels" else forecast
            assert forecast["id"].tolist() == ahead["id"].tolist()
            assert forecast["t"].tolist() == ahead["t"].tolist()
            assert forecast["t"].dtype == rows["t"].dtype
        result = model.backtest(laid_out(rows, layout), cutoffs=8)
    moments = rows["t"].sort_values().unique()
    by_hand = {
        (label, cutoff): (times, actual.tolist())
        for label, cutoff, times, actual, *_ in listed_windows(rows, moments, AHEAD, 3, ["y"])
    }
    told = result.forecasts.groupby(["series", "cutoff"], sort=False)
    found = {key: (own["time"].tolist(), own["actual"].tolist()) for key, own in told}
    assert len(found) == len(result) >= 8
    assert found == {key: by_hand[key] for key in found}


def test_local_hours_that_the_clocks_skip_stay_on_the_grid():
    """Days at 02:30 in Berlin: on the 31st of March the clocks show 03:30 instead."""
    times = pd.date_range("2024-02-15 02:30", periods=75, freq="D")
    times = times.tz_localize("Europe/Berlin", nonexistent="shift_forward")
    skipped = times.get_loc(pd.Timestamp("2024-03-31 03:00", tz="Europe/Berlin"))
    rows = pd.DataFrame({"id": "A", "t": times, "y": np.arange(75.0)})
    # The rows that a fit keeps, or the last of them, may begin on that day.
    for end in (skipped + LENGTH + HORIZON, skipped + 1):
        model = with_random_weights(rows[:end], **LONG, freq="D")
        assert model.predict()["t"].tolist() == times[end : end + HORIZON].tolist()
        model.update(rows[end - 2 : end + 5])
        assert model.predict()["t"].tolist() == times[end + 5 : end + 5 + HORIZON].tolist()


# Layouts.


def test_an_index_of_two_levels_comes_back_as_it_was():
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0).rename(columns={"id": "shop", "t": "day"})
    indexed = rows.set_index(["shop", "day"])
    before = indexed.copy(deep=True)
    with hashed_fits():
        model = new_forecaster("levels").fit(indexed, verbose=0)
        long = new_forecaster("long", id_column="shop", time_column="day").fit(rows, verbose=0)
        future = model.future_frame().assign(f=1.0, g="a")
        forecast = model.predict(future=future)
        again = long.predict(future=future.reset_index())
    pd.testing.assert_frame_equal(indexed, before)
    assert forecast.index.names == ["shop", "day"]
    assert forecast.columns.tolist() == ["y", "z"]
    assert forecast.index.equals(future.index)
    pd.testing.assert_frame_equal(forecast.reset_index(), again, check_exact=True)
    assert again.columns.tolist() == ["shop", "day", "y", "z"]


@pytest.mark.parametrize("target", ["y", ["z", "y"]])
def test_columns_of_long_forecasts(target):
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0)[["id", "t", "y", "z"]]
    model = with_noise(plain_forecaster(target=target, output=Quantiles([0.1, 0.9])), rows)
    forecast, quantiles = model.predict(), model.predict(quantiles=[0.9, 0.1])
    if target == "y":
        assert forecast.columns.tolist() == ["id", "t", "prediction"]
        assert quantiles.columns.tolist() == ["id", "t", "q0.9", "q0.1"]
    else:
        assert forecast.columns.tolist() == ["id", "t", "z", "y"]
        pairs = [(name, level) for name in ("z", "y") for level in (0.9, 0.1)]
        assert quantiles.columns[2:].tolist() == pairs


def test_ids_that_the_fit_did_not_see_are_forecast_like_others():
    rows = ramp_rows([40, 30, 3], ["2024-01-01", "2024-01-05", "2024-03-01"])
    rows["y"] += np.random.default_rng(0).normal(size=len(rows))
    model = with_random_weights(rows[rows["id"] == "A"], **LONG)
    forecast = model.predict(rows).set_index("id")["prediction"]
    for label, own in rows.groupby("id"):
        expected = equation(model, own["y"].to_numpy()[-LENGTH:])
        np.testing.assert_allclose(forecast[label], expected, rtol=1e-6)


# New rows.


def update_windows(known, new):
    """The windows of an update by hand: id and last time seen; ids that are new come last."""
    windows, labels = [], known["id"].unique().tolist()
    labels += [label for label in new["id"].unique() if label not in labels]
    for label in labels:
        old = known[known["id"] == label]["t"]
        kept = pd.concat([old.tail(LENGTH + HORIZON), new[new["id"] == label]["t"]])
        own = pd.date_range(kept.min(), kept.max(), freq="D")
        for cutoff in range(1, len(own) - HORIZON + 1):
            targets = own[cutoff : cutoff + HORIZON]
            if not len(old) or targets[-1] > old.max():
                windows.append((label, own[cutoff - 1]))
    return windows


@pytest.mark.parametrize("which", ["some ids", "a new id", "both", "rows after a hole"])
def test_an_update_visits_the_windows_with_a_target_not_seen(which, monkeypatch):
    known = ramp_rows([40, 30, 20], ["2024-01-01", "2024-01-05", "2024-02-01"])
    new = {"A": ("2024-02-10", 4), "C": ("2024-02-21", 2), "D": ("2024-02-20", 6)}
    new = {label: new[label] for label in {"some ids": "AC", "a new id": "D"}.get(which, "ACD")}
    if which == "rows after a hole":
        new = {"B": ("2024-02-20", 3)}
    new = pd.concat(
        pd.DataFrame({"id": label, "t": days(count, start), "y": 9000.0 + np.arange(count)})
        for label, (start, count) in new.items()
    )
    model, visited = with_random_weights(known, **LONG), []

    def record(task, trained, first):
        part = Part.of(task, task.table.lengths, trained.coder)
        cutoffs = part.cutoffs(first, task.spec.horizon)
        series, cutoff = cutoffs.locate(np.arange(len(cutoffs)))
        times = task.table.times_at(series, cutoff - 1)
        visited.extend(zip(task.table.ids[series], times, strict=True))

    monkeypatch.setattr(forecaster.engine, "train_further", record)
    model.update(new)
    assert visited == update_windows(known, new)
    ends = pd.concat([known, new]).groupby("id")["t"].max()
    forecast = model.predict()
    assert forecast.groupby("id")["t"].min().tolist() == [end + DAY for end in ends]
    history = pd.concat([known, new])
    if which == "rows after a hole":
        history = history[history["id"] == "B"]
        forecast = forecast[forecast["id"] == "B"].reset_index(drop=True)
        with pytest.warns(FrameWarning, match="has gaps: 16 of"):
            expected = model.predict(history)
    else:
        expected = model.predict(history)
    pd.testing.assert_frame_equal(forecast, expected, check_exact=True)


def test_an_update_learns_and_one_without_new_rows_is_refused():
    known = ramp_rows([40, 30], ["2024-01-01", "2024-01-05"])
    model = with_random_weights(known, **LONG)
    weights = model.model_.get_weights()
    old = known[known["t"] < "2024-01-30"]
    for frame in (known, old, old[old["id"] == "B"]):
        with pytest.raises(
            ValueError, match=r"`frame` must have rows after .*that the weights have"
        ):
            model.update(frame)
    assert_same_weights(model.model_, weights)
    # Rows of "B" that lie before the end of "A" are new all the same.
    model.update(pd.DataFrame({"id": "B", "t": days(3, "2024-02-04"), "y": [7.0, 8.0, 9.0]}))
    assert model.predict().groupby("id")["t"].min().tolist() == list(
        pd.to_datetime(["2024-02-10", "2024-02-07"])
    )
    assert all((a != b).any() for a, b in zip(model.model_.get_weights(), weights, strict=True))


def test_an_update_keeps_what_it_does_not_tell_of_an_id():
    """Static covariates that are missing in the new rows stay; those that are there replace."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0)
    model = with_noise(new_forecaster(), rows)
    known = model._fitted.history.static_covariates.values.copy()
    new = rows.assign(t=rows["t"] + 26 * DAY, s=np.nan, c=None)
    new.loc[new["id"] == "id1", "s"] = 4.5
    with quiet():
        model.update(new)
    found = model._fitted.history.static_covariates
    assert found.names.tolist() == ["s", "c"]
    np.testing.assert_array_equal(found.values, [[known[0, 0], 4.5], known[1]])


def test_an_update_without_a_window_says_what_it_received():
    known = ramp_rows([40, 30], ["2024-01-01", "2024-01-05"])
    model = with_random_weights(known, **LONG)
    new = pd.DataFrame({"id": "Z", "t": days(2), "y": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"`frame` must have at least 4 rows.* Received: 2 rows"):
        model.update(new)
    assert model.predict()["id"].unique().tolist() == ["A", "B"]


@pytest.mark.parametrize("first", ["long", "wide"])
def test_an_update_in_another_layout_is_refused(first):
    long = ramp_rows([40], ["2024-01-01"]).set_index(["id", "t"])
    wide = long.droplevel(0)
    later = pd.DataFrame({"y": np.arange(5.0)}, index=days(5, "2024-02-10").rename("t"))
    model = with_random_weights(long if first == "long" else wide)
    other = later if first == "long" else pd.concat({"A": later}, names=["id"])
    with pytest.raises(ValueError, match="layout"):
        model.update(other)


def test_an_update_without_the_weights_of_the_fit():
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0)[["id", "t", "y", "w"]]
    model = with_noise(plain_forecaster(weight_column="w"), rows)
    new = rows.assign(t=rows["t"] + 26 * DAY).drop(columns="w")
    try:
        model.update(new)
    except ValueError as error:
        assert "`weight_column`" in str(error) or "'w'" in str(error)  # not one of NumPy's own


# Copies.


def rich_panel(seed=0):
    return random_rows(seed, [(0, 26), (75, 20), (100, 3)], gaps=0.3)


def same_forecasts(model, other, history=None):
    how = {"future": model.future_frame(history).assign(f=0.5, g="b")}
    if history is not None:
        how["history"] = history
    pd.testing.assert_frame_equal(other.predict(**how), model.predict(**how), check_exact=True)


@pytest.mark.slow
def test_copies_saves_and_pickles_of_panels(tmp_path):
    rows, other = rich_panel(), random_rows(3, [(0, 12), (31, 2)], gaps=0.0)
    model = with_noise(new_forecaster(), rows)
    model.save(tmp_path / "panel")
    loaded = Forecaster.load(tmp_path / "panel")
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), loaded):
        for history in (None, rows, other):
            same_forecasts(model, again, history)
        assert again.train_end_ == model.train_end_
    model.save(tmp_path / "bare", keep_history=False)
    bare = Forecaster.load(tmp_path / "bare")
    same_forecasts(model, bare, rows)
    with pytest.raises(ValueError, match="keep_history=False"):
        bare.predict(future=model.future_frame().assign(f=0.5, g="b"))
    for again in (loaded, bare):  # both know until when each id was seen
        with pytest.raises(ValueError, match="must have rows after"):
            again.update(rows)


def test_workers_give_the_same_bits():
    rows = rich_panel()
    model, how = plain_forecaster(), {"cutoffs": 2, "refit": True}
    with hashed_fits():
        here = model.backtest(rows, **how)
        there = model.backtest(rows, workers=lambda: ThreadPoolExecutor(2), **how)
    pd.testing.assert_frame_equal(there.forecasts, here.forecasts, check_exact=True)


@pytest.mark.slow
def test_another_process_gives_the_same_bits():
    """A fit of a backtest, and a fitted forecaster; networks of this file would not travel."""
    rows, network = rich_panel(), RecurrentNetwork("simple_rnn", units=2)
    model, how = new_forecaster(network=network), {"cutoffs": 1, "refit": True}
    fitted = with_noise(new_forecaster(network=network), rows)
    future = fitted.future_frame().assign(f=0.5, g="b")
    with spawned(1) as executor:
        answer = executor.submit(fitted.predict, future=future)
        there = model.backtest(rows, workers=lambda: nullcontext(executor), **how)
        answer = answer.result()
    here = model.backtest(rows, **how)
    pd.testing.assert_frame_equal(there.forecasts, here.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(answer, fitted.predict(future=future), check_exact=True)


# Backtests.


@pytest.mark.parametrize("target", ["y", ["y", "z"]])
def test_scores_of_series_carry_their_labels(target):
    """Against the mean over the rows of `forecasts`."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0)[["id", "t", "y", "z"]]
    with hashed_fits():
        result = plain_forecaster(target=target).backtest(rows, cutoffs=5)
    labels = ["id0", "id1"] if target == "y" else [(i, c) for i in ("id0", "id1") for c in "yz"]
    scores = result.scores(by="series")["MAE"].unstack("forecast")
    assert scores.index.tolist() == labels
    long = result.forecasts
    for label in labels:
        own = long[[found == label for found in long["series"]]]
        for forecast in ("prediction", "naive"):
            expected = (own["actual"] - own[forecast]).abs().mean()
            assert scores.loc[[label], forecast].iloc[0] == pytest.approx(expected)


def test_cutoffs_as_times_are_moments_for_all_ids():
    rows = ramp_rows([40, 30, 20], ["2024-01-01", "2024-01-05", "2024-01-20"])
    times = ["2024-02-04", "2024-01-22", pd.Timestamp("2024-01-30")]
    with hashed_fits():
        result = plain_forecaster().backtest(rows, cutoffs=times)
    expected = listed_windows(rows, sorted(map(pd.Timestamp, times)), 2, 3, ["y"])
    assert result.series.tolist() == [label for label, *_ in expected]
    assert result.cutoffs.tolist() == [cutoff for _, cutoff, *_ in expected]
    assert result.series.tolist() == ["A", "B", "C", "A", "B", "C", "A", "C"]
    with pytest.raises(ValueError, match="must be times that have a whole horizon after them"):
        plain_forecaster().backtest(rows, cutoffs=["2024-02-08"])
    with pytest.raises(ValueError, match="must be on the grid"):
        plain_forecaster().backtest(rows, cutoffs=["2024-02-01 12:00"])


@pytest.mark.parametrize("refit", [False, True])
def test_a_cutoff_at_which_no_id_is_scored(refit):
    """Between the end of "A" and the start of "B", and behind both, where "C" has two rows."""
    spans = [30, 30, 2], ["2024-01-01", "2024-03-01", "2024-04-05"]
    rows = ramp_rows(*spans)
    with hashed_fits():
        result = plain_forecaster().backtest(rows, cutoffs=3, refit=refit)
        assert result.cutoffs.tolist() == list(pd.date_range("2024-03-26", periods=3))
        assert result.series.unique().tolist() == ["B"]
        result = plain_forecaster().backtest(rows, cutoffs=2, stride=40, refit=refit)
        # Forty days before the newest cutoff lies the hole, eighty days before it the 8th.
        assert result.cutoffs.tolist() == [pd.Timestamp("2024-01-08"), pd.Timestamp("2024-03-28")]
        with pytest.raises(ValueError, match="whole horizon"):
            plain_forecaster().backtest(rows, cutoffs=["2024-01-20", "2024-02-10"], refit=refit)


# Many.


def test_two_thousand_ids_take_seconds():
    """A fit, a forecast and a backtest; and each id is answered by the equation."""
    generator, ids, length = np.random.default_rng(0), 2000, 30
    values = generator.normal(size=(ids, length + 12)).cumsum(axis=1)
    times = np.tile(days(length + 12), ids)
    labels = np.repeat([f"id{i:04}" for i in range(ids)], length + 12)
    rows = pd.DataFrame({"id": labels, "t": times, "y": values.ravel()})
    known = rows[rows["t"] < rows["t"].iloc[length]]
    begin = time.process_time()
    training = Training(epochs=1, batch_size=1024, refit=False)
    model = tiny(training=training, **LONG).fit(known, verbose=0)
    forecast = model.predict()["prediction"].to_numpy().reshape(ids, HORIZON)
    result = model.backtest(rows, cutoffs=10)
    scores = result.scores(by="series")
    assert time.process_time() - begin < 40
    assert len(scores) == 2 * ids
    assert len(result) == 10 * ids
    first = result.prediction[:ids]
    np.testing.assert_allclose(first, forecast, rtol=1e-4, atol=1e-5)
    for position in (0, 1, 999, ids - 1):
        expected = equation(model, values[position, length - LENGTH : length])
        np.testing.assert_allclose(forecast[position], expected, rtol=1e-4, atol=1e-4)
    assert not np.isclose(forecast[1:], forecast[:-1]).all(axis=1).any()
    naive = values[:, length + 12 - HORIZON - 7 : length + 12 - 7]
    np.testing.assert_array_equal(result.naive[-ids:], naive)
