"""Updates with new rows of some ids, of new ids, and of ids with a hole before them."""

import numpy as np
import pandas as pd
import pytest

import forecaster.engine
from forecaster.data.frame_checks import FrameWarning
from forecaster.training.loop import Part
from tests.helpers.fits import assert_same_weights
from tests.helpers.panel_rows import DAY, quiet, random_rows
from tests.helpers.panels import (
    LONG,
    forecaster_without_covariates,
    new_forecaster,
    ramp_rows,
    with_noise,
)
from tests.helpers.tiny import HORIZON, LENGTH, days, with_random_weights


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
        part = Part.of(task, task.table.lengths, trained)
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


def test_an_update_keeps_what_the_new_rows_leave_out_of_an_id():
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
    model = with_noise(forecaster_without_covariates(weight_column="w"), rows)
    new = rows.assign(t=rows["t"] + 26 * DAY).drop(columns="w")
    try:
        model.update(new)
    except ValueError as error:
        assert "`weight_column`" in str(error) or "'w'" in str(error)  # not one of NumPy's own
