"""The one fit loop: time-ordered validation, early stopping, refit, progress, resume.

Who owns what:

* Keras owns the gradient steps: ``model.fit`` on an endless stream of batches, many steps an
  execution, compiled by XLA where an epoch is long enough to be worth it.
* `AveragedAdam` (averaging.py) owns the weights' running averages, which are judged and kept.
* `Judge` (judge.py) owns the validation score, computed by the same forward pass as forecasts.
* `EpochEnd` (epochs.py) owns what happens between epochs: which weights are best, when to stop,
  what is reported, and what a killed fit goes on from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from forecaster.data.reading import SeriesTable
from forecaster.inputs.covariate_coder import CovariateCoder, new_source
from forecaster.inputs.time_features import TimeFeatures
from forecaster.inputs.windows import Cutoffs, WindowSource, WindowSpec, training_batches
from forecaster.network.covariate_encoder import CovariateKinds
from forecaster.network.heads import Point, Quantiles
from forecaster.network.model import compiles_with_xla, set_scaling
from forecaster.training.callbacks import EpochEnd, FitHistory
from forecaster.training.optimizer import AveragedAdam
from forecaster.training.validation import Judge, observes, series_scales
from forecaster.utils.checks import (
    check_choice,
    check_integer,
    check_positive,
    check_steps_or_fraction,
)

# An epoch visits every window, but is never so short that judging takes longer than training,
# and never so long that early stopping comes too late.
SHORTEST_EPOCH, LONGEST_EPOCH = 32, 256  # gradient steps
LONGEST_EXECUTION = 32  # gradient steps
HOPELESS = 1e6  # times the seasonal naive's error


@dataclass(frozen=True)
class Training:
    """How a network is fitted: by Adam, whose weights are averaged over its newest steps.

    Args:
        epochs: the most epochs, at least 1. An epoch visits every window once, but takes at
            least 32 and at most 256 gradient steps.
        batch_size: windows in a gradient step, at least 1.
        learning_rate: of Adam, above 0.
        loss: "mae" or "mse" for point forecasts, "pinball" for quantiles; "auto" is the first
            that fits. Errors count in units of each series' own scale.
        patience: epochs without a better validation score after which training stops.
        validation: the newest part of each id's rows, which judges and does not train: a number
            of steps of `freq`, or a fraction between 0 and 1. It is never shorter than a horizon.
        refit: whether fresh weights are then fitted on all rows, for the best number of epochs.
        windows_per_epoch: a smaller number of windows for an epoch to visit, others in each, at
            least 1. On long data a fit then stops after fewer gradient steps, so it takes less
            time. None is all.
        equal_series: whether every series counts the same; else every window does, so that long
            series count more than short ones.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if an argument lies outside its range.
    """

    epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 1e-3
    loss: str = "auto"
    patience: int = 10
    validation: int | float = 0.2
    refit: bool = True
    windows_per_epoch: int | None = None
    equal_series: bool = False

    def __post_init__(self):
        check_integer("epochs", self.epochs, minimum=1)
        check_integer("batch_size", self.batch_size, minimum=1)
        check_positive("learning_rate", self.learning_rate)
        check_choice("loss", self.loss, ("auto", "mae", "mse", "pinball"))
        check_integer("patience", self.patience, minimum=1)
        check_steps_or_fraction("validation", self.validation)
        check_choice("refit", self.refit, (True, False))
        if self.windows_per_epoch is not None:
            check_integer("windows_per_epoch", self.windows_per_epoch, minimum=1)
        check_choice("equal_series", self.equal_series, (True, False))

    def loss_for(self, output: Point | Quantiles) -> str:
        """The loss that `output` is trained with."""
        if self.loss == "auto":
            return output.losses[0]
        if self.loss not in output.losses:
            raise ValueError(
                f"`loss` must be one of {', '.join(output.losses)} for output={output!r}. "
                f'Received: loss={self.loss!r}. Leave loss="auto" for the one that fits.'
            )
        return self.loss

    def epoch_steps(self, windows: int) -> int:
        """Gradient steps in an epoch, where there are so many windows."""
        visited = min(windows, self.windows_per_epoch or windows)
        return min(max(math.ceil(visited / self.batch_size), SHORTEST_EPOCH), LONGEST_EPOCH)

    def validation_rows(self, rows: int | np.ndarray, horizon: int) -> np.ndarray:
        """How many of so many rows of an id judge: (I,) -> (I,)."""
        is_number = isinstance(self.validation, Integral)
        wanted = self.validation if is_number else np.floor(self.validation * rows).astype(np.int64)
        return np.maximum(wanted, horizon)


@dataclass(frozen=True)
class Task:
    """Everything that a fit is about, the same for its validated run and its refit.

    Args:
        table: the series.
        time_features: what is known of their times.
        spec: shapes, season and seed of the windows.
        output: head and error.
        training: how to fit.
        is_joint: whether a window holds all targets.
        new_model: makes a model with fresh weights for such covariates, and its forward pass.
        callbacks: of Keras; they see both runs.
        strategy: distributes the gradient steps.
        resume_dir: where the state after each epoch is kept.
        report: takes a line of progress at a time.
    """

    table: SeriesTable
    time_features: TimeFeatures
    spec: WindowSpec
    output: Point | Quantiles
    training: Training
    is_joint: bool
    new_model: Callable[[CovariateKinds], tuple[keras.Model, Callable]]
    callbacks: Sequence[keras.callbacks.Callback] = ()
    strategy: tf.distribute.Strategy | None = None
    resume_dir: Path | None = None
    report: Callable[[str], None] = lambda line: None

    @property
    def first_cutoff(self) -> int:
        """The first cutoff of a series that is learned from."""
        return first_cutoff(self.spec)


def first_cutoff(spec: WindowSpec) -> int:
    """A window may begin before its series does, but sees a season of it."""
    return min(spec.season_length, spec.input_length)


@dataclass(frozen=True)
class Part:
    """The rows of a task that are learned from, and what is fixed before the first gradient step.

    Args:
        rows: (I,) how many rows of each id, the oldest.
        coder: what these rows know of the covariates.
        source: what windows are gathered from.
    """

    rows: np.ndarray
    coder: CovariateCoder
    source: WindowSource

    @classmethod
    def of(cls, task: Task, rows: np.ndarray, coder: CovariateCoder | None = None) -> Part:
        """The first `rows` (I,) of each id; without a `coder` they are what one is learned from."""
        if coder is None:
            coder = CovariateCoder.learned(task.table, rows, task.time_features)
        return cls(rows, coder, new_source(task.table, coder, task.spec, joint=task.is_joint))

    def cutoffs(self, first: int | np.ndarray, horizon: int) -> Cutoffs:
        """The cutoffs from `first`, one or (I,), on that have a whole horizon in these rows."""
        last = self.rows - horizon
        first = np.broadcast_to(first, last.shape)
        return Cutoffs.between(self.source.of_series(first), self.source.of_series(last))


def train(
    task: Task, epochs: int | None = None
) -> tuple[CovariateCoder, keras.Model, Callable, FitHistory]:
    """Find the number of epochs on the newest rows, then fit fresh weights on all rows.

    Args:
        task: what is learned from, and how.
        epochs: the number of epochs, where it is known already: then no row judges.

    Returns:
        What was learned of the covariates, the model, its compiled forward pass, and the history
        of the validated fit; without one, of the only fit.

    Raises:
        ValueError: if the table has too few rows or values, or the fit diverges.
    """
    if epochs is not None:
        return _train_for(task, epochs)
    training, part = task.training, Part.of(task, _train_rows(task))
    loss = training.loss_for(task.output)
    judge = Judge(task.table, part.source, task.spec, task.output, loss, part.rows)
    history = FitHistory(naive_score=judge.naive_score)
    fitted = _fit(task, "validated", part, training.epochs, history, judge)
    _check_converged(task, min(history.validation_score), history.naive_score)
    if training.refit:
        task.report(f"refit on all {task.table.num_rows} rows for {history.best_epoch} epochs")
        coder, *fitted, _ = _train_for(task, history.best_epoch, history.naive_score)
        return coder, *fitted, history
    return part.coder, *fitted, history


def _train_for(
    task: Task, epochs: int, naive_score: float = math.inf
) -> tuple[CovariateCoder, keras.Model, Callable, FitHistory]:
    """Fit fresh weights on all rows."""
    part, history = Part.of(task, task.table.lengths), FitHistory()
    fitted = _fit(task, "refitted", part, epochs, history)
    _check_converged(task, history.loss[-1], naive_score)
    return part.coder, *fitted, history


def train_on(task: Task, coder: CovariateCoder, model: keras.Model, first: np.ndarray) -> None:
    """Go on from the weights of `model`: visit every window with a cutoff from `first` on once.

    Whatever ends it early, the weights are then what they were.

    Args:
        task: what is learned from.
        coder: that of the model.
        model: is changed.
        first: (I,) a cutoff for each id.

    Raises:
        ValueError: if the table is so short that there is no such window, or the fit diverges.
    """
    horizon, part = task.spec.horizon, Part.of(task, task.table.lengths, coder)
    cutoffs = part.cutoffs(first, horizon)
    if not len(cutoffs):
        raise ValueError(
            f"`frame` must have at least {first.min() + horizon} rows: history, then a horizon to "
            f"learn from. Received: {part.rows[first.argmin()]} rows. Give more of the history "
            "before the new rows."
        )
    count, length = _executions(math.ceil(len(cutoffs) / task.training.batch_size))
    _compile(task, model, count, length)
    batches, before = _batches(task, part, cutoffs), model.get_weights()
    try:
        fit = model.fit(batches, steps_per_epoch=count * length, shuffle=False, verbose=0)
        _check_converged(task, fit.history["loss"][-1])
    except BaseException:  # Ctrl-C too: half an update has seen rows that nobody would know of
        model.set_weights(before)
        raise


def rows_needed(spec: WindowSpec, training: Training) -> int:
    """The fewest rows of an id that leave one window to learn from."""
    known = first_cutoff(spec) + spec.horizon
    rows = known + spec.horizon
    while rows - training.validation_rows(rows, spec.horizon) < known:
        rows += 1
    return rows


def _train_rows(task: Task) -> np.ndarray:
    """How many rows of each id train, its newest left out: (I,), after a check for enough."""
    table, spec = task.table, task.spec
    rows = table.lengths
    train_rows = np.maximum(rows - task.training.validation_rows(rows, spec.horizon), 0)
    known = task.first_cutoff + spec.horizon
    if train_rows.max() < known:
        raise ValueError(
            f"`frame` must have at least {rows_needed(spec, task.training)} rows: a season of "
            f"history and a horizon to learn from, then the validation part. Received: "
            f"{rows.max()} rows{'' if table.num_ids == 1 else ' of the longest id'}. Give more "
            "rows, or a shorter `horizon`, `season_length` or `validation`."
        )
    long = np.flatnonzero(train_rows >= known)
    last, first = train_rows[long], np.full(len(long), task.first_cutoff)
    has_past = observes(table, long, np.zeros_like(first), last - spec.horizon)
    has_target = observes(table, long, first, last)
    if not (has_past & has_target).any():
        raise ValueError(
            f"`frame` must have values in its first {train_rows.max()} rows, which train: some to "
            "look back on, and some to learn from. Received: too few. Give a shorter `validation`, "
            "or a frame that begins where its values begin."
        )
    return train_rows


def _fit(task, name, part, epochs, history, judge=None) -> tuple[keras.Model, Callable]:
    """Fit fresh weights on a part of the rows."""
    with task.strategy.scope() if task.strategy else nullcontext():
        model, forward = task.new_model(part.coder.kinds)
        set_scaling(model, part.coder.scaling(task.table, part.rows))
    cutoffs = part.cutoffs(task.first_cutoff, task.spec.horizon)
    count, length = _executions(task.training.epoch_steps(len(cutoffs)))
    _compile(task, model, count, length)
    epoch_end = EpochEnd(
        history,
        epochs,
        task.training.patience,
        score=judge and partial(judge, forward),
        checkpoint=task.resume_dir and task.resume_dir / f"{name}.npz",
        report=task.report,
    )
    epoch_end.set_model(model)
    done = epoch_end.resume()
    try:
        model.fit(
            _batches(task, part, cutoffs, first_batch=done * count * length),
            epochs=done if epoch_end.is_done else epochs,
            initial_epoch=done,
            steps_per_epoch=count * length,
            callbacks=[epoch_end, *task.callbacks],
            shuffle=False,
            verbose=0,
        )
    except tf.errors.InvalidArgumentError as error:
        reasons = [line for line in error.message.splitlines() if "trying to compile" in line]
        if not reasons:
            raise
        raise ValueError(
            "`network` must be made of operations that XLA compiles, or say which layer is not. "
            f"Received: {reasons[0]}. Build it of keras.layers and keras.ops, or set "
            "`supports_jit = False` on that layer."
        ) from error
    return model, forward


def _executions(steps: int) -> tuple[int, int]:
    """Number and length of executions that make so many steps, or hardly more.

    Keras runs whole executions only: of two with 32 steps each, all 64 when asked for 33.
    """
    count = math.ceil(steps / LONGEST_EXECUTION)
    return count, math.ceil(steps / count)


def _compile(task: Task, model: keras.Model, executions: int, steps_per_execution: int) -> None:
    """Make the model ready for epochs of so many executions, with a fresh optimizer.

    XLA halves the time of a step, but takes seconds and 60 MB that it never gives back: too much
    where an epoch is one execution.
    """
    strategy = model.distribute_strategy
    # An XLA computation reaches the variables of one device only, and Keras's loop over several
    # steps has no place for the inputs of several devices.
    is_alone = strategy.num_replicas_in_sync == 1
    with strategy.scope():
        model.compile(
            AveragedAdam(task.training.learning_rate),
            loss=OutputError(task.output, task.training.loss_for(task.output)),
            jit_compile=is_alone and executions > 1 and compiles_with_xla(model),
            steps_per_execution=steps_per_execution if is_alone else 1,
        )
        model.optimizer.build(model.trainable_variables)


def _batches(task: Task, part: Part, cutoffs: Cutoffs, first_batch: int = 0) -> tf.data.Dataset:
    """Batches in which an error counts in units of its series' scale in the part's rows."""
    scale = series_scales(task.table, part.rows, task.spec.season_length)
    scale = np.where(np.isnan(scale), 1.0, scale)
    power = 2 if task.training.loss_for(task.output) == "mse" else 1
    weights = scale**-power  # (S, I)
    if task.table.weights is not None:
        weights /= _mean_weight(task.table, part)
    # Joint: (S, I) -> (I, S). Independent: (S, I) -> (S * I, 1).
    weights = weights.T if task.is_joint else weights.reshape(-1, 1)
    if task.training.equal_series:
        counts = cutoffs.counts[:, None]  # windows of each series
        weights = weights * len(cutoffs) / np.count_nonzero(counts) / np.maximum(counts, 1)
    return training_batches(
        part.source,
        cutoffs,
        task.spec,
        task.training.batch_size,
        weights.astype(np.float32),
        first_batch,
    )


def _mean_weight(table: SeriesTable, part: Part) -> float:
    """What a row counts on average: only the ratios of weights matter."""
    total = sum(
        chunk.weights[chunk.is_among_first(part.rows[ids])].sum() for ids, chunk in table.chunks()
    )
    if not total > 0:
        raise ValueError(
            "`weight_column` must hold weights above 0 in the rows that train. Received: 0 in all "
            f"of the first {part.rows.max()} rows. Give a shorter `validation`, or other weights."
        )
    return total / part.rows.sum()


def _check_converged(task: Task, error: float, naive_score: float = math.inf) -> None:
    """Whether an error is one that a fit can end with, beside that of the seasonal naive.

    A naive that is perfect on its windows is no measure, so the unit of errors is one as well.
    """
    if not error < HOPELESS * max(naive_score, 1.0):
        raise ValueError(
            "The fit diverged: its loss or its validation score is not finite, or hopelessly "
            f"large. Received: learning_rate={task.training.learning_rate!r}. Try a smaller one."
        )


class OutputError(keras.losses.Loss):
    """The error of an output, value by value; of a plain function Keras would squeeze `y_pred`."""

    def __init__(self, output: Point | Quantiles, loss: str):
        super().__init__(name=loss)
        self.output, self.loss = output, loss

    def call(self, y_true, y_pred):
        """(B, H, S') and (B, H, S', width) -> (B, H, S')."""
        return self.output.error(y_true, y_pred, self.loss)
