"""Copies, artifacts and pickles of forecasters of panels, and other processes: the same bits."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pandas as pd
import pytest

from forecaster import Forecaster, RecurrentNetwork
from forecaster.utils.executors import spawned
from tests.helpers.panel_rows import random_rows
from tests.helpers.panels import (
    forecaster_without_covariates,
    hashed_fits,
    new_forecaster,
    with_noise,
)


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
    model, how = forecaster_without_covariates(), {"cutoffs": 2, "refit": True}
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
