"""What comes after a cutoff changes nothing before it: tested by changing it.

Properties run on random panels in every layout, with all kinds of covariates. Most of them replace
training by a digest of everything that it is shown (see panels.py), so that a single bit of the
future would be seen; a few train.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from forecaster import Training
from forecaster.evaluation.baselines import seasonal_naive
from forecaster.evaluation.metrics import seasonal_scales
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import WindowSource
from forecaster.network.covariate_encoder import CovariateEncoder
from forecaster.network.heads import Point
from forecaster.training.loop import Part, Run, _batches, _train_rows, train
from forecaster.training.validation import MOST_WINDOWS, ValidationScorer, series_scales
from tests.helpers.fits import Recorder, assert_same_weights, make_table, make_task, ramp
from tests.helpers.panels import (
    DAY,
    HORIZON,
    LENGTH,
    START,
    TRAINING,
    VALIDATION,
    altered_after,
    examples,
    hashed_fits,
    laid_out,
    new_forecaster,
    panels,
    quiet,
    random_rows,
)
from tests.helpers.tiny import engine

channels = st.sampled_from(["independent", "joint"])
seeds = st.integers(0, 2**16)
firsts = st.integers(13, 16)  # steps of the timeline that are known at the first cutoff


def moment_of(steps):
    """The last time seen at a cutoff of so many steps."""
    return START + (steps - 1) * DAY


PANEL = random_rows(0, [(0, 26), (75, 20), (240, 9)], gaps=0.3)  # from days 0, 3 and 10 on
MOMENT = moment_of(15)


def told(result, until):
    """All that a result says at cutoffs up to a moment, but what happened after them."""
    frame = result.forecasts.drop(columns="actual")
    for name in ("absolute_scale", "squared_scale"):
        frame[name] = np.repeat(getattr(result, name), result.horizon)
    frame["series"] = frame["series"].astype(str)
    return frame[frame["cutoff"] <= until].set_index(["series", "cutoff", "step"])


def assert_still_told(one, other, until):
    """`other` says bit for bit what `one` says up to a moment, perhaps of more ids."""
    expected = told(one, until)
    assert len(expected)
    found = told(other, until).loc[expected.index]
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


refits = st.integers(0, 2)
gaps = st.integers(0, 2)


@pytest.mark.slow
@given(panels(), channels, firsts, st.integers(1, 4), refits, gaps, st.integers(0, 1), seeds)
@examples(25)
def test_no_backtest_sees_what_comes_later(panel, joint, first, apart, refit, gap, which, seed):
    """Refits and fresh clones; altered is what lies after the first cutoff, or after the second."""
    layout, rows = panel
    model = new_forecaster(layout, channels=joint, training=replace(TRAINING, refit=seed % 2 == 0))
    moments = [moment_of(first), moment_of(first + apart)]
    how = {"cutoffs": moments, "refit": refit, "gap": gap, "window": 11 if seed % 3 == 0 else None}
    with hashed_fits():
        expected = model.backtest(laid_out(rows, layout), **how)
        other = altered_after(rows, moments[which], seed, new_ids=layout != "wide")
        found = model.backtest(laid_out(other, layout), **how)
    assert_still_told(expected, found, moments[which])


@pytest.mark.parametrize("refit", [False, True])
def test_nobody_knows_that_an_id_will_come_back(refit):
    """Rows of "id1" are missing around the cutoff; whether more come later must not matter."""
    rows = random_rows(0, [(0, 26), (72, 22)], gaps=0.0)
    moment = moment_of(18)
    gone = rows[(rows["id"] == "id0") | (rows["t"] <= moment - 3 * DAY)]
    back = pd.concat([gone, rows[(rows["id"] == "id1") & (rows["t"] > moment + DAY)]])
    with hashed_fits():
        one, other = (
            new_forecaster().backtest(frame, cutoffs=[moment], refit=refit)
            for frame in (gone, back)
        )
    assert_still_told(one, other, moment)


def future_of(rows, moment):
    """What `predict` is given of the horizon after a moment: keys and future covariates alone."""
    ahead = rows[rows["t"] > moment].groupby("id", sort=False).head(HORIZON)
    return ahead[["id", "t", "f", "g"]]


def predicted(model, rows, moment, layout):
    """The forecasts at a moment by `predict`, by id and time."""
    known = rows[rows["t"] <= moment]
    future = future_of(rows[rows["id"].isin(known["id"])], moment)
    # Ids with too few rows ahead are not scored by a backtest.
    whole = future.groupby("id")["t"].transform("count") == HORIZON
    history = known[known["id"].isin(future["id"][whole])]
    forecast = model.predict(laid_out(history, layout), future=laid_out(future[whole], layout))
    if layout == "wide":
        return forecast.assign(id="id0").set_index("id", append=True).swaplevel()
    return forecast if layout == "levels" else forecast.set_index(["id", "t"])


def backtested(result, moment, layout):
    """The forecasts at the moment by a backtest, in the same form."""
    long = result.forecasts
    long = long[(long["cutoff"] <= moment) & (long["cutoff"] > moment - DAY)]
    pairs = [(label if layout != "wide" else ("id0", label)) for label in long["series"]]
    long = long.assign(id=[label for label, _ in pairs], target=[name for _, name in pairs])
    return long.pivot(index=["id", "time"], columns="target", values="prediction")


@pytest.mark.slow
@given(panels(), channels, firsts, st.integers(1, 4), refits, gaps, seeds)
@examples(20)
def test_a_backtest_is_fit_and_predict_on_what_was_known(
    panel, joint, first, apart, refit, gap, seed
):
    """By hand: cut the user's frame at the cutoff, fit on it, and predict with the known future."""
    layout, rows = panel
    model = new_forecaster(layout, channels=joint)
    window = 11 if seed % 3 == 0 else None
    moments = [moment_of(first), moment_of(first + apart)]
    with hashed_fits():
        how = {"cutoffs": moments, "refit": refit, "gap": gap, "window": window}
        result = model.backtest(laid_out(rows, layout), **how)
        for moment in moments:
            if moment == moments[0] or refit == 1:
                seen = rows[rows["t"] <= moment - gap * DAY]
                seen = seen if window is None else seen.groupby("id", sort=False).tail(window)
                judge = new_forecaster(layout, channels=joint).fit(
                    laid_out(seen, layout), verbose=0
                )
            expected = predicted(judge, rows, moment, layout)
            found = backtested(result, moment, layout)
            np.testing.assert_array_equal(found, expected.loc[found.index])
            assert len(found) == len(expected)


