"""Trial store: the folder of a search, from which a killed search is resumed.

    search.json             the identity of the search, which another one must not continue
    oracle.json, tuner0.json, trial_0000/trial.json      as keras-tuner writes them
    trial_0000/fold_1.json  the result of the trial in its first fold
    logs/0000/              for TensorBoard (tensorboard.py)
    data.npz                the series, for workers (fold_task.py)

The fold files alone decide how a search is resumed: its oracle is asked anew, and a fold that has a
file is not run again. Every file is written atomically, and one that holds the same already is not
touched.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from keras_tuner import Oracle

from forecaster.search.fold_task import FoldResult
from forecaster.search.trial import Trial
from forecaster.utils.files import read_json, write_json


class TrialStore:
    """Folder of a search, with the files listed at the top of this module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_json(folder / "tuner0.json", {})  # tells keras-tuner that there is something to load

    def fold(self, trial: Trial, number: int) -> FoldResult | str | None:
        """Read the result of a fold, from 1: an error is a text; None if the fold was not run.

        Raises:
            ValueError: if the folder holds a trial with other values, or a damaged file.
        """
        file = self._file(trial, number)
        if not file.exists():
            return None
        try:
            kept = read_json(file)
            values, error, result = kept["values"], kept["error"], kept["result"]
            found = error if result is None else _result_from_json(result)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
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
        """Write the result of a fold, from 1; a text is an error."""
        kept = {
            "values": trial.values,
            "error": result if isinstance(result, str) else None,
            "result": None if isinstance(result, str) else _result_to_json(result),
        }
        file = self._file(trial, number)
        file.parent.mkdir(exist_ok=True)
        write_json(file, kept)

    def write_trial(self, trial: Trial) -> None:
        """Write `trial.json`; of a trial that is not over, only if there is none."""
        file = self._file(trial, 0).with_name("trial.json")
        if trial.is_over or not file.exists():
            file.parent.mkdir(exist_ok=True)
            write_json(file, trial.proposed.get_state())

    def write_oracle(self, oracle: Oracle) -> None:
        """Write `oracle.json`."""
        write_json(self.folder / "oracle.json", oracle.get_state())

    def _file(self, trial: Trial, number: int) -> Path:
        return self.folder / f"trial_{trial.id}" / f"fold_{number}.json"


def _result_to_json(result: FoldResult) -> dict[str, Any]:
    """Serialize a result, with None for NaN and the infinities."""
    described = asdict(result)
    for name in ("scores", "naive"):
        described[name] = {
            score: value if math.isfinite(value) else None
            for score, value in described[name].items()
        }
    return described


def _result_from_json(described: dict[str, Any]) -> FoldResult:
    if "weights" in described:  # its name in earlier versions
        described["num_parameters"] = described.pop("weights")
    for name in ("scores", "naive"):
        described[name] = {
            score: math.nan if value is None else value for score, value in described[name].items()
        }
    return FoldResult(**described)
