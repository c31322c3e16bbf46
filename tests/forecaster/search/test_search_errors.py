"""What is wrong with a search, or with all of its trials, is said in its words."""

import numpy as np
import pytest

from forecaster import Folds, space
from tests.helpers.searches import small
from tests.helpers.tiny import waves


def broken(hp):
    raise ZeroDivisionError("in the space")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (broken, ValueError, "`space` must give .* failed with a ZeroDivisionError: in the space"),
        (
            lambda hp: hp.Choice("x", [1, 2]),
            TypeError,
            r"`space` must return a dict .* Received: 1",
        ),
        (
            lambda hp: {"unit": hp.Choice("x", [1, 2])},
            ValueError,
            "Parameters must be among those of Forecaster. Received: unit=1",
        ),
        (
            lambda hp: {"horizon": hp.Choice("x", [1, 2])},
            ValueError,
            "`space` must leave horizon as the template has it",
        ),
        (
            lambda hp: {"training__epochs": hp.Choice("x", [0, 2])},
            ValueError,
            "`epochs` must be at least 1. Received: epochs=0",
        ),
        (
            lambda hp: {"normalization": hp.Choice("x", ["first", "last"])},
            ValueError,
            "`normalization` must be one of",
        ),
        (lambda hp: {"channels": "joint"}, ValueError, "`space` must leave something to choose"),
        (
            lambda hp: {"seed": hp.Fixed("x", 3)},
            ValueError,
            "`space` must leave something to choose",
        ),
        (space(cells=["gru", "lstm"]), ValueError, "Received: network__cell='gru'"),  # `dense`
        ("gru", TypeError, r"`space` must be a function \(hp\) -> dict, or None"),
    ],
)
def test_bad_spaces(function, error, message):
    with pytest.raises(error, match=message):
        small(function).fit(waves(), verbose=0)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"forecaster": "gru"}, TypeError, "`forecaster` must be a Forecaster"),
        ({"tuner": "sobol"}, ValueError, "`tuner` must be one of 'random', 'bayesian'"),
        ({"max_trials": 0}, ValueError, "`max_trials` must be at least 1"),
        ({"max_seconds": 0}, ValueError, "`max_seconds` must be finite and above 0"),
        ({"max_seconds": 1e-9}, ValueError, "`max_seconds` must leave time for a trial"),
        ({"folds": 0}, ValueError, "`folds` must be at least 1"),
        ({"folds": Folds(60, cutoffs=1)}, ValueError, r"`folds` must fit .* such folds fit"),
        ({"objective": "accuracy"}, ValueError, "`objective` must be one of 'MAE'"),
        ({"objective": "pinball"}, ValueError, "`objective` must be one of 'MAE'"),
        ({"prune": "yes"}, ValueError, "`prune` must be one of True, False"),
        ({"refit": 2}, ValueError, "`refit` must be one of True, False"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"workers": -1}, ValueError, "`workers` must be at least 0"),
        ({"at_once": 2}, ValueError, "`at_once` must be None where `workers` is a number"),
        ({"directory": __file__}, OSError, "`directory` must be a folder that can be written"),
        ({"directory": f"{__file__}/search"}, OSError, "`directory` must be a folder that can"),
    ],
)
def test_bad_arguments(how, error, message):
    with pytest.raises(error, match=message):
        small().set_params(**how).fit(waves(), verbose=0)


def test_every_trial_failing_says_why_the_first_did():
    def bad(hp):
        return {"training__learning_rate": hp.Choice("rate", [1e30, 1e31])}

    message = (
        r"Every trial failed. The first, with {'training__learning_rate': 1e\+30}, by ValueError: "
        "The fit diverged"
    )
    with pytest.raises(RuntimeError, match=message) as failed:
        small(bad).fit(waves(), verbose=0)
    assert "Traceback" in failed.value.__notes__[0]
    assert "train" in failed.value.__notes__[0]


def test_a_trial_that_diverges_fails_alone():
    def mixed(hp):
        return {"training__learning_rate": hp.Choice("rate", [1e30, 0.01])}

    search = small(mixed, tuner="grid", max_trials=None).fit(waves(), verbose=0)
    assert search.trials_["status"].tolist() == ["failed", "completed"]
    assert search.trials_.loc[0, "error"].startswith("ValueError: The fit diverged")
    assert np.isnan(search.trials_.loc[0, "score"])
    assert search.best_params_ == {"training__learning_rate": 0.01}
    assert "1 failed" in search.report()
