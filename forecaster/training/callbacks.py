"""Callbacks of the fit loop: early stopping, best weights, progress, and the checkpoint to resume.

Who owns what: `FitHistory` holds the scores of all epochs, and derives the best one from them;
`EpochCallback` owns the weights of that epoch, the end of the fit, and the checkpoint on disk. It
is called before the users' callbacks, so that their `logs` have the scores, and by `AfterCallbacks`
after them. In between, at the end of an epoch, the model has the averaged weights that were scored:
those are what a `ModelCheckpoint` writes and an `EarlyStopping` keeps. At the end of the fit the
weights are those of the best epoch in the history, whichever a callback has restored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np

from forecaster.training.optimizer import averaged_weights
from forecaster.utils.files import read_arrays, write_arrays

OF_VALIDATED_FIT = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.CSVLogger,
    keras.callbacks.EarlyStopping,
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.RemoteMonitor,
    keras.callbacks.TensorBoard,
)


@dataclass
class FitHistory:
    """Losses and validation scores of a fit, one entry an epoch.

    Attributes:
        loss, validation_score: mean error in units of each series' scale; no unit.
        naive_score: the seasonal naive's error on the same validation windows.
        learning_rate: at the end of each epoch. It is not kept in artifacts.
    """

    loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    naive_score: float = math.nan
    learning_rate: list[float] = field(default_factory=list, compare=False)

    @property
    def best_epoch(self) -> int:
        """Return the epoch with the lowest validation score, from 1; 0 where none is finite."""
        return int(np.argmin([math.inf, *self.validation_score]))


def checked_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return callbacks as a list; None is none, and a single one is a list of one, as in Keras.

    Raises:
        TypeError: if one is no callback.
    """
    if callbacks is None:
        return []
    is_list = isinstance(callbacks, Iterable) and not isinstance(callbacks, str | type | Mapping)
    given = list(callbacks) if is_list else [callbacks]
    for callback in given:
        if isinstance(callback, type) and issubclass(callback, keras.callbacks.Callback):
            raise TypeError(
                "`callbacks` must be callbacks of Keras, not their classes. Received: the class "
                f"{callback.__name__}. Write {callback.__name__}(...), with its arguments."
            )
        is_group = isinstance(callback, keras.callbacks.CallbackList)
        if is_group or not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "`callbacks` must be a list of Keras callbacks. Received: "
                f"{callback!r}, of type {type(callback).__name__}. Derive it from "
                "keras.callbacks.Callback, or wrap a function by keras.callbacks.LambdaCallback."
            )
    return given


def sees_refit(callback: keras.callbacks.Callback) -> bool:
    """Return whether a callback is called in the refit too, by its attribute of that name.

    By default those are not that judge a fit by its `val_loss`, which the refit does not have, or
    that write files, which the refit would overwrite.
    """
    return bool(getattr(callback, "sees_refit", not isinstance(callback, OF_VALIDATED_FIT)))


