"""Fits that look well and are not: what is refused, what is warned of, and what is neither."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from forecaster import FrameWarning, Quantiles, Training
from forecaster.training.convergence import (
    check_converged,
    check_updated,
    complaint_of,
    spread_of,
)
from tests.helpers.arrays import NAN, make_table
from tests.helpers.tiny import days, tiny, waves


def test_the_spread_is_that_of_the_rows_that_train():
    values = np.array([[0, 2, 0, 2, 1e9, 0, 10, 20, 30, NAN, 40, 50.0]])
    table = make_table(values, [5, 7])
    # In rows 0 .. 3: deviation 1, scale 2. In rows 5 .. 10: 10, 20, 30 and 40 with 0 before them.
    deviation, scale = np.std([0, 10, 20, 30, 40]), 10
    expected = np.mean([1 / 2, deviation / scale])
    assert spread_of(table, np.array([4, 6]), 1) == pytest.approx(expected)
    assert spread_of(make_table(np.ones((2, 9))), np.array([9]), 1) == math.inf


@pytest.mark.parametrize(("loss", "power"), [("mae", 1), ("mse", 2), ("pinball", 1)])
def test_what_diverged_is_refused_in_units_of_the_series(loss, power):
    training = Training(learning_rate=7.0)
    for error in (0.0, 1.0, 299.0**power):
        check_converged(training, "last", loss, error, 3.0)
    for error in (301.0**power, math.inf, NAN):
        with pytest.raises(ValueError, match=r"The fit diverged: .* Received: learning_rate=7\.0"):
            check_converged(training, "last", loss, error, 3.0)
    check_converged(
        training, "last", loss, 999.0**power, 3.0, 10.0**power
    )  # hard for the naive too
    check_converged(training, "last", loss, 99.0**power, 1e-9)  # a unit counts as one
    check_converged(training, "last", loss, 1e9, math.inf)  # nothing varies
    with pytest.raises(ValueError, match="is nan "):
        check_converged(training, "last", loss, NAN, math.inf)

    check_updated(training, loss, 1e-9, 2.9**power)
    check_updated(training, loss, 100.0**power, 299.0**power)
    for before, after in ((1e-9, 3.1), (100.0, 301.0), (1.0, NAN), (1.0, math.inf)):
        with pytest.raises(
            ValueError, match=r"The fit diverged: .* which are kept, .* Received: l"
        ):
            check_updated(training, loss, before**power, after**power)


def test_what_is_worse_than_the_naive_is_told_with_both_figures():
    for loss, power in (("mae", 1), ("mse", 2)):
        error, naive = 4.0**power, 1.25**power
        told = complaint_of(loss, error, 5.0, naive, was_cut_off=False)
        assert "error 4, seasonal naive 1.25 (1 is" in told
        assert "learning_rate" in told and "backtest" in told
        assert complaint_of(loss, error, 5.0, naive, was_cut_off=True) is None
        assert complaint_of(loss, 3.7**power, 5.0, naive, was_cut_off=False) is None
        told = complaint_of(loss, 38.0**power, 5.0, naive, was_cut_off=True)
        assert "`epochs`" in told and "error 38," in told
    # A naive without error is no measure: what is good beside a constant is good enough.
    assert complaint_of("mae", 1.4, 5.0, 0.0, was_cut_off=False) is None
    assert complaint_of("mae", 1.6, 5.0, 0.0, was_cut_off=False)


@pytest.mark.parametrize(
    ("rate", "output"),
    [(1.0, "point"), (1e2, "point"), (1e3, Quantiles([0.1, 0.9])), (1e6, "point"), (1e12, "point")],
)
def test_no_learning_rate_is_too_large_in_silence(rate, output):
    training = Training(epochs=3, patience=1, batch_size=8, learning_rate=rate, refit=False)
    model = tiny(training=training, output=output)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            model.fit(waves(), verbose=0)
        except ValueError as error:
            assert rate > 1
            assert "The fit diverged" in str(error)
            return
    history = model.history_
    ratio = min(history.validation_score) / history.naive_score
    was_cut_off = history.best_epoch == 3
    if ratio > (30 if was_cut_off else 3):
        said = [(warning.category, warning.filename) for warning in seen]
        assert said == [(FrameWarning, __file__)]
        assert "worse than the seasonal naive" in str(seen[0].message)
    else:
        assert not seen
        assert rate == 1


NORMAL = np.random.default_rng(5).normal(size=70)
HARD = {  # to forecast: nothing is wrong with fits of these
    "random walk": np.cumsum(NORMAL),
    "noise": NORMAL,
    "counts": np.random.default_rng(5).poisson(0.3, 70),
    "trend": np.arange(70) * 1e3,
    "nothing but a season": 1e9 + 10 * np.sin(2 * np.pi * np.arange(70) / 7),
    "growth": np.exp(np.arange(70) / 5 + NORMAL / 10),
    "a level that jumps": np.where(np.arange(70) < 60, 0, 1e3) + NORMAL,
    "one that varies": np.where(np.arange(70) == 20, 1e3, 1e-3 * NORMAL),
}


@pytest.mark.parametrize("kind", HARD)
def test_fits_of_hard_series_are_neither_refused_nor_warned_of(kind):
    """A warning is an error here; of outliers and the like there may be one."""
    training = Training(epochs=12, batch_size=16, learning_rate=0.01, patience=4, refit=False)
    frame = pd.DataFrame({"a": HARD[kind]}, index=days(70), dtype=float)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`frame` holds values 10,000 times", FrameWarning)
        model = tiny(training=training).fit(frame, verbose=0)
    assert np.isfinite(model.history_.loss).all()


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1.0, 1e6])
def test_an_update_with_too_large_steps_changes_nothing(rate):
    model = tiny(training=Training(epochs=9, batch_size=8, learning_rate=0.02, refit=False))
    model.fit(waves(), verbose=0)
    before, end = model.model_.get_weights(), model.train_end_
    model.set_params(training__learning_rate=rate)
    with pytest.raises(ValueError, match=r"The fit diverged: .* Received: learning_rate="):
        model.update(waves(days(75)))
    for one, other in zip(model.model_.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.train_end_ == end
    model.set_params(training__learning_rate=1e-3)
    assert model.update(waves(days(75))).train_end_ > end
