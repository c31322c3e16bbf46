"""Backtests on series below each other: the reference is a loop over one series."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.panel_rows import START, examples, panels, random_rows
from tests.helpers.panels import (
    forecaster_without_covariates,
    hashed_fits,
    listed_windows,
    new_forecaster,
    ramp_rows,
)


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


@pytest.mark.parametrize("target", ["y", ["y", "z"]])
def test_scores_of_series_carry_their_labels(target):
    """Against the mean over the rows of `forecasts`."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0)[["id", "t", "y", "z"]]
    with hashed_fits():
        result = forecaster_without_covariates(target=target).backtest(rows, cutoffs=5)
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
        result = forecaster_without_covariates().backtest(rows, cutoffs=times)
    expected = listed_windows(rows, sorted(map(pd.Timestamp, times)), 2, 3, ["y"])
    assert result.series.tolist() == [label for label, *_ in expected]
    assert result.cutoffs.tolist() == [cutoff for _, cutoff, *_ in expected]
    assert result.series.tolist() == ["A", "B", "C", "A", "B", "C", "A", "C"]
    with pytest.raises(ValueError, match="must be times that have a whole horizon after them"):
        forecaster_without_covariates().backtest(rows, cutoffs=["2024-02-08"])
    with pytest.raises(ValueError, match="must be on the grid"):
        forecaster_without_covariates().backtest(rows, cutoffs=["2024-02-01 12:00"])


@pytest.mark.parametrize("refit", [False, True])
def test_a_cutoff_at_which_no_id_is_scored(refit):
    """Between the end of "A" and the start of "B", and behind both, where "C" has two rows."""
    spans = [30, 30, 2], ["2024-01-01", "2024-03-01", "2024-04-05"]
    rows = ramp_rows(*spans)
    with hashed_fits():
        result = forecaster_without_covariates().backtest(rows, cutoffs=3, refit=refit)
        assert result.cutoffs.tolist() == list(pd.date_range("2024-03-26", periods=3))
        assert result.series.unique().tolist() == ["B"]
        result = forecaster_without_covariates().backtest(rows, cutoffs=2, stride=40, refit=refit)
        # Forty days before the newest cutoff lies the hole, eighty days before it the 8th.
        assert result.cutoffs.tolist() == [pd.Timestamp("2024-01-08"), pd.Timestamp("2024-03-28")]
        with pytest.raises(ValueError, match="whole horizon"):
            forecaster_without_covariates().backtest(
                rows, cutoffs=["2024-01-20", "2024-02-10"], refit=refit
            )
