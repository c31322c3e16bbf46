"""The one fit loop: time-ordered validation, early stopping, refit, progress, resume.

Who owns what:

* Keras owns the gradient steps: ``model.fit`` on an endless stream of batches, compiled by XLA,
  many steps an execution.
* `Judge` owns the validation score, computed by the same compiled forward pass as forecasts.
* `EpochEnd` owns what happens between epochs: which weights are best, when to stop, what is
  reported, and what a killed fit goes on from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forecaster.baselines import seasonal_naive
from forecaster.checks import check_choice, check_integer, check_positive, check_steps_or_fraction
from forecaster.files import read_arrays, write_arrays, write_whole
from forecaster.output import Point, Quantiles
from forecaster.scores import seasonal_scales
from forecaster.table import SeriesTable
from forecaster.windows import Cutoffs, WindowSource, WindowSpec, forecast_at, training_batches

# An epoch visits every window, but is never so short that judging takes longer than training,
# and never so long that early stopping comes too late.
SHORTEST_EPOCH, LONGEST_EPOCH = 32, 256  # gradient steps
STEPS_PER_EXECUTION = 32
MOST_JUDGED = 4096  # validation windows
MOST_SCALED = 100_000  # rows


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
        is_fraction = isinstance(self.validation, float)
        return max(int(self.validation * rows) if is_fraction else self.validation, horizon)


@dataclass
class FitHistory:
    """What happened in a fit, one entry an epoch.

    Attributes:
        loss, validation_score: mean error in units of each series' scale; no unit.
        naive_score: the seasonal naive's error on the same validation windows.
    """

    loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    naive_score: float = math.nan

    @property
    def best_epoch(self) -> int:
        """Number of the epoch with the lowest validation score, from 1; 0 where none is finite."""
        return int(np.argmin([math.inf, *self.validation_score]))


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
        """A window may begin before its series does, but sees a season of it."""
        return min(self.spec.season_length, self.spec.input_length)


def train(task: Task) -> tuple[keras.Model, Callable, FitHistory]:
    """Find the number of epochs on the newest rows, then fit fresh weights on all rows.

    Returns:
        The model, its compiled forward pass, and the history of the validated fit.

    Raises:
        ValueError: if the table has too few rows, or no epoch has a finite validation score.
    """
    training, rows = task.training, task.table.num_rows
    train_rows = rows - training.validation_rows(rows, task.spec.horizon)
    if train_rows < task.first_cutoff + task.spec.horizon:
        needed = rows_needed(task)
        raise ValueError(
            f"`frame` must have at least {needed} rows: a season of history and a horizon to learn "
            f"from, then the validation part. Received: {rows} rows. Give more rows, or a shorter "
            "`horizon`, `season_length` or `validation`."
        )
    scale = series_scales(task.table.values, train_rows, task.spec.season_length)
    judge = Judge(task, train_rows, scale)
    history = FitHistory(naive_score=judge.naive_score)
    fitted = _fit(task, "validated", train_rows, scale, training.epochs, history, judge)
    if history.best_epoch == 0:
        raise ValueError(
            "The fit diverged: no validation score is finite. "
            f"Received: learning_rate={training.learning_rate!r}. Try a smaller one."
        )
    if training.refit:
        task.report(f"refit on all {rows} rows for {history.best_epoch} epochs")
        fitted = _fit(task, "refitted", rows, scale, history.best_epoch, FitHistory())
    return *fitted, history


def train_on(task: Task, model: keras.Model, first: int) -> None:
    """Go on from the weights of `model`: visit every window with a cutoff from `first` on once."""
    cutoffs = Cutoffs.between(first, task.source.lengths - task.spec.horizon)
    scale = series_scales(task.table.values, task.table.num_rows, task.spec.season_length)
    _compile(task, model)
    batches = _batches(task, cutoffs, scale)
    steps = math.ceil(len(cutoffs) / task.training.batch_size)
    model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)


def rows_needed(task: Task) -> int:
    """The fewest rows that leave one window to learn from."""
    horizon = task.spec.horizon
    rows = task.first_cutoff + 2 * horizon
    while rows - task.training.validation_rows(rows, horizon) < task.first_cutoff + horizon:
        rows += 1
    return rows


def open_resume_dir(path: Path, identity: dict[str, Any]) -> Path:
    """Make a folder the place where the fit with this `identity` is kept.

    Raises:
        ValueError: if another fit is kept there; the error says what differs.
    """
    path.mkdir(parents=True, exist_ok=True)
    file = path / "fit.json"
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        different = [name for name in identity if kept.get(name) != identity[name]]
        if different:
            raise ValueError(
                f"`resume_dir` must be empty or hold this fit. Received: {str(path)!r}, which "
                f"holds one that differs in {', '.join(different)}. Choose another folder."
            )
    write_whole(file, lambda stream: stream.write(json.dumps(identity, indent=2).encode()))
    return path


def _fit(task, name, rows, scale, epochs, history, judge=None) -> tuple[keras.Model, Callable]:
    """Fit fresh weights on the first `rows` rows."""
    with task.strategy.scope() if task.strategy else nullcontext():
        model, forward = task.new_model()
        _compile(task, model)
    last = task.source.lengths - (task.table.num_rows - rows) - task.spec.horizon
    cutoffs = Cutoffs.between(task.first_cutoff, last)
    steps = math.ceil(len(cutoffs) / task.training.batch_size)
    steps = min(max(steps, SHORTEST_EPOCH), LONGEST_EPOCH)
    checkpoint = task.resume_dir and task.resume_dir / f"{name}.npz"
    epoch_end = EpochEnd(task, epochs, history, judge, forward, checkpoint)
    epoch_end.set_model(model)
    done = epoch_end.resume()
    model.fit(
        _batches(task, cutoffs, scale, first_batch=done * steps),
        epochs=done if epoch_end.is_done(done) else epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        callbacks=[epoch_end, *task.callbacks],
        shuffle=False,
        verbose=0,
    )
    return model, forward


def _compile(task: Task, model: keras.Model) -> None:
    model.compile(
        keras.optimizers.Adam(task.training.learning_rate),
        loss=OutputError(task.output, task.training.loss_for(task.output)),
        jit_compile=True,
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    model.optimizer.build(model.trainable_variables)


def _batches(task: Task, cutoffs: Cutoffs, scale: np.ndarray, first_batch: int = 0):
    """Batches in which an error counts in units of its series' scale: (S,) -> (n, S')."""
    power = 2 if task.training.loss_for(task.output) == "mse" else 1
    weights = (scale**-power).reshape(task.source.num_series, task.source.channels)
    return training_batches(
        task.source,
        cutoffs,
        task.spec,
        task.training.batch_size,
        weights.astype(np.float32),
        first_batch,
    )


class OutputError(keras.losses.Loss):
    """The error of an output, value by value. (A plain function would have its `y_pred` squeezed.)"""

    def __init__(self, output: Point | Quantiles, loss: str):
        super().__init__(name=loss)
        self.output, self.loss = output, loss

    def call(self, y_true, y_pred):
        """(B, H, S') and (B, H, S', width) -> (B, H, S')."""
        return self.output.error(y_true, y_pred, self.loss)


class Judge:
    """Scores forecasts of the validation part against what happened, and the naive's beside it.

    Args:
        task: what is fitted.
        train_rows: every target that is scored lies at or after this row.
        scale: (S,) the unit of each series' errors.
    """

    def __init__(self, task: Task, train_rows: int, scale: np.ndarray):
        table, horizon = task.table, task.spec.horizon
        self.task, self.scale = task, scale[:, None]
        last = table.num_rows - horizon
        stride = math.ceil((last - train_rows + 1) * table.num_targets / MOST_JUDGED)
        self.cutoffs = np.arange(last, train_rows - 1, -stride)[::-1]
        rows = self.cutoffs[:, None] + np.arange(horizon)
        self.actual = table.values[:, rows].swapaxes(0, 1)  # (S, C, H) -> (C, S, H)
        naive = seasonal_naive(table.values, self.cutoffs, horizon, task.spec.season_length)
        self.naive_score = self._score(np.repeat(naive[..., None], task.output.width, -1))

    def __call__(self, forward: Callable) -> float:
        return self._score(forecast_at(forward, self.task.source, self.task.spec, self.cutoffs))

    def _score(self, forecast: np.ndarray) -> float:
        """(C, S, H, width) -> mean error in units of each series' scale."""
        actual, forecast = self.actual / self.scale, forecast / self.scale[..., None]
        loss = self.task.training.loss_for(self.task.output)
        return float(np.nanmean(self.task.output.error(actual, forecast, loss)))


class EpochEnd(keras.callbacks.Callback):
    """What happens after each epoch: judge, keep the best weights, report, save, perhaps stop.

    Args:
        task: what is fitted.
        epochs: how many at most.
        history: is written to.
        judge, forward: score the epoch; `judge` is None where no part of the data judges.
        checkpoint: file that a killed fit goes on from, or None.
    """

    def __init__(self, task, epochs, history, judge, forward, checkpoint):
        super().__init__()
        self.task, self.epochs, self.history = task, epochs, history
        self.judge, self.forward, self.checkpoint = judge, forward, checkpoint
        self.best_weights: list[np.ndarray] = []

    def resume(self) -> int:
        """Take up the state in the checkpoint, if there is one; the number of finished epochs."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return 0
        arrays, note = read_arrays(self.checkpoint)
        for name, variable in self._variables().items():
            variable.assign(arrays[name])
        self.best_weights = [arrays[name] for name in arrays if name.startswith("best")]
        vars(self.history).update(note["history"])
        return len(self.history.loss)

    def is_done(self, epochs: int) -> bool:
        """Whether nothing is left to do after so many epochs."""
        patience = self.task.training.patience
        stale = self.judge is not None and epochs - self.history.best_epoch >= patience
        return epochs == self.epochs or stale

    def on_epoch_begin(self, epoch, logs=None):
        self._started = perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.history.loss.append(logs["loss"])
        line = f"epoch {epoch + 1:>3}/{self.epochs}  loss {logs['loss']:.4f}"
        if self.judge is not None:
            score = logs["validation_score"] = self.judge(self.forward)
            self.history.validation_score.append(score if math.isfinite(score) else math.inf)
            if self.history.best_epoch == epoch + 1:
                self.best_weights = self.model.get_weights()
            line += f"  validation {score:.4f}  (seasonal naive {self.judge.naive_score:.4f})"
        self.task.report(f"{line}  {perf_counter() - self._started:.1f} s")
        if self.checkpoint is not None:
            self._save()
        self.model.stop_training = self.is_done(epoch + 1)

    def on_train_end(self, logs=None):
        if self.best_weights:
            self.model.set_weights(self.best_weights)

    def _variables(self):
        variables = [*self.model.variables, *self.model.optimizer.variables]
        return {f"variable_{number}": variable for number, variable in enumerate(variables)}

    def _save(self):
        arrays = {name: variable.numpy() for name, variable in self._variables().items()}
        best = {f"best_{number:04}": weight for number, weight in enumerate(self.best_weights)}
        write_arrays(self.checkpoint, arrays | best, {"history": asdict(self.history)})


def series_scales(values: np.ndarray, rows: int, season_length: int) -> np.ndarray:
    """The unit in which each series' errors count: what its seasonal naive errs in these rows.

    Where that is zero or unknown the spread of the rows stands in, and 1 where there is none. The
    newest 100,000 rows are enough for a unit.

    Args:
        values: (S, N), NaN where missing.
        rows: how many of the N are known.

    Returns:
        (S,), above zero, in the targets' units.
    """
    known = values[:, max(rows - MOST_SCALED, 0) : rows]
    (scale,), _ = seasonal_scales(known, np.array([known.shape[1]]), season_length)
    for index in np.flatnonzero(~(scale > 0)):
        is_known = np.isfinite(known[index])
        scale[index] = np.std(known[index, is_known]) if is_known.any() else 0.0
    return np.where(scale > 0, scale, 1.0)
