"""TensorBoard logs of trials, for its HParams page: ``tensorboard --logdir search/logs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api

from forecaster.search.objective import Objective
from forecaster.search.trial import Trial


def log_trial(folder: Path, trial: Trial, objective: Objective) -> None:
    """Write parameters and scores of a trial that is over, unless they are there already.

    Args:
        folder: folder of the search's logs, with a folder for each trial.
        trial: the trial; nothing is written for one without a fold.
        objective: the minimized score.
    """
    own = folder / trial.id
    if own.exists() or not trial.folds:
        return
    errors = trial.errors(objective)
    with tf.summary.create_file_writer(str(own)).as_default():
        api.hparams({name: _loggable(v) for name, v in trial.parameters.items()}, trial_id=trial.id)
        for step, error in enumerate(errors, 1):
            tf.summary.scalar("fold", error, step=step)
        tf.summary.scalar(str(objective), np.mean(errors), step=len(errors))
        tf.summary.scalar("seconds", sum(fold.seconds for fold in trial.folds), step=len(errors))


def _loggable(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else str(value)
