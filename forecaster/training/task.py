"""Task of a fit: data, network and settings, how it is run, and the rows that it trains on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from forecaster.data.series_table import SeriesTable
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.time_features import TimeFeatures
from forecaster.network.core import Core
from forecaster.network.heads import Point, Quantiles
from forecaster.network.normalization import Normalization
from forecaster.training.settings import Training
from forecaster.training.validation import observes


@dataclass(frozen=True, eq=False)
class Run:
    """Execution options of a fit: callbacks, distribution, checkpoints, progress.

    Args:
        callbacks: of Keras, called in the validated fit, and in the refit if they are to see it.
        strategy: distributes the gradient steps.
        resume_dir: folder of the checkpoints after each epoch.
        report: called with a line of progress at a time.
        warn: called with what is wrong with a fit that is no failure.
    """

    callbacks: Sequence[keras.callbacks.Callback] = ()
    strategy: tf.distribute.Strategy | None = None
    resume_dir: Path | None = None
    report: Callable[[str], None] = lambda line: None
    warn: Callable[[str], None] = lambda message: None


@dataclass(frozen=True, eq=False)
class Task:
    """Data, network and settings of a fit, shared by the validated fit and the refit.

    Args:
        table: the series.
        time_features: calendar features of their times.
        spec: shapes, season and seed of the windows.
        network: makes the core.
        normalization: of each window.
        output: head and error.
        training: loss, epochs, early stopping.
        is_joint: whether a window holds all targets.
        run: execution options.
    """

    table: SeriesTable
    time_features: TimeFeatures
    spec: WindowSpec
    network: Core
    normalization: Normalization
    output: Point | Quantiles
    training: Training
    is_joint: bool
    run: Run = Run()

    @property
    def first_cutoff(self) -> int:
        """Return the first cutoff of a training window in a series."""
        return first_cutoff(self.spec)


def first_cutoff(spec: WindowSpec) -> int:
    """Return the first cutoff of training windows: a season, or a window if that is shorter."""
    return min(spec.season_length, spec.input_length)


def rows_needed(spec: WindowSpec, training: Training) -> int:
    """Compute the fewest rows of an id that leave one window to train on."""
    known = first_cutoff(spec) + spec.horizon
    rows = known + spec.horizon
    while rows - training.validation_rows(rows, spec.horizon) < known:
        rows += 1
    return rows


def train_rows(task: Task) -> np.ndarray:
    """Count the training rows of each id, without its held-out last rows: (I,).

    Raises:
        ValueError: if they are too few for a window, or hold too few values.
    """
    table, spec = task.table, task.spec
    rows = table.lengths
    of_ids = np.maximum(rows - task.training.validation_rows(rows, spec.horizon), 0)
    known = task.first_cutoff + spec.horizon
    if of_ids.max() < known:
        raise ValueError(
            f"`frame` must have at least {rows_needed(spec, task.training)} rows: a season of "
            f"history and a horizon to learn from, then the validation part. Received: "
            f"{rows.max()} rows{'' if table.num_ids == 1 else ' of the longest id'}. Give more "
            "rows, or a shorter `horizon`, `season_length` or `validation`."
        )
    long = np.flatnonzero(of_ids >= known)
    last, first = of_ids[long], np.full(len(long), task.first_cutoff)
    has_past = observes(table, long, np.zeros_like(first), last - spec.horizon)
    has_target = observes(table, long, first, last)
    if not (has_past & has_target).any():
        raise ValueError(
            f"`frame` must have values in its first {of_ids.max()} rows, which train: some to "
            "look back on, and some to learn from. Received: too few. Give a shorter `validation`, "
            "or a frame that begins where its values begin."
        )
    return of_ids
