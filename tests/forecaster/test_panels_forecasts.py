"""Forecasts of series below each other: of each id alone, from its own last time, in its layout."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster import Quantiles
from tests.helpers.panel_rows import examples, laid_out, panels, random_rows
from tests.helpers.panels import (
    LONG,
    forecaster_without_covariates,
    hashed_fits,
    listed_windows,
    new_forecaster,
    ramp_rows,
    with_noise,
)
from tests.helpers.tiny import HORIZON, LENGTH, equation, with_random_weights

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


def test_ids_that_the_fit_did_not_see_are_forecast_like_others():
    rows = ramp_rows([40, 30, 3], ["2024-01-01", "2024-01-05", "2024-03-01"])
    rows["y"] += np.random.default_rng(0).normal(size=len(rows))
    model = with_random_weights(rows[rows["id"] == "A"], **LONG)
    forecast = model.predict(rows).set_index("id")["prediction"]
    for label, own in rows.groupby("id"):
        expected = equation(model, own["y"].to_numpy()[-LENGTH:])
        np.testing.assert_allclose(forecast[label], expected, rtol=1e-6)


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


@pytest.mark.parametrize("layout", ["long", "levels"])
@pytest.mark.parametrize("kind", [*KINDS, "integers", "periods"])
def test_times_of_every_kind_go_on_after_each_ids_own_last(kind, layout):
    rows, freq = rows_of_kind(kind)
    ahead = rows.groupby("id").tail(AHEAD)
    known = rows.drop(ahead.index)
    with hashed_fits():
        model = forecaster_without_covariates(layout, horizon=AHEAD, freq=freq)
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
    reported = result.forecasts.groupby(["series", "cutoff"], sort=False)
    found = {key: (own["time"].tolist(), own["actual"].tolist()) for key, own in reported}
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
    model = with_noise(
        forecaster_without_covariates(target=target, output=Quantiles([0.1, 0.9])), rows
    )
    forecast, quantiles = model.predict(), model.predict(quantiles=[0.9, 0.1])
    if target == "y":
        assert forecast.columns.tolist() == ["id", "t", "prediction"]
        assert quantiles.columns.tolist() == ["id", "t", "q0.9", "q0.1"]
    else:
        assert forecast.columns.tolist() == ["id", "t", "z", "y"]
        pairs = [(name, level) for name in ("z", "y") for level in (0.9, 0.1)]
        assert quantiles.columns[2:].tolist() == pairs
