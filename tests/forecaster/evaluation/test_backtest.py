"""Rolling origin: which rows are read, which are fitted on, and what is scored."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forecaster.evaluation.backtest import choose_cutoffs, run_backtest
from tests.helpers.tables import days, read


class Witness:
    """A model whose fits report, as forecasts, what they were fitted on and what they may read.

    The series is a ramp, so a value is its own row. Step 1 of a forecast is the first row of the
    fit, step 2 the number of the fit's rows, step 3 the newest row before the cutoff.
    """

    def __init__(self, horizon=3, needs=2):
        self.horizon, self.needs = horizon, needs

    def fit_table(self, table):
        return Witnessed(table.values[0])

    def rows_needed(self, table):
        return self.needs


class Witnessed:
    """The fit of a `Witness`."""

    def __init__(self, seen):
        self.seen = seen

    def forecast_table(self, table, ids, cutoffs):
        assert (ids == 0).all()
        answers = [(self.seen[0], len(self.seen), table.values[0, c - 1]) for c in cutoffs]
        return np.array(answers)[:, None, :, None]

    def reason_to_refit(self, model, table, until):
        return "it has seen too much" if len(self.seen) > table.rows_until(until)[0] else None


def ramp(rows):
    return pd.DataFrame({"a": np.arange(float(rows))}, index=days(rows))


def witnessed(
    rows, fitted=None, *, cutoffs, stride=1, refit=0, gap=0, train_length=None, workers=0, needs=2
):
    """What a `Witness` reports from each cutoff: first row, number of rows, newest row read."""
    table = read(ramp(rows))
    chosen = choose_cutoffs(table, 3, cutoffs, stride)
    result = run_backtest(
        Witness(needs=needs),
        table,
        chosen,
        levels=(),
        season_length=1,
        fitted=fitted,
        refit=refit,
        gap=gap,
        train_length=train_length,
        workers=workers,
    )
    assert np.array_equal(result.actual, chosen[:, None] + np.arange(3))
    assert np.array_equal(result.naive, np.repeat(chosen[:, None] - 1, 3, axis=1))
    assert result.cutoffs.equals(days(rows)[chosen - 1])
    return chosen, result.prediction.astype(int)


@given(
    rows=st.integers(6, 60),
    cutoffs=st.integers(1, 12),
    stride=st.integers(1, 5),
    refit=st.integers(0, 4),
    gap=st.integers(0, 4),
    train_length=st.none() | st.integers(2, 20),
)
@settings(max_examples=150, deadline=None)
def test_which_rows_are_fitted_on_and_which_are_read(
    rows, cutoffs, stride, refit, gap, train_length
):
    assume(rows - 3 - (cutoffs - 1) * stride - gap >= 2)
    chosen, reported = witnessed(
        rows, cutoffs=cutoffs, stride=stride, refit=refit, gap=gap, train_length=train_length
    )
    assert len(chosen) == cutoffs
    assert chosen[-1] == rows - 3
    assert (np.diff(chosen) == stride).all()
    every = refit or cutoffs
    for number, (cutoff, (first, count, newest)) in enumerate(zip(chosen, reported, strict=True)):
        assert newest == cutoff - 1
        fit_end = chosen[number // every * every] - gap  # of the last refit before
        assert first + count == fit_end
        assert count == (fit_end if train_length is None else min(train_length, fit_end))


def test_cutoffs_as_times():
    times = days(30)
    chosen, reported = witnessed(30, cutoffs=[times[20], times[9], "2024-01-16", times[20]])
    assert chosen.tolist() == [10, 16, 21]
    assert reported[:, 2].tolist() == [9, 15, 20]
    assert witnessed(30, cutoffs=times[[26]])[0].tolist() == [27]
    assert witnessed(30, cutoffs=np.int64(2), stride=5)[0].tolist() == [22, 27]


def test_weights_at_hand_are_used_where_they_may(caplog):
    fitted = Witness().fit_table(read(ramp(20)))
    assert witnessed(30, cutoffs=8)[1][0].tolist() == [0, 20, 19]  # nothing is set aside
    assert witnessed(30, fitted, cutoffs=8)[1][0].tolist() == [0, 20, 19]  # fitted up to cutoff 20
    assert caplog.text == ""
    assert witnessed(30, fitted, cutoffs=8, gap=1)[1][0].tolist() == [0, 19, 19]
    assert "A fresh clone is fitted once, before the first cutoff: it has seen too" in caplog.text
    assert witnessed(30, fitted, cutoffs=9)[1][0].tolist() == [0, 19, 18]
    assert len(fitted.seen) == 20


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"cutoffs": 28},
            ValueError,
            r"=28, stride=1, horizon=3; they need 31.* has 30. At most 27",
        ),
        ({"cutoffs": 10, "stride": 3}, ValueError, r"they need 31 rows, .* At most 9 fit"),
        ({"cutoffs": 0}, ValueError, "`cutoffs` must be at least 1"),
        ({"cutoffs": True}, TypeError, "`cutoffs` must be an integer"),
        ({"cutoffs": 2, "stride": 0}, ValueError, "`stride` must be at least 1"),
        ({"cutoffs": 2.5}, TypeError, r"`cutoffs` must be an integer or a list of times.*=2.5"),
        (
            {"cutoffs": "2024-01-09"},
            TypeError,
            r"or a list of times.*'2024-01-09'. For one time wr",
        ),
        ({"cutoffs": pd.Timestamp("2024-01-09")}, TypeError, "or a list of times.* a list of one"),
        (
            {"cutoffs": []},
            ValueError,
            r"Received: none; horizon=3. Only the first 27 of 30 rows do",
        ),
        (
            {"cutoffs": days(30)[20:]},
            ValueError,
            r"Received: 2024-01-28 .*, 2024-01-30 00:00:00; ho",
        ),
        ({"cutoffs": ["2024-01-01T12"]}, ValueError, "must be on the grid.*time='2024-01-01T12'"),
        (
            {"cutoffs": ["soon"]},
            ValueError,
            "must be on the grid of the data. Received: time='soon'",
        ),
        (
            {"cutoffs": 26, "gap": 1},
            ValueError,
            r"leave at least 2 rows to fit on\. Received: 26 cutoffs, gap=1; up to the first one, "
            r"2024-01-02 00:00:00, it is 1 rows\. 25 of the cutoffs leave enough: give fewer",
        ),
        (
            {"cutoffs": 2, "gap": 40, "refit": 1},
            ValueError,
            r"it is 0 rows\. 0 of the cutoffs leave",
        ),
        (
            {"cutoffs": 2, "train_length": 1, "refit": 1},
            ValueError,
            "`train_length` must be at least 2, the few",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_any_fit(arguments, error, message, monkeypatch):
    monkeypatch.setattr(Witness, "fit_table", lambda *_: pytest.fail("it fitted"))
    with pytest.raises(error, match=message):
        witnessed(30, **arguments)


def test_rounding_noise_is_neither_a_scale_nor_a_baseline():
    """A sine repeats itself to 1e-16, by which MASE would be 1e15, and skill as far below 0."""
    frame = pd.DataFrame({"a": 5 + np.sin(2 * np.pi * np.arange(96) / 12)}, index=days(96))
    table = read(frame)
    result = run_backtest(
        Witness(), table, choose_cutoffs(table, 3, 4, 1), levels=(), season_length=12
    )
    scores = result.scores()
    assert scores.loc["naive", "MAE"] < 1e-14
    assert scores[["MASE", "RMSSE", "skill"]].isna().all(axis=None)
    assert scores.loc["prediction", "MAE"] > 1
