"""Folds lie behind each other in time, and nothing of a fold reaches what is judged on it."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from forecaster.evaluation.folds import Folds, Objective, run_fold
from forecaster.network.heads import Quantiles
from tests.helpers.fits import make_table, ramp
from tests.helpers.tiny import HORIZON, tiny, waves

SCORES = {"MAE": 4.0, "RMSE": 5.0, "MASE": 2.0, "skill": 0.25, "coverage": 0.7, "pinball": 1.0}


@given(
    rows=st.integers(20, 400),
    horizon=st.integers(1, 12),
    needed=st.integers(2, 40),
    count=st.integers(1, 5),
    cutoffs=st.none() | st.integers(1, 20),
    stride=st.none() | st.integers(1, 7),
    season=st.sampled_from([1, 7, 12, 24]),
)
def test_blocks_lie_behind_each_other(rows, horizon, needed, count, cutoffs, stride, season):
    table = make_table(ramp(1, rows))
    try:
        blocks = Folds(count, cutoffs, stride).blocks(table, horizon, season, needed)
    except ValueError as error:
        least = 1 if cutoffs is None else cutoffs
        assert "`folds` must fit into the frame" in str(error)
        assume(stride is not None or cutoffs is None)
        assert needed + (count * least - 1) * (stride or 1) + horizon > rows
        return
    together = np.concatenate(blocks)
    assert len(blocks) == count
    assert {len(block) for block in blocks} == {len(blocks[0])}
    assert cutoffs in (None, len(blocks[0]))
    steps = np.diff(together)
    assert (steps == (steps[0] if stride is None else stride)).all() if len(steps) else True
    assert together[0] >= needed  # enough rows to fit on
    assert together[-1] == rows - horizon  # the newest rows are judged
    if cutoffs is None:
        span = len(blocks[0]) * (steps[0] if len(steps) else 1)
        assert len(blocks[0]) <= 48
        assert span <= max(horizon, rows // 10) + (stride or 0) + season


def test_too_many_folds_say_how_many_fit():
    table = make_table(ramp(1, 100))
    message = (
        r"Received: 9 folds of 5 cutoffs, stride=2, horizon=10, in 100 rows, of which the first 30 "
        r"are needed to fit on\. 6 such folds fit"
    )
    with pytest.raises(ValueError, match=message):
        Folds(9, 5, 2).blocks(table, 10, 1, 30)
    assert len(Folds(6, 5, 2).blocks(table, 10, 1, 30)) == 6
    with pytest.raises(ValueError, match=r"0 such folds fit"):
        Folds(1).blocks(make_table(ramp(1, 12)), 10, 1, 30)


def test_a_window_must_be_enough_to_fit_on():
    with pytest.raises(ValueError, match=r"`window` must be at least 30.*Received: window=29"):
        Folds(1, window=29).blocks(make_table(ramp(1, 100)), 10, 1, 30)


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ({"count": 0}, ValueError, "`folds` must be at least 1. Received: folds=0"),
        ({"count": 1.5}, TypeError, "`folds` must be an integer"),
        ({"cutoffs": 0}, ValueError, "`cutoffs` must be at least 1"),
        ({"stride": 0}, ValueError, "`stride` must be at least 1"),
        ({"window": True}, TypeError, "`window` must be an integer"),
    ],
)
def test_bad_folds(how, kind, message):
    with pytest.raises(kind, match=message):
        Folds(**how)


class Spy:
    """A forecaster that keeps what it is fitted on, and forecasts the last value."""

    horizon = 4

    class history_:
        best_epoch = 6

    class model_:
        count_params = staticmethod(lambda: 17)

    def fit_table(self, table):
        self.seen = table.values.copy()
        return self

    def forecast_table(self, table, ids, cutoffs):
        last = table.values[:, cutoffs - 1].T  # (K, S)
        return np.repeat(last[:, :, None, None], self.horizon, axis=2)

    def rows_needed(self, table):
        return 5

    def reason_to_refit(self, table, until):
        return None


@pytest.mark.parametrize("window", [None, 11])
def test_a_fold_is_fitted_on_the_rows_before_it(window):
    table, spy = make_table(ramp(2, 60)), Spy()
    result = run_fold(spy, table, np.array([40, 43]), window=window, levels=(), season_length=4)
    np.testing.assert_array_equal(spy.seen, ramp(2, 60)[:, 40 - (window or 40) : 40])
    # A ramp that goes on, forecast by its last value: errors of 1, 2, 3 and 4.
    assert result.scores["MAE"] == 2.5
    assert result.naive["MAE"] == 4.0  # the season before
    assert (result.epochs, result.weights) == (6, 17)
    assert result.seconds > 0


@pytest.mark.parametrize("output", ["point", Quantiles([0.1, 0.5, 0.9])])
def test_a_fold_is_a_backtest(output):
    frame = waves()
    cutoffs = np.array([50, 52, 54])
    model = tiny(output=output)
    levels = () if output == "point" else output.levels
    result = run_fold(
        model, model.read_table(frame), cutoffs, window=None, levels=levels, season_length=7
    )
    times = [frame.index[cutoff - 1] for cutoff in cutoffs]
    scores = tiny(output=output).backtest(frame, cutoffs=times).scores()
    assert result.scores == scores.loc["prediction"].to_dict()
    for name, score in scores.loc["naive"].items():
        np.testing.assert_equal(result.naive[name], score)
    assert result.epochs in (1, 2)
    assert result.weights == model.model_.count_params()


def test_the_rows_that_are_judged_are_not_seen():
    """Early stopping has rows of its own, before them."""
    frame, cutoffs = waves(), np.array([50, 52])
    changed = frame.copy()
    changed.iloc[50:] = 1e3
    weights = []
    for version in (frame, changed):
        model = tiny()
        table = model.read_table(version)
        run_fold(model, table, cutoffs, window=None, levels=(), season_length=7)
        weights.append(model.model_.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.train_end_ == frame.index[49]
    assert HORIZON < 50


@pytest.mark.parametrize(
    ("names", "levels", "value"),
    [
        (("MAE",), (), 4.0),
        (("skill",), (), 0.75),
        (("MAE", "RMSE"), (), 4.5),
        (("MASE", "skill"), (), 1.375),
        (("pinball",), (0.5,), 1.0),
        (("coverage",), (0.1, 0.5, 0.9), 0.1),  # 0.8 promised
        (("coverage",), (0.25, 0.75), 0.2),
    ],
)
def test_objectives_are_made_small(names, levels, value):
    assert Objective(names, levels).of(SCORES) == pytest.approx(value)


def test_objectives_have_names():
    assert str(Objective(("MASE",), ())) == "MASE"
    assert str(Objective(("MASE", "MAE"), ())) == "mean of MASE, MAE"


@pytest.mark.parametrize(
    ("names", "levels", "message"),
    [
        (("accuracy",), (), "`objective` must be one of 'MAE', .*Received: objective='accuracy'"),
        (("pinball",), (), "`objective` must be one of"),
        (("coverage",), (0.5, 0.9), "`objective` must be one of .*'pinball'. Received"),
        (("mase",), (), "Received: objective='mase'"),
        ((), (), "`objective` must name a score"),
    ],
)
def test_bad_objectives(names, levels, message):
    with pytest.raises(ValueError, match=message):
        Objective(names, levels)
