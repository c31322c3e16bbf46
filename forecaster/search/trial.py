"""The trials of a search, and the folder in which they are kept.

    search.json             what the search is, which another one must not continue
    oracle.json, tuner0.json, trial_0000/trial.json      as keras-tuner writes them
    trial_0000/fold_1.json  what the trial did in its first fold
    logs/0000/              for TensorBoard (search_logs.py)
    data.npz                the series, for workers (search_worker.py)

The files of folds are the truth: a search that is resumed asks its oracle anew, and every fold that
has a file is not run again. Every file is written whole, and one that holds the same already is
not touched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecaster.evaluation.folds import FoldResult, Objective
from forecaster.search.oracles import PREDECESSOR, ROUND
from forecaster.utils.files import write_plain

if TYPE_CHECKING:
    from keras_tuner import Oracle
    from keras_tuner.engine.trial import Trial as TunerTrial

    from forecaster.forecaster import Forecaster

UNFINISHED, COMPLETED, PRUNED, FAILED = "unfinished", "completed", "pruned", "failed"


@dataclass
class Trial:
    """One proposal: its parameters, what it did, and what became of it.

    Args:
        proposed: keras-tuner's side of it.
        parameters: by the names of `Forecaster.set_params`; what they leave out is the template's.
        forecaster: the template with these parameters, not fitted; None where they are refused.
        original: an earlier trial with the same parameters, whose results are its own too.
        folds: what it did, fold by fold.
        status: "unfinished", "completed", "pruned" or "failed".
        error: why it failed.
        deaths: workers that were lost with it.
    """

    proposed: TunerTrial
    parameters: dict[str, Any] = field(default_factory=dict)
    forecaster: Forecaster | None = None
    original: Trial | None = None
    folds: list[FoldResult] = field(default_factory=list)
    status: str = UNFINISHED
    error: str | None = None
    deaths: int = 0

    @property
    def id(self) -> str:
        """What keras-tuner calls it."""
        return self.proposed.trial_id

    @property
    def values(self) -> dict[str, Any]:
        """What keras-tuner proposed, by its own names."""
        return self.proposed.hyperparameters.values

    @property
    def score(self) -> float | None:
        """What the oracle was told; None before, and if the trial failed."""
        return self.proposed.score

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be run any more."""
        return self.status != UNFINISHED

    def errors(self, objective: Objective) -> list[float]:
        """What is to be made small, fold by fold."""
        return [objective.of(fold.scores) for fold in self.folds]

    def fail(self, error: str) -> None:
        """It is over without a score."""
        self.status, self.error = FAILED, error


def best_trial(trials: Iterable[Trial], objective: Objective) -> Trial | None:
    """The completed trial with the lowest mean error, the first of equals; None without one."""
    completed = [trial for trial in trials if trial.status == COMPLETED and not trial.original]
    return min(completed, key=lambda trial: np.mean(trial.errors(objective)), default=None)


