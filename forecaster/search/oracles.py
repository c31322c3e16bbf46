"""keras-tuner's oracles, which propose the trials of a search: by name, asked and told.

Who owns what: an oracle proposes values and is told scores; `Proposer` keeps it off the screen and
off the disk, where keras-tuner would write every file anew whenever a search is resumed.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras_tuner import HyperParameters, Objective, Oracle
from keras_tuner.engine.trial import Trial as TunerTrial
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.oracles import (
    GridSearchOracle,
    HyperbandOracle,
    RandomSearchOracle,
)

from forecaster.search.bayesian import BayesianOracle

BUDGET = "tuner/epochs"  # what Hyperband calls the epochs that it gives to a trial
PREDECESSOR = "tuner/trial_id"  # the trial that one goes on from
ROUND = (BUDGET, "tuner/round")  # the same for all that compete with each other
SCORE = "score"  # what the objective is called in trial.json


class _FromDefaults:
    """The first trial has the default values, as `GridSearchOracle`'s has."""

    def _random_values(self):
        return super()._random_values() if self.trials else self.get_space().values


class RandomOracle(_FromDefaults, RandomSearchOracle):
    """keras-tuner's, from the default values on."""


class HalvingOracle(_FromDefaults, HyperbandOracle):
    """keras-tuner's Hyperband, from the default values on."""


class GridOracle(GridSearchOracle):
    """keras-tuner's, which goes on from trials that still run: their results are not needed."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        response = super().populate_space(trial_id)
        if response["status"] == TrialStatus.RUNNING:
            self._populate_next.append(trial_id)
        return response


TUNERS = ("random", "bayesian", "hyperband", "grid")


def new_oracle(
    tuner: str | Oracle, space: HyperParameters, *, seed: int, max_epochs: int
) -> Oracle:
    """A fresh oracle for a space.

    Args:
        tuner: one of `TUNERS`, or an oracle, which is copied.
        space: every parameter that is known to be free.
        seed: from 0; keras-tuner would take 0 for none.
        max_epochs: of a fit, for "hyperband".
    """
    if isinstance(tuner, Oracle):
        oracle = copy.deepcopy(tuner)
        oracle.update_space(space)
        return oracle
    common = {"hyperparameters": space, "seed": seed + 1}
    if tuner == "random":
        return RandomOracle(max_trials=None, **common)
    if tuner == "bayesian":
        return BayesianOracle(max_trials=None, **common)
    if tuner == "grid":
        return GridOracle(**common)
    return HalvingOracle(max_epochs=max_epochs, **common)


class Proposer:
    """An oracle that is asked for trials and told their scores, in a folder that nobody sees.

    Args:
        oracle: is changed: its objective becomes the score that it is told, which is made small.
    """

    def __init__(self, oracle: Oracle):
        self.oracle = oracle
        self.state_before = plain_state(oracle)
        oracle.objective = Objective(SCORE, "min")
        oracle.verbose = 0
        oracle.max_consecutive_failed_trials = -1  # the search decides what is too much
        self._folder = tempfile.TemporaryDirectory(prefix="forecaster_search_")
        oracle._set_project_dir(self._folder.name, "oracle")

    @property
    def needs_results(self) -> bool:
        """Whether what is proposed depends on the scores that were told."""
        return type(self.oracle) not in (
            RandomOracle,
            GridOracle,
            RandomSearchOracle,
            GridSearchOracle,
        )

    def ask(self) -> TunerTrial:
        """The next trial; its status is RUNNING, IDLE (ask again later) or STOPPED (no more)."""
        with _quiet():
            return self.oracle.create_trial(str(len(self.oracle.start_order)))

    def tell(self, trial: TunerTrial, score: float | None, message: str | None) -> None:
        """The score of a trial that `ask` gave; None where it has none, because it failed."""
        with _quiet():
            if score is not None:
                self.oracle.update_trial(trial.trial_id, {SCORE: score})
            trial.status = TrialStatus.FAILED if score is None else TrialStatus.COMPLETED
            trial.message = message
            self.oracle.end_trial(trial)

    def __enter__(self) -> Proposer:
        return self

    def __exit__(self, *_: Any) -> None:
        self._folder.cleanup()


def plain_state(oracle: Oracle) -> dict[str, Any]:
    """What another oracle of the kind would differ in, but the space, as plain data."""
    state = oracle.get_state()
    del state["hyperparameters"], state["display"]
    return {"class": type(oracle).__name__, **state}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings: of keras-tuner's old calls, and of the Gaussian process' optimizer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