@pytest.mark.slow
@given(panels(), channels, firsts, seeds)
@examples(15)
def test_fitted_weights_see_nothing_that_comes_later(panel, joint, first, seed):
    layout, rows = panel
    moment = moment_of(first)
    how = {"cutoffs": [moment, moment + 3 * DAY]}
    with hashed_fits():
        model = new_forecaster(layout, channels=joint)
        model.fit(laid_out(rows[rows["t"] <= moment], layout), verbose=0)
        expected = model.backtest(laid_out(rows, layout), **how)
        np.testing.assert_array_equal(
            backtested(expected, moment, layout), predicted(model, rows, moment, layout)
        )
        for until in how["cutoffs"]:
            other = altered_after(rows, until, seed, new_ids=layout != "wide")
            found = model.backtest(laid_out(other, layout), **how)
            assert_still_told(expected, found, until)


def test_weights_that_saw_one_id_after_the_cutoff_are_not_used(caplog):
    """The fit ends for "id1" a day after the cutoff, for "id0" long before it."""
    moment = moment_of(15)
    seen = PANEL[PANEL["t"] <= moment + pd.Timedelta(hours=3)]
    seen = seen[(seen["id"] == "id1") | (seen["t"] <= moment - 4 * DAY)]
    with hashed_fits():
        model = new_forecaster().fit(seen, verbose=0)
        found = model.backtest(PANEL, cutoffs=[moment])
        assert "A fresh clone is fitted once" in caplog.text
        fresh = new_forecaster().backtest(PANEL, cutoffs=[moment])
    pd.testing.assert_frame_equal(found.forecasts, fresh.forecasts, check_exact=True)


