"""What comes after a cutoff changes no forecast before it: tested by changing it.

Properties run on random panels in every layout, with all kinds of covariates. Most of them replace
training by a digest of everything that it is shown (see panels.py), so that a single bit of the
future would be seen; one trains.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.panel_rows import DAY, START, examples, laid_out, panels, quiet, random_rows
from tests.helpers.panels import (
    HORIZON,
    LENGTH,
    PANEL,
    TRAINING,
    altered_after,
    hashed_fits,
    new_forecaster,
    seeds,
)

channels = st.sampled_from(["independent", "joint"])
firsts = st.integers(13, 16)  # steps of the timeline that are known at the first cutoff


def moment_of(steps):
    """The last time seen at a cutoff of so many steps."""
    return START + (steps - 1) * DAY


MOMENT = moment_of(15)


def reported(result, until):
    """All that a result says at cutoffs up to a moment, but what happened after them."""
    frame = result.forecasts.drop(columns="actual")
    for name in ("absolute_scale", "squared_scale"):
        frame[name] = np.repeat(getattr(result, name), result.horizon)
    frame["series"] = frame["series"].astype(str)
    return frame[frame["cutoff"] <= until].set_index(["series", "cutoff", "step"])


def assert_still_reported(one, other, until):
    """`other` says bit for bit what `one` says up to a moment, perhaps of more ids."""
    expected = reported(one, until)
    assert len(expected)
    found = reported(other, until).loc[expected.index]
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
    train_length = 11 if seed % 3 == 0 else None
    how = {"cutoffs": moments, "refit": refit, "gap": gap, "train_length": train_length}
    with hashed_fits():
        expected = model.backtest(laid_out(rows, layout), **how)
        other = altered_after(rows, moments[which], seed, new_ids=layout != "wide")
        found = model.backtest(laid_out(other, layout), **how)
    assert_still_reported(expected, found, moments[which])


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
    assert_still_reported(one, other, moment)


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
    train_length = 11 if seed % 3 == 0 else None
    moments = [moment_of(first), moment_of(first + apart)]
    with hashed_fits():
        how = {"cutoffs": moments, "refit": refit, "gap": gap, "train_length": train_length}
        result = model.backtest(laid_out(rows, layout), **how)
        for moment in moments:
            if moment == moments[0] or refit == 1:
                seen = rows[rows["t"] <= moment - gap * DAY]
                if train_length is not None:
                    seen = seen.groupby("id", sort=False).tail(train_length)
                reference = new_forecaster(layout, channels=joint).fit(
                    laid_out(seen, layout), verbose=0
                )
            expected = predicted(reference, rows, moment, layout)
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
            assert_still_reported(expected, found, until)


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
    positions = rows.index[rows["id"] == "id1"]
    positions = positions if row is None else positions[[row]]
    before = rows.at[positions[0], column]
    rows.loc[positions, column] = 0.125 if column not in "kgc" else "b" if before == "a" else "a"
    return rows


@pytest.mark.parametrize(
    ("column", "row"),
    # Of "id1" the rows 0 .. 10 are known at the moment: 0 .. 7 train, 8 .. 10 are held out.
    [(c, r) for c in ("y", "z", "p", "k", "f", "g") for r in (2, 8)]
    + [("w", 4), ("f", 12), ("g", 12), ("s", None), ("c", None)],
)
def test_the_digest_of_a_fit_sees_everything(column, row):
    """So that the tests above can fail: each known value has its part in a forecast."""
    with hashed_fits():
        one, other = (
            reported(new_forecaster().backtest(frame, cutoffs=[MOMENT], refit=True), MOMENT)
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
    assert_still_reported(one, other, MOMENT)
    pairs = [reported(result, moments[1])["prediction"] for result in (one, other)]
    later = pairs[0].index[pairs[0].index.get_level_values("cutoff") > MOMENT]
    assert not np.isclose(*(pair.loc[later] for pair in pairs)).any()