class EpochCallback(keras.callbacks.Callback):
    """Early stopping on the validation score, with best weights, progress and checkpoints.

    Args:
        history: of the fit, extended after each epoch.
        epochs: maximum number of epochs.
        patience: epochs without a better score after which training stops.
        score: computes the validation score of the model's current weights; None where no rows are
            held out.
        checkpoint: file that a killed fit resumes from, or None.
        report: called with a line of progress.
        learning_rates: of epochs, where they are known; NaN leaves it as it is.
    """

    def __init__(
        self,
        history: FitHistory,
        epochs: int,
        patience: int,
        score: Callable[[], float] | None,
        checkpoint: Path | None,
        report: Callable[[str], None],
        learning_rates: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self.learning_rates = learning_rates
        self.history, self.epochs, self.patience = history, epochs, patience
        self.score, self.checkpoint, self.report = score, checkpoint, report
        self.best_weights: list[np.ndarray] = []
        self.is_finished = False
        self.is_followed = False  # by callbacks of the user
        self.shown: list[tuple[keras.Variable, np.ndarray, np.ndarray]] = []

    def around(
        self, callbacks: Sequence[keras.callbacks.Callback]
    ) -> list[keras.callbacks.Callback]:
        """Return all callbacks of a fit with those of the user, in order."""
        self.is_followed = bool(callbacks)
        return [self, *callbacks, AfterCallbacks(self)] if callbacks else [self]

    def resume(self) -> int:
        """Restore the state in the checkpoint, if there is one.

        Returns:
            The number of finished epochs.

        Raises:
            ValueError: if the checkpoint is damaged, or that of another network.
        """
        if self.checkpoint is None or not self.checkpoint.exists():
            return 0
        arrays, metadata = read_arrays(self.checkpoint)
        self.best_weights = [arrays.pop(name) for name in list(arrays) if name.startswith("best")]
        variables = self._variables()
        found = {name: array.shape for name, array in arrays.items()}
        if found != {name: tuple(variable.shape) for name, variable in variables.items()}:
            raise ValueError(
                "`resume_dir` must hold the state of this network. Received: "
                f"{str(self.checkpoint)!r}, which holds that of another. Choose another folder."
            )
        try:
            kept, is_finished = FitHistory(**metadata["history"]), bool(metadata["is_finished"])
        except (TypeError, LookupError) as error:
            raise ValueError(
                f"The file {str(self.checkpoint)!r} is damaged: it holds no history of a fit. "
                "Delete it."
            ) from error
        for name, variable in variables.items():
            variable.assign(arrays[name])
        vars(self.history).update(vars(kept))
        self.is_finished = is_finished
        return len(self.history.loss)

    @property
    def is_done(self) -> bool:
        """Return whether the fit has ended: by epochs, patience, divergence or a callback."""
        done = len(self.history.loss)
        if done == 0:
            return False
        has_diverged = not math.isfinite(self.history.loss[-1])  # weights that are NaN stay NaN
        stale = 0 if self.score is None else done - self.history.best_epoch
        is_over = done == self.epochs or stale >= self.patience
        return self.is_finished or is_over or has_diverged

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = perf_counter()
        if epoch < len(self.learning_rates) and math.isfinite(self.learning_rates[epoch]):
            self.model.optimizer.learning_rate = self.learning_rates[epoch]

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        history = self.history
        # Of epochs before a backup that a callback has restored nothing is known.
        unknown = range(len(history.loss), epoch)
        history.loss += [math.nan for _ in unknown] + [logs["loss"]]
        rate = float(self.model.optimizer.learning_rate.numpy())
        history.learning_rate += [math.nan for _ in unknown] + [rate]
        line = f"epoch {epoch + 1:>3}/{self.epochs}  loss {logs['loss']:.4f}"
        if self.score is not None:
            history.validation_score += [math.inf for _ in unknown]
            score, naive_score = self._score_epoch(epoch, self.score), history.naive_score
            logs |= {"val_loss": score, "validation_score": score, "naive_score": naive_score}
            line += f"  validation {score:.4f}  (seasonal naive {naive_score:.4f})"
        self.report(f"{line}  {perf_counter() - self._started:.1f} s")
        self._save()
        if self.is_done:
            self.model.stop_training = True
        if self.is_followed:
            self._show_averages()

    def _show_averages(self) -> None:
        """Give the model the averages of its weights, for the users' callbacks to see."""
        variables = self.model.trainable_variables
        trained = [variable.numpy() for variable in variables]
        self.model.optimizer.finalize_variable_values(variables)
        averages = [variable.numpy() for variable in variables]
        self.shown = list(zip(variables, trained, averages, strict=True))

    def go_on(self) -> None:
        """Give the model its weights back to train on, but for those that a callback has set."""
        for variable, trained, average in self.shown:
            if np.array_equal(variable.numpy(), average, equal_nan=True):
                variable.assign(trained)
        self._save()
        if self.is_done:
            self.model.stop_training = True

    def keep_best(self) -> None:
        """Give the model the weights of the best epoch, if one was scored."""
        if self.best_weights:
            self.model.set_weights(self.best_weights)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        # A callback of the user may have ended the fit: resumed, it must end there too.
        self.is_finished = True
        self._save()
        self.keep_best()

    def _score_epoch(self, epoch: int, compute_score: Callable[[], float]) -> float:
        """Score the averaged weights of an epoch, and keep them if they are the best."""
        with averaged_weights(self.model):
            score = compute_score()
            self.history.validation_score.append(score if math.isfinite(score) else math.inf)
            if self.history.best_epoch == epoch + 1:
                self.best_weights = self.model.get_weights()
        return score

    def _variables(self) -> dict[str, keras.Variable]:
        """Return the variables of model and optimizer by their names in the checkpoint."""
        variables = [*self.model.variables, *self.model.optimizer.variables]
        return {f"variable_{number}": variable for number, variable in enumerate(variables)}

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        arrays = {name: variable.numpy() for name, variable in self._variables().items()}
        best = {f"best_{number:04}": weight for number, weight in enumerate(self.best_weights)}
        metadata = {"history": asdict(self.history), "is_finished": self.is_finished}
        write_arrays(self.checkpoint, arrays | best, metadata)


class AfterCallbacks(keras.callbacks.Callback):
    """Callback after those of the user, which undoes what an `EpochCallback` did for them.

    Args:
        epochs: it.
    """

    def __init__(self, epochs: EpochCallback) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epochs.go_on()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.epochs.keep_best()