@given(panels(), channels, firsts, seeds)
@examples(15)
def test_a_prediction_reads_its_own_window_and_horizon_alone(panel, joint, first, seed):
    """Altered are other ids, rows before the window, and the known future after the horizon."""
    layout, rows = panel
    moment = moment_of(first)
    known, ahead = rows[rows["t"] <= moment], rows[rows["t"] > moment]
    with hashed_fits():
        model = new_forecaster(layout, channels=joint)
        model.fit(laid_out(known, layout), verbose=0)
        expected = predicted(model, rows, moment, layout)

        other = known.copy()
        from_end = other.groupby("id", sort=False).cumcount(ascending=False)
        others = (other["id"] != "id0") | (from_end >= LENGTH)
        numbers = ["y", "z", "p", "f", "w"]
        noise = np.random.default_rng(seed).random((len(other), len(numbers)))
        other.loc[others, numbers] = noise[others]
        other.loc[others, ["k", "g"]] = "new"
        beyond = ahead.assign(f=1e3, g="new")
        beyond = beyond[beyond.groupby("id").cumcount() >= HORIZON]
        future = pd.concat([future_of(rows, moment), beyond[["id", "t", "f", "g"]]])
        future = future[future["id"].isin(known["id"])]
        future.loc[future["id"] != "id0", "f"] = -7.0
        short = future.groupby("id")["t"].transform("count") < HORIZON
        history = other[~other["id"].isin(future["id"][short])]
        history = history[history["id"].isin(future["id"])]
        found = model.predict(laid_out(history, layout), future=laid_out(future, layout))
        if layout == "wide":
            pd.testing.assert_frame_equal(found, expected.loc["id0"], check_freq=False)
        else:
            found = found if layout == "levels" else found.set_index(["id", "t"])
            pd.testing.assert_frame_equal(found.loc["id0"], expected.loc["id0"], check_exact=True)
            rest = found.index.drop("id0", level=0)
            assert (found.loc[rest] != expected.loc[rest]).all(axis=None)


def change_one(rows, column, row):
    """The same rows with another value at one row of "id1", or at all of them if it is None."""
    rows = rows.copy()
    places = rows.index[rows["id"] == "id1"]
    places = places if row is None else places[[row]]
    before = rows.at[places[0], column]
    rows.loc[places, column] = 0.125 if column not in "kgc" else "b" if before == "a" else "a"
    return rows


@pytest.mark.parametrize(
    ("column", "row"),
    # Of "id1" the rows 0 .. 10 are known at the moment: of these 0 .. 7 train, 8 .. 10 judge.
    [(c, r) for c in ("y", "z", "p", "k", "f", "g") for r in (2, 8)]
    + [("w", 4), ("f", 12), ("g", 12), ("s", None), ("c", None)],
)
def test_the_digest_of_a_fit_sees_everything(column, row):
    """So that the tests above can fail: each known value has its part in a forecast."""
    with hashed_fits():
        one, other = (
            told(new_forecaster().backtest(frame, cutoffs=[MOMENT], refit=True), MOMENT)
            for frame in (PANEL, change_one(PANEL, column, row))
        )
    moved = (one["prediction"] != other["prediction"]).groupby("series").all()
    assert moved["('id1', 'y')"]
    assert moved["('id0', 'y')"] == (row != 12)  # of the horizon nothing is learned


