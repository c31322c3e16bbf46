"""Ask/tell oracles: keras-tuner's, which propose the trials of a search, by name.

Who owns what: an oracle proposes values and is given scores; `AskTellOracle` keeps it from printing
and from writing files, which keras-tuner would write anew whenever a search is resumed.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from keras_tuner import HyperParameters, Objective, Oracle
from keras_tuner.engine.trial import Trial as TunerTrial
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.oracles import (
    GridSearchOracle,
    HyperbandOracle,
    RandomSearchOracle,
)

from forecaster.search.bayesian import BayesianOracle

BUDGET = "tuner/epochs"  # Hyperband's name of the epochs of a trial
PREDECESSOR = "tuner/trial_id"  # Hyperband's name of the trial that one continues
ROUND = (BUDGET, "tuner/round")  # the same for all trials of a round
SCORE = "score"  # name of the objective in trial.json


class _FromDefaults(Oracle):
    """Oracle whose first trial has the default values, as `GridSearchOracle`'s has."""

    def _random_values(self) -> dict[str, Any]:
        return super()._random_values() if self.trials else self.get_space().values


class RandomOracle(_FromDefaults, RandomSearchOracle):
    """Random search of keras-tuner, with the default values first."""


class HalvingOracle(_FromDefaults, HyperbandOracle):
    """Hyperband of keras-tuner, with the default values first."""


class GridOracle(GridSearchOracle):
    """Grid search of keras-tuner, which does not wait for trials that run."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        response = super().populate_space(trial_id)
        if response["status"] == TrialStatus.RUNNING:
            self._populate_next.append(trial_id)
        return response


Tuner = Literal["random", "bayesian", "hyperband", "grid"]
TUNERS = get_args(Tuner)


def new_oracle(
    tuner: Tuner | Oracle, space: HyperParameters, *, seed: int, max_epochs: int
) -> Oracle:
    """Make an oracle for a space.

    Args:
        tuner: one of `TUNERS`, or an oracle, which is copied.
        space: every parameter that is known to be free.
        seed: at least 0; keras-tuner's is one more, since it treats 0 as none.
        max_epochs: epochs of a fit, for "hyperband".
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


class AskTellOracle:
    """Ask/tell interface of an oracle, whose files go to a temporary folder.

    Args:
        oracle: is changed: its objective becomes the score that `tell` passes on, minimized.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.tuner_oracle = oracle
        self.state_before = oracle_to_json(oracle)
        oracle.objective = Objective(SCORE, "min")
        oracle.verbose = 0
        oracle.max_consecutive_failed_trials = -1  # the search decides when to give up
        self._folder = tempfile.TemporaryDirectory(prefix="forecaster_search_")
        oracle._set_project_dir(self._folder.name, "oracle")

    @property
    def needs_results(self) -> bool:
        """Return whether proposals depend on the scores of earlier trials."""
        return type(self.tuner_oracle) not in (
            RandomOracle,
            GridOracle,
            RandomSearchOracle,
            GridSearchOracle,
        )

    def ask(self) -> TunerTrial:
        """Propose a trial; its status is RUNNING, IDLE (ask again later) or STOPPED (no more)."""
        with _quiet():
            return self.tuner_oracle.create_trial(str(len(self.tuner_oracle.start_order)))

    def tell(self, trial: TunerTrial, score: float | None, message: str | None) -> None:
        """Report the score of a trial that `ask` proposed; None for one that failed."""
        with _quiet():
            if score is not None:
                self.tuner_oracle.update_trial(trial.trial_id, {SCORE: score})
            trial.status = TrialStatus.FAILED if score is None else TrialStatus.COMPLETED
            trial.message = message
            self.tuner_oracle.end_trial(trial)

    def __enter__(self) -> AskTellOracle:
        return self

    def __exit__(self, *_: Any) -> None:
        self._folder.cleanup()


def oracle_to_json(oracle: Oracle) -> dict[str, Any]:
    """Serialize the settings of an oracle, except its space, to JSON-compatible values."""
    state = oracle.get_state()
    del state["hyperparameters"], state["display"]
    return {"class": type(oracle).__name__, **state}


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the warnings of keras-tuner, and of the optimizer of the Gaussian process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
