"""A fold is a backtest after a fit on what lies before it, and nothing of it reaches that fit."""

from types import SimpleNamespace

import numpy as np
import pytest

from forecaster import Quantiles
from forecaster.engine import Engine
from forecaster.search.fold_task import FoldSettings, FoldTask, run_fold, write_table
from tests.helpers.arrays import make_table, ramp
from tests.helpers.tiny import HORIZON, engine, tiny, waves


class Spy:
    """An engine that keeps what it is fitted on, and forecasts the last value."""

    horizon = 4
    model = SimpleNamespace(count_params=lambda: 17)
    trained = SimpleNamespace(history=SimpleNamespace(best_epoch=6), model=model)

    def fit_table(self, table):
        self.seen = table.values.copy()
        return self

    def forecast_table(self, table, ids, cutoffs):
        last = table.values[:, cutoffs - 1].T  # (K, S)
        return np.repeat(last[:, :, None, None], self.horizon, axis=2)

    def rows_needed(self, table):
        return 5

    def reason_to_refit(self, model, table, until):
        return None


@pytest.mark.parametrize("window", [None, 11])
def test_a_fold_is_fitted_on_the_rows_before_it(window):
    table, spy = make_table(ramp(2, 60)), Spy()
    result = run_fold(spy, table, np.array([40, 43]), FoldSettings(window, (), 4))
    np.testing.assert_array_equal(spy.seen, ramp(2, 60)[:, 40 - (window or 40) : 40])
    # A ramp that goes on, forecast by its last value: errors of 1, 2, 3 and 4.
    assert result.scores["MAE"] == 2.5
    assert result.naive["MAE"] == 4.0  # the season before
    assert (result.epochs, result.num_parameters) == (6, 17)
    assert result.seconds > 0


@pytest.mark.parametrize("output", ["point", Quantiles([0.1, 0.5, 0.9])])
def test_a_fold_is_a_backtest(output):
    frame = waves()
    cutoffs = np.array([50, 52, 54])
    driver = engine(tiny(output=output))
    levels = () if output == "point" else output.levels
    result = run_fold(driver, driver.read(frame), cutoffs, FoldSettings(None, levels, 7))
    times = [frame.index[cutoff - 1] for cutoff in cutoffs]
    scores = tiny(output=output).backtest(frame, cutoffs=times).scores()
    assert result.scores == scores.loc["prediction"].to_dict()
    for name, score in scores.loc["naive"].items():
        np.testing.assert_equal(result.naive[name], score)
    assert result.epochs in (1, 2)
    assert result.num_parameters == tiny(output=output).fit(frame, verbose=0).model_.count_params()


def test_held_out_rows_are_not_seen():
    """Early stopping has rows of its own, before them."""
    frame, cutoffs = waves(), np.array([50, 52])
    changed = frame.copy()
    changed.iloc[50:] = 1e3
    fits = []

    class Watched(Engine):
        def fit_table(self, table, **how):
            fits.append(super().fit_table(table, **how))
            return fits[-1]

    for version in (frame, changed):
        driver = Watched(engine(tiny()).config)
        run_fold(driver, driver.read(version), cutoffs, FoldSettings(None, (), 7))
    weights = [fitted.trained.model.get_weights() for fitted in fits]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert fits[-1].last_rows.end == frame.index[49]
    assert HORIZON < 50


def test_a_task_reads_the_table_from_its_file(tmp_path):
    table, spy = make_table(ramp(2, 60)), Spy()
    where = write_table(tmp_path / "data.npz", table)
    result = FoldTask(where, spy, np.array([40, 43]), FoldSettings(None, (), 4))()
    assert result.scores["MAE"] == 2.5
    np.testing.assert_array_equal(spy.seen, ramp(2, 60)[:, :40])


def test_a_task_reports_a_failure_by_its_result():
    class Broken(Spy):
        def fit_table(self, table):
            raise ZeroDivisionError("no unit")

    task = FoldTask(make_table(ramp(1, 60)), Broken(), np.array([40]), FoldSettings(None, (), 4))
    first, rest = task().split("\n", 1)
    assert first == "ZeroDivisionError: no unit"
    assert "fit_table" in rest  # where it came from
