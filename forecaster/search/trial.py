"""Trial of a search: a proposal of the oracle, its results and its status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from forecaster.search.fold_task import FoldResult
from forecaster.search.objective import Objective
from forecaster.search.oracles import PREDECESSOR, ROUND

if TYPE_CHECKING:
    from keras_tuner.engine.trial import Trial as TunerTrial

    from forecaster.forecaster import Forecaster

UNFINISHED, COMPLETED, PRUNED, FAILED = "unfinished", "completed", "pruned", "failed"


@dataclass
class Trial:
    """Trial of a search: a proposal, its results and its status.

    Args:
        proposed: keras-tuner's trial.
        parameters: by the names of `Forecaster.set_params`; the others are the template's.
        forecaster: the template with these parameters, not fitted; None where they are refused.
        duplicate_of: an earlier trial with the same parameters, whose results are used.
        folds: results, fold by fold.
        status: "unfinished", "completed", "pruned" or "failed".
        error: the error of a failed trial.
        deaths: number of workers that died in a fold of the trial.
    """

    proposed: TunerTrial
    parameters: dict[str, Any] = field(default_factory=dict)
    forecaster: Forecaster | None = None
    duplicate_of: Trial | None = None
    folds: list[FoldResult] = field(default_factory=list)
    status: str = UNFINISHED
    error: str | None = None
    deaths: int = 0

    @property
    def id(self) -> str:
        """Return keras-tuner's number of the trial."""
        return self.proposed.trial_id

    @property
    def values(self) -> dict[str, Any]:
        """Return the proposed values, by keras-tuner's names."""
        return self.proposed.hyperparameters.values

    @property
    def score(self) -> float | None:
        """Return the score reported to the oracle; None before, and for a failed trial."""
        return self.proposed.score

    @property
    def is_over(self) -> bool:
        """Return whether no fold remains to be run."""
        return self.status != UNFINISHED

    def errors(self, objective: Objective) -> list[float]:
        """Compute the values of the objective, fold by fold."""
        return [objective.of(fold.scores) for fold in self.folds]

    def fail(self, error: str) -> None:
        """Mark the trial as failed."""
        self.status, self.error = FAILED, error


def best_trial(trials: Iterable[Trial], objective: Objective) -> Trial | None:
    """Return the completed trial with the lowest mean error, the first of equals, or None."""
    completed = [trial for trial in trials if trial.status == COMPLETED and not trial.duplicate_of]
    return min(completed, key=lambda trial: np.mean(trial.errors(objective)), default=None)


def mark_pruned_by_hyperband(trials: Iterable[Trial]) -> None:
    """Mark the trials that Hyperband did not continue though it did others of their round."""
    went_on = {trial.values.get(PREDECESSOR) for trial in trials}
    continued = {_round(trial) for trial in trials if trial.id in went_on}
    for trial in trials:
        is_left = trial.id not in went_on and _round(trial) in continued
        if trial.status == COMPLETED and is_left:
            trial.status = PRUNED


def _round(trial: Trial) -> tuple[Any, ...]:
    return tuple(trial.values[name] for name in ROUND)