@pytest.mark.parametrize("refit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_trained_forecast_does_not_move_either(refit):
    model = new_forecaster()
    moments = [MOMENT, MOMENT + 4 * DAY]
    with quiet():
        one = model.backtest(PANEL, cutoffs=moments, refit=refit)
        other = altered_after(PANEL, MOMENT, 1, new_rows=False)
        other = model.backtest(other, cutoffs=moments, refit=refit)
    assert_still_told(one, other, MOMENT)
    pairs = [told(result, moments[1])["prediction"] for result in (one, other)]
    later = pairs[0].index[pairs[0].index.get_level_values("cutoff") > MOMENT]
    assert not np.isclose(*(pair.loc[later] for pair in pairs)).any()


def with_other_judges(rows):
    """The same rows with other values of everything in the newest rows of each id, which judge."""
    generator, rows = np.random.default_rng(7), rows.copy()
    judging = rows.index[rows.groupby("id", sort=False).cumcount(ascending=False) < VALIDATION]
    numbers = ["y", "z", "p", "f", "w"]
    rows.loc[judging, numbers] = 1e3 * generator.random((len(judging), len(numbers)))
    rows.loc[judging, ["k", "g"]] = generator.choice(["a", "new"], (len(judging), 2))
    return rows


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "channels"), [("long", "independent"), ("levels", "joint")])
def test_what_judges_has_no_part_in_scaling_categories_batches_and_weights(layout, channels):
    rows, fits = PANEL, []
    for version in (rows, with_other_judges(rows)):
        model, recorder = new_forecaster(layout, channels=channels), Recorder()
        with quiet():
            table = engine(model).read(laid_out(version, layout))
        run = Run(callbacks=[recorder])
        task = engine(model)._task(table, engine(model).window_spec(table), run)
        part = Part.of(task, _train_rows(task))
        batches = _batches(task, part, part.cutoffs(task.first_cutoff, HORIZON))
        coder, network, _, history = train(task)
        fits.append((coder, network, history, recorder, list(batches.take(9))))
    (coder, network, history, recorder, batches), other = fits
    assert other[0] == coder == part.coder
    assert other[2].loss == history.loss
    assert other[2].validation_score != history.validation_score
    for one, another in zip(recorder.weights, other[3].weights, strict=True):
        assert_same_weights(another, one)
    for one, another in zip(tf.nest.flatten(batches), tf.nest.flatten(other[4]), strict=True):
        np.testing.assert_array_equal(another, one)

    learned = rows[rows.groupby("id", sort=False).cumcount(ascending=False) >= VALIDATION]
    encoders = {e.name: e for e in network.layers if isinstance(e, CovariateEncoder)}
    for name, column in (("past", "p"), ("future", "f"), ("static", "s")):
        by_hand = learned[column] if name != "static" else learned.groupby("id")[column].first()
        encoder = encoders[f"encode_{name}"]
        np.testing.assert_allclose(encoder.location[0], by_hand.mean(), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(encoder.scale[0], by_hand.std(ddof=0) or 1, rtol=1e-6)
    assert coder.past[1].categories == tuple(sorted(learned["k"].dropna().unique()))
    assert coder.future[1].categories == tuple(sorted(learned["g"].dropna().unique()))


def part_of(lengths, spec, training, targets=1, joint=False):
    """A fit on a ramp, in which every value names its target and row, and its validated part."""
    values = ramp(targets, sum(lengths))
    task = make_task(values, training=training, joint=joint)
    task = replace(task, table=make_table(values, lengths), spec=spec)
    return task, Part.of(task, _train_rows(task))


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    input_length=st.integers(1, 9),
    horizon=st.integers(1, 5),
    season=st.integers(1, 9),
    validation=st.integers(1, 12) | st.floats(0.05, 0.6),
    targets=st.integers(1, 2),
    joint=st.booleans(),
)
@examples(60)
def test_no_target_of_validation_lies_in_a_training_window(
    lengths, input_length, horizon, season, validation, targets, joint
):
    """Every window of both, row by row; the longest id is made long enough."""
    lengths = [*lengths, 60]
    spec = WindowSpec(input_length, horizon, targets if joint else 1, season_length=season)
    training = Training(validation=validation)
    task, part = part_of(lengths, spec, training, targets, joint)
    judging = [
        max(int(validation * n) if isinstance(validation, float) else validation, horizon)
        for n in lengths
    ]
    train_rows = [max(n - j, 0) for n, j in zip(lengths, judging, strict=True)]
    assert part.rows.tolist() == train_rows

    cutoffs = part.cutoffs(task.first_cutoff, horizon)
    series, cutoff = cutoffs.locate(np.arange(len(cutoffs)))
    first = min(season, input_length)
    copies = 1 if joint else targets
    listed = [
        (copy * len(lengths) + i, c)
        for copy in range(copies)
        for i, rows in enumerate(train_rows)
        for c in range(first, rows - horizon + 1)
    ]
    np.testing.assert_array_equal(np.stack([series, cutoff], 1), listed)

    starts = np.cumsum([0, *lengths])
    trained = part.source.gather(series, cutoff, -input_length, horizon) % 1000
    own = starts[series % len(lengths)]
    ends = own + np.array(train_rows)[series % len(lengths)]
    assert np.nanmax(trained - ends[:, None, None]) == -1
    assert np.nanmin(trained - own[:, None, None]) >= 0

    judge = ValidationScorer(task.table, part.source, spec, Point(), "mae", part.rows)
    windows = [
        (i, c)
        for i, (rows, n) in enumerate(zip(train_rows, lengths, strict=True))
        for c in range(rows, n - horizon + 1)
    ]
    assert list(zip(judge.ids, judge.cutoffs, strict=True)) == windows
    rows = [[starts[i] + c + step for step in range(horizon)] for i, c in windows]
    np.testing.assert_array_equal(
        judge.actual % 1000, np.repeat(np.array(rows)[:, None], targets, 1)
    )


