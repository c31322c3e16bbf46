"""The one fit loop: time-ordered validation, early stopping, refit, progress, resume.

Who owns what:

* Keras owns the gradient steps: ``model.fit`` on an endless stream of batches, many steps an
  execution, compiled by XLA where an epoch is long enough to be worth it.
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

from forecaster.checks import check_choice, check_integer, check_positive, check_steps_or_fraction
from forecaster.epochs import EpochEnd, FitHistory
from forecaster.judge import Judge, series_scales
from forecaster.network import compiles_with_xla
from forecaster.output import Point, Quantiles
from forecaster.table import SeriesTable
from forecaster.windows import Cutoffs, WindowSource, WindowSpec, training_batches

# An epoch visits every window, but is never so short that judging takes longer than training,
# and never so long that early stopping comes too late.
SHORTEST_EPOCH, LONGEST_EPOCH = 32, 256  # gradient steps
LONGEST_EXECUTION = 32  # gradient steps
HOPELESS = 1e6  # times the seasonal naive's error


@dataclass(frozen=True)
class Training:
    """How a network is fitted.

    Args:
        epochs: the most epochs, at least 1. An epoch visits every window once, but takes at
            least 32 and at most 256 gradient steps.
        batch_size: windows in a gradient step, at least 1.
        learning_rate: of Adam, above 0.
        loss: "mae" or "mse" for point forecasts, "pinball" for quantiles; "auto" is the first
            that fits. Errors count in units of each series' own scale.
        patience: epochs without a better validation score after which training stops.
        validation: the newest part of the data, which judges and does not train: a number of
            steps of `freq`, or a fraction between 0 and 1. It is never shorter than a horizon.
        refit: whether fresh weights are then fitted on all rows, for the best number of epochs.

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

    def __post_init__(self):
        check_integer("epochs", self.epochs, minimum=1)
        check_integer("batch_size", self.batch_size, minimum=1)
        check_positive("learning_rate", self.learning_rate)
        check_choice("loss", self.loss, ("auto", "mae", "mse", "pinball"))
        check_integer("patience", self.patience, minimum=1)
        check_steps_or_fraction("validation", self.validation)
        check_choice("refit", self.refit, (True, False))

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

    def validation_rows(self, rows: int, horizon: int) -> int:
        """How many of `rows` rows judge."""
        is_number = isinstance(self.validation, Integral)
        return max(self.validation if is_number else int(self.validation * rows), horizon)


@dataclass(frozen=True)
class Task:
    """Everything that a fit is about, the same for its validated run and its refit.

    Args:
        table, source: the series, and where their windows are gathered from.
        spec: shapes, season and seed of the windows.
        output: head and error.
        training: how to fit.
        new_model: makes a model with fresh weights, and its compiled forward pass.
        callbacks: of Keras; they see both runs.
        strategy: distributes the gradient steps.
        resume_dir: where the state after each epoch is kept.
        report: takes a line of progress at a time.
    """

    table: SeriesTable
    source: WindowSource
    spec: WindowSpec
    output: Point | Quantiles
    training: Training
    new_model: Callable[[], tuple[keras.Model, Callable]]
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


def train(task: Task) -> tuple[keras.Model, Callable, FitHistory]:
    """Find the number of epochs on the newest rows, then fit fresh weights on all rows.

    Returns:
        The model, its compiled forward pass, and the history of the validated fit.

    Raises:
        ValueError: if the table has too few rows or values, or the fit diverges.
    """
    training, rows, train_rows = task.training, task.table.num_rows, _train_rows(task)
    loss = training.loss_for(task.output)
    judge = Judge(task.table, task.source, task.spec, task.output, loss, train_rows)
    history = FitHistory(naive_score=judge.naive_score)
    fitted = _fit(task, "validated", train_rows, training.epochs, history, judge)
    _check_converged(task, min(history.validation_score), history.naive_score)
    if training.refit:
        task.report(f"refit on all {rows} rows for {history.best_epoch} epochs")
        again = FitHistory()
        fitted = _fit(task, "refitted", rows, history.best_epoch, again)
        _check_converged(task, again.loss[-1], history.naive_score)
    return *fitted, history


