"""The fit loop: validation on the last rows, early stopping, refit, progress, resume.

Who owns what:

* `Task` (task.py) owns data, network and settings, and says which rows train.
* `Part` owns the training rows of a fit, and what is fitted on them before any gradient step: the
  covariate coder (inputs/covariate_coder.py) and the spreads of the series (inputs/spreads.py).
* `build_model` (network/model.py) owns the fresh weights.
* `training_batches` (inputs/batches.py) owns the endless stream of windows.
* Keras owns the gradient steps: ``model.fit`` on that stream, many steps an execution, compiled by
  XLA where an epoch is long enough to be worth it.
* `AveragedAdam` (optimizer.py) owns the weights' running averages, which are scored and kept.
* `ValidationScorer` (validation.py) owns the validation score, computed by the same forward pass as
  forecasts.
* `EpochCallback` (callbacks.py) owns what happens between epochs: best weights, early stopping,
  progress, and the checkpoint that a killed fit resumes from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from forecaster.data.ragged import is_among_first
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_parts import table_chunks
from forecaster.inputs.batches import TrainingCut, training_batches
from forecaster.inputs.covariate_coder import CovariateCoder, new_source
from forecaster.inputs.spec import Forward
from forecaster.inputs.spreads import Spreads
from forecaster.inputs.windows import Cutoffs, WindowSource
from forecaster.network.model import build_model, compile_forward, compiles_with_xla, set_scaling
from forecaster.training.callbacks import EpochCallback, FitHistory, sees_refit
from forecaster.training.convergence import check_converged, check_updated, complaint_of, spread_of
from forecaster.training.execution import compile_execution
from forecaster.training.losses import OutputError
from forecaster.training.optimizer import AveragedAdam
from forecaster.training.task import Task, train_rows
from forecaster.training.validation import ValidationScorer, series_scales

LONGEST_EXECUTION = 32  # gradient steps
CHECKED = 16  # batches of an update whose errors are compared


@dataclass(frozen=True)
class Part:
    """Training rows of a task, and what is fitted on them before the first gradient step.

    Args:
        rows: (I,) number of training rows of each id, its first ones.
        coder: columns and categories of the covariates in these rows.
        spreads: of the series in these rows; None where windows are not normalized.
        source: arrays that windows are gathered from.
    """

    rows: np.ndarray
    coder: CovariateCoder
    spreads: Spreads | None
    source: WindowSource

    @classmethod
    def of(cls, task: Task, rows: np.ndarray, trained: Trained | None = None) -> Part:
        """Return the part with the first `rows` (I,) of each id, as `trained` knows it if given."""
        table = task.table
        if trained is None:
            coder = CovariateCoder.learned(table, rows, task.time_features)
            is_raw = task.normalization == "none"
            spreads = None if is_raw else Spreads.learned(table, rows)
        else:
            coder, spreads = trained.coder, trained.spreads
        source = new_source(table, coder, task.spec, joint=task.is_joint, spreads=spreads)
        return cls(rows, coder, spreads, source)

    def cutoffs(self, first: int | np.ndarray, horizon: int) -> Cutoffs:
        """Return the cutoffs from `first`, one or (I,), on with a whole horizon in these rows."""
        last = self.rows - horizon
        first = np.broadcast_to(first, last.shape)
        return Cutoffs.between(self.source.of_series(first), self.source.of_series(last))


@dataclass(frozen=True, eq=False)
class Trained:
    """Result of a fit.

    Args:
        coder: fitted columns and categories of the covariates.
        model: from windows to forecasts, both in the units of the windows (inputs/units.py).
        forward: its compiled forward pass.
        history: of the validated fit; without one, of the only fit.
        spreads: of the series; None where windows are in the targets' units.
    """

    coder: CovariateCoder
    model: keras.Model
    forward: Forward
    history: FitHistory
    spreads: Spreads | None = None


def train(task: Task, epochs: int | None = None) -> Trained:
    """Find the best number of epochs by early stopping, then retrain from scratch on all rows.

    Args:
        task: data, network and settings.
        epochs: number of epochs, if it is known already: then no row is held out.

    Raises:
        ValueError: if the table has too few rows or values, or the fit diverges.
    """
    if epochs is not None:
        return _train_on_all_rows(task, epochs)
    part = Part.of(task, train_rows(task))
    loss = task.training.loss_for(task.output)
    scorer = ValidationScorer(task.table, part.source, task.spec, task.output, loss, part.rows)
    history = FitHistory(naive_score=scorer.naive_score)
    validated = _fit(task, "validated", part, task.training.epochs, history, scorer)
    best_score, naive_score = min(history.validation_score), history.naive_score
    spread = spread_of(task.table, part.rows, task.spec.season_length)
    check_converged(task.training, task.normalization, loss, best_score, spread, naive_score)
    was_cut_off = history.best_epoch == task.training.epochs
    if complaint := complaint_of(loss, best_score, spread, naive_score, was_cut_off=was_cut_off):
        task.run.warn(complaint)
    if not task.training.refit:
        return validated
    task.run.report(f"refit on all {task.table.num_rows} rows for {history.best_epoch} epochs")
    retrained = _train_on_all_rows(task, history.best_epoch, history)
    return replace(retrained, history=history)


def _train_on_all_rows(task: Task, epochs: int, validated: FitHistory | None = None) -> Trained:
    """Fit on all rows; after a validated fit, with the learning rates of its epochs."""
    part, history, rates = Part.of(task, task.table.lengths), FitHistory(), []
    if validated is not None:
        seeing = [callback for callback in task.run.callbacks if sees_refit(callback)]
        task = replace(task, run=replace(task.run, callbacks=seeing))
        given = np.float32(task.training.learning_rate)
        if any(rate != given for rate in validated.learning_rate):  # a callback has changed it
            rates = validated.learning_rate
    trained = _fit(task, "refitted", part, epochs, history, rates=rates)
    spread = spread_of(task.table, part.rows, task.spec.season_length)
    loss = task.training.loss_for(task.output)
    check_converged(task.training, task.normalization, loss, history.loss[-1], spread)
    return trained


def train_further(task: Task, trained: Trained, first: np.ndarray) -> None:
    """Train existing weights on every window with a cutoff from `first` on, each once.

    If it is interrupted or fails, the weights are restored.

    Args:
        task: data and settings.
        trained: its model is changed.
        first: (I,) a cutoff for each id.

    Raises:
        ValueError: if the table is so short that there is no such window, or the fit diverges.
    """
    horizon, model = task.spec.horizon, trained.model
    part = Part.of(task, task.table.lengths, trained)
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
    error = _error_in(batches, trained.forward, model.loss)
    try:
        model.fit(batches, steps_per_epoch=count * length, shuffle=False, verbose=0)
        after = _error_in(batches, trained.forward, model.loss)
        check_updated(task.training, model.loss.loss, error, after)
    except BaseException:  # Ctrl-C too: half an update has learned from rows that are not recorded
        model.set_weights(before)
        raise
    finally:
        model.train_function = None


def _error_in(batches: tf.data.Dataset, forward: Forward, loss: OutputError) -> float:
    """Compute the mean weighted error of forecasts in the first windows of a stream."""
    errors = []
    for inputs, target, weight in batches.take(CHECKED):
        error = weight * loss.call(target, forward(inputs))
        errors.append(np.where(weight > 0, error, 0).mean())  # what does not count may be NaN
    return float(np.mean(errors))


def _fit(
    task: Task,
    name: str,
    part: Part,
    epochs: int,
    history: FitHistory,
    scorer: ValidationScorer | None = None,
    rates: Sequence[float] = (),
) -> Trained:
    """Fit fresh weights on the training rows, or resume the fit of this `name`."""
    with task.run.strategy.scope() if task.run.strategy else nullcontext():
        kinds = part.coder.kinds
        model = build_model(task.network, task.spec, task.normalization, task.output, kinds)
        forward = compile_forward(model)
        set_scaling(model, part.coder.scaling())
    cutoffs = part.cutoffs(task.first_cutoff, task.spec.horizon)
    count, length = _executions(task.training.epoch_steps(len(cutoffs)))
    _compile(task, model, count, length)
    epoch_callback = EpochCallback(
        history,
        epochs,
        task.training.patience,
        score=None if scorer is None else partial(scorer, forward),
        checkpoint=None if task.run.resume_dir is None else task.run.resume_dir / f"{name}.npz",
        report=task.run.report,
        learning_rates=rates,
    )
    epoch_callback.set_model(model)
    done = epoch_callback.resume()
    try:
        model.fit(
            _batches(task, part, cutoffs, first_batch=done * count * length),
            epochs=done if epoch_callback.is_done else epochs,
            initial_epoch=done,
            steps_per_epoch=count * length,
            callbacks=epoch_callback.around([] if epoch_callback.is_done else task.run.callbacks),
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
    model.train_function = None  # 30 MB of compiled code, which a fitted model needs no more
    return Trained(part.coder, model, forward, history, part.spreads)


def _executions(steps: int) -> tuple[int, int]:
    """Compute number and length of executions for so many steps, or hardly more.

    Keras runs whole executions only: two of 32 steps, so 64 in all, for 33 steps.
    """
    count = math.ceil(steps / LONGEST_EXECUTION)
    return count, math.ceil(steps / count)


def _compile(task: Task, model: keras.Model, executions: int, steps_per_execution: int) -> None:
    """Compile the model for epochs of so many executions, with a fresh optimizer.

    XLA halves the time of a step, but compiling takes seconds, and 30 MB until the fit ends: too
    much where an epoch is one execution.
    """
    strategy = model.distribute_strategy
    # An XLA computation reaches the variables of one device only, and Keras's loop over several
    # steps does not support the inputs of several devices.
    is_alone = strategy.num_replicas_in_sync == 1
    with strategy.scope():
        model.compile(
            AveragedAdam(task.training.learning_rate),
            loss=OutputError(task.output, task.training.loss_for(task.output)),
            jit_compile=is_alone and executions > 1 and compiles_with_xla(model),
            steps_per_execution=steps_per_execution if is_alone else 1,
        )
        model.optimizer.build(model.trainable_variables)
    if strategy is tf.distribute.get_strategy():  # the default one
        model.train_function = compile_execution(model, steps_per_execution)


def _batches(task: Task, part: Part, cutoffs: Cutoffs, first_batch: int = 0) -> tf.data.Dataset:
    """Stream batches whose weights put errors in units of each series' scale in the part's rows."""
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
    cut = TrainingCut(part.source, cutoffs, task.spec, weights, power)
    return training_batches(cut, task.training.batch_size, first_batch)


def _mean_weight(table: SeriesTable, part: Part) -> float:
    """Compute the mean sample weight of a training row: only the ratios of weights matter."""
    total = 0.0
    for ids, chunk in table_chunks(table):
        if chunk.weights is not None:
            total += chunk.weights[is_among_first(chunk.offsets, part.rows[ids])].sum()
    if not total > 0:
        raise ValueError(
            "`weight_column` must hold weights above 0 in the rows that train. Received: 0 in all "
            f"of the first {part.rows.max()} rows. Give a shorter `validation`, or other weights."
        )
    return total / part.rows.sum()