@pytest.mark.parametrize("targets", [1, 3])
def test_no_window_of_a_thinned_validation_lies_in_the_training_rows(targets):
    """5,000 ids of unequal lengths, of which some are judged, in all of their phases."""
    lengths = 10 + np.arange(5000) % 37
    table = make_table(np.arange(float(targets * lengths.sum())).reshape(targets, -1), lengths)
    train_rows = lengths - 7
    spec = WindowSpec(4, 2, season_length=3)
    judge = ValidationScorer(table, WindowSource(table), spec, Point(), "mae", train_rows)
    assert 0.4 * MOST_WINDOWS < len(judge.ids) * targets < 2 * MOST_WINDOWS
    assert (judge.cutoffs >= train_rows[judge.ids]).all()
    assert (judge.cutoffs + 2 <= lengths[judge.ids]).all()
    newest = pd.Series(judge.cutoffs).groupby(judge.ids).max()
    assert (newest == lengths[newest.index] - 2).all()
    begins = table.offsets[judge.ids] + judge.cutoffs
    np.testing.assert_array_equal(judge.actual[:, 0, 0], begins)


@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    horizon=st.integers(1, 7),
    season=st.integers(1, 9),
    seed=seeds,
    data=st.data(),
)
@examples(60)
def test_naive_and_scales_read_their_own_series_up_to_the_cutoff(
    lengths, horizon, season, seed, data
):
    """For each window all is altered but the rows of its id up to its cutoff."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(2, sum(lengths)))
    values[generator.random(values.shape) < 0.3] = np.nan
    offsets = np.cumsum([0, *lengths])
    number = st.integers(0, len(lengths) - 1)
    pairs = data.draw(st.lists(st.tuples(number, st.integers(0, 20)), min_size=1, max_size=5))
    begins = np.array([offsets[i] for i, _ in pairs])
    ends = np.array([offsets[i] + min(c, lengths[i]) for i, c in pairs])

    def read(values):
        naive = seasonal_naive(values, ends, horizon, season, begins)
        return naive, *seasonal_scales(values, ends, season, begins)

    expected = read(values)
    for window, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        other = 1e9 * generator.normal(size=values.shape)
        other[generator.random(values.shape) < 0.3] = np.nan
        other[:, begin:end] = values[:, begin:end]
        for one, another in zip(expected, read(other), strict=True):
            np.testing.assert_array_equal(another[window], one[window])

    table, rows = make_table(values, lengths), np.array([min(pairs[0][1], n) for n in lengths])
    known = np.concatenate([np.arange(n) < r for n, r in zip(lengths, rows, strict=True)])
    other = make_table(np.where(known, values, 1e9), lengths)
    np.testing.assert_array_equal(
        series_scales(other, rows, season), series_scales(table, rows, season)
    )