def train_on(task: Task, model: keras.Model, first: int) -> None:
    """Go on from the weights of `model`: visit every window with a cutoff from `first` on once.

    Whatever ends it early, the weights are then what they were.

    Raises:
        ValueError: if the table is so short that there is no such window, or the fit diverges.
    """
    rows = task.table.num_rows
    cutoffs = Cutoffs.between(first, task.source.lengths - task.spec.horizon)
    if not len(cutoffs):
        raise ValueError(
            f"`frame` must have at least {first + task.spec.horizon} rows: history, then a horizon "
            f"to learn from. Received: {rows} rows. Give more of the history before the new rows."
        )
    count, length = _executions(math.ceil(len(cutoffs) / task.training.batch_size))
    _compile(task, model, count, length)
    batches, before = _batches(task, cutoffs, rows), model.get_weights()
    try:
        fit = model.fit(batches, steps_per_epoch=count * length, shuffle=False, verbose=0)
        _check_converged(task, fit.history["loss"][-1])
    except BaseException:  # Ctrl-C too: half an update has seen rows that nobody would know of
        model.set_weights(before)
        raise


def rows_needed(spec: WindowSpec, training: Training) -> int:
    """The fewest rows that leave one window to learn from."""
    known = first_cutoff(spec) + spec.horizon
    rows = known + spec.horizon
    while rows - training.validation_rows(rows, spec.horizon) < known:
        rows += 1
    return rows


def _train_rows(task: Task) -> int:
    """How many rows train, the newest of all left out, after a check that they are enough."""
    rows, spec, values = task.table.num_rows, task.spec, task.table.values
    train_rows = rows - task.training.validation_rows(rows, spec.horizon)
    if train_rows < task.first_cutoff + spec.horizon:
        raise ValueError(
            f"`frame` must have at least {rows_needed(spec, task.training)} rows: a season of "
            f"history and a horizon to learn from, then the validation part. Received: {rows} "
            "rows. Give more rows, or a shorter `horizon`, `season_length` or `validation`."
        )
    has_past = ~np.isnan(values[:, : train_rows - spec.horizon]).all(axis=1)
    has_target = ~np.isnan(values[:, task.first_cutoff : train_rows]).all(axis=1)
    if not (has_past & has_target).any():
        raise ValueError(
            f"`frame` must have values in its first {train_rows} rows, which train: some to look "
            "back on, and some to learn from. Received: too few. Give a shorter `validation`, or a "
            "frame that begins where its values begin."
        )
    return train_rows


def _fit(task, name, rows, epochs, history, judge=None) -> tuple[keras.Model, Callable]:
    """Fit fresh weights on the first `rows` rows."""
    with task.strategy.scope() if task.strategy else nullcontext():
        model, forward = task.new_model()
    last = task.source.lengths - (task.table.num_rows - rows) - task.spec.horizon
    cutoffs = Cutoffs.between(task.first_cutoff, last)
    steps = math.ceil(len(cutoffs) / task.training.batch_size)
    count, length = _executions(min(max(steps, SHORTEST_EPOCH), LONGEST_EPOCH))
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
            _batches(task, cutoffs, rows, first_batch=done * count * length),
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
            keras.optimizers.Adam(task.training.learning_rate),
            loss=OutputError(task.output, task.training.loss_for(task.output)),
            jit_compile=is_alone and executions > 1 and compiles_with_xla(model),
            steps_per_execution=steps_per_execution if is_alone else 1,
        )
        model.optimizer.build(model.trainable_variables)


def _batches(task: Task, cutoffs: Cutoffs, rows: int, first_batch: int = 0) -> tf.data.Dataset:
    """Batches in which an error counts in units of its series' scale in the first `rows` rows."""
    scale = series_scales(task.table.values, rows, task.spec.season_length)
    scale = np.where(np.isnan(scale), 1.0, scale)
    power = 2 if task.training.loss_for(task.output) == "mse" else 1
    # (S,) -> (n, S')
    weights = (scale**-power).reshape(task.source.num_series, task.source.channels)
    return training_batches(
        task.source,
        cutoffs,
        task.spec,
        task.training.batch_size,
        weights.astype(np.float32),
        first_batch,
    )


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