def trials_frame(trials: Iterable[Trial], objective: Objective, folds: int) -> pd.DataFrame:
    """A row a trial, in the order of creation, indexed by keras-tuner's number of it.

    Columns: status; score, the mean over folds, of a pruned trial an estimate of it; spread, the
    standard deviation of the folds that were run; naive, the mean of the seasonal naive forecast in
    these; fold_1 and so on; epochs, the median over folds; weights, numbers in the network;
    seconds; a column for each parameter that any trial names; and error.
    """
    rows, numbered = {}, {n: trial for n, trial in enumerate(trials) if trial.original is None}
    for number, trial in numbered.items():
        errors = trial.errors(objective)
        naive = [objective.of(fold.naive) for fold in trial.folds]
        padded = errors + [math.nan] * (folds - len(errors))
        rows[number] = {
            "status": trial.status,
            "score": math.nan if trial.score is None else trial.score,
            "spread": np.std(errors) if errors else math.nan,
            "naive": np.mean(naive) if naive else math.nan,
            **{f"fold_{fold}": error for fold, error in enumerate(padded, 1)},
            "epochs": np.median([f.epochs for f in trial.folds]) if errors else math.nan,
            "weights": trial.folds[0].weights if errors else math.nan,
            "seconds": sum(fold.seconds for fold in trial.folds),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("trial")
    for name in dict.fromkeys(name for trial in numbered.values() for name in trial.parameters):
        values = [trial.parameters.get(name) for trial in numbered.values()]
        frame[name] = pd.Series(values, frame.index, dtype=object)
    return frame.assign(error=[trial.error for trial in numbered.values()])


def fold_columns(trials: pd.DataFrame) -> list[str]:
    """The columns of a `trials_frame` that hold what was made small, fold by fold."""
    return [name for name in trials if name.startswith("fold_")]


def parameter_columns(trials: pd.DataFrame) -> list[str]:
    """The columns of a `trials_frame` that hold parameters."""
    names = [*trials]
    return names[names.index("seconds") + 1 : names.index("error")]


def value_text(value: Any) -> str:
    """A parameter's value for people."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def mark_pruned_by_hyperband(trials: Iterable[Trial]) -> None:
    """Trials that Hyperband did not go on with, though it did with others of their round."""
    went_on = {trial.values.get(PREDECESSOR) for trial in trials}
    continued = {_round(trial) for trial in trials if trial.id in went_on}
    for trial in trials:
        is_left = trial.id not in went_on and _round(trial) in continued
        if trial.status == COMPLETED and is_left:
            trial.status = PRUNED


def _round(trial: Trial) -> tuple:
    return tuple(trial.values[name] for name in ROUND)


class Journal:
    """The folder of a search; see the top of the file."""

    def __init__(self, folder: Path):
        self.folder = folder
        write_plain(folder / "tuner0.json", {})  # tells keras-tuner that there is something to load

    def fold(self, trial: Trial, number: int) -> FoldResult | str | None:
        """What a trial did in a fold, from 1; a text is an error, None that it was not run.

        Raises:
            ValueError: if the folder holds a trial with other values, or a damaged file.
        """
        file = self._file(trial, number)
        if not file.exists():
            return None
        try:
            note = json.loads(file.read_text(encoding="utf-8"))
            values, error, result = note["values"], note["error"], note["result"]
            found = error if result is None else _result_from_plain(result)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"`directory` must hold what a search wrote. Received: {str(file)!r}, which is "
                "damaged. Delete the file, and the fold is run again."
            ) from error
        if values != trial.values:
            raise ValueError(
                f"`directory` must be empty or hold this search. Received: "
                f"{str(self.folder)!r}, whose trial {trial.id} has the values {values}; now it is "
                f"proposed with {trial.values}. Choose another folder."
            )
        return found

    def write_fold(self, trial: Trial, number: int, result: FoldResult | str) -> None:
        """Keep what a trial did in a fold; a text is an error."""
        is_error = isinstance(result, str)
        note = {
            "values": trial.values,
            "error": result if is_error else None,
            "result": None if is_error else _plain_result(result),
        }
        file = self._file(trial, number)
        file.parent.mkdir(exist_ok=True)
        write_plain(file, note)

    def write_trial(self, trial: Trial) -> None:
        """Write `trial.json`; while a trial runs only if there is none."""
        file = self._file(trial, 0).with_name("trial.json")
        if trial.is_over or not file.exists():
            file.parent.mkdir(exist_ok=True)
            write_plain(file, trial.proposed.get_state())

    def write_oracle(self, oracle: Oracle) -> None:
        """Write `oracle.json`."""
        write_plain(self.folder / "oracle.json", oracle.get_state())

    def _file(self, trial: Trial, number: int) -> Path:
        return self.folder / f"trial_{trial.id}" / f"fold_{number}.json"


def _plain_result(result: FoldResult) -> dict[str, Any]:
    """With None for the numbers that JSON does not have."""
    plain = asdict(result)
    for name in ("scores", "naive"):
        plain[name] = {
            score: value if math.isfinite(value) else None for score, value in plain[name].items()
        }
    return plain


def _result_from_plain(plain: dict[str, Any]) -> FoldResult:
    for name in ("scores", "naive"):
        plain[name] = {
            score: math.nan if value is None else value for score, value in plain[name].items()
        }
    return FoldResult(**plain)
