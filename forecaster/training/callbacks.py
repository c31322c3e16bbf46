"""What happens between the epochs of a fit, and what a killed fit goes on from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter

import keras
import numpy as np

from forecaster.training.optimizer import averaged_weights
from forecaster.utils.files import read_arrays, write_arrays


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


class EpochEnd(keras.callbacks.Callback):
    """What happens after each epoch: judge, keep the best weights, report, save, perhaps stop.

    Args:
        history: is written to.
        epochs: how many at most.
        patience: epochs without a better score after which training stops.
        score: the validation score of the model as it is; None where no part of the data judges.
        checkpoint: file that a killed fit goes on from, or None.
        report: takes a line of progress.
    """

    def __init__(
        self,
        history: FitHistory,
        epochs: int,
        patience: int,
        score: Callable[[], float] | None,
        checkpoint: Path | None,
        report: Callable[[str], None],
    ):
        super().__init__()
        self.history, self.epochs, self.patience = history, epochs, patience
        self.score, self.checkpoint, self.report = score, checkpoint, report
        self.best_weights: list[np.ndarray] = []
        self.is_finished = False

    def resume(self) -> int:
        """Take up the state in the checkpoint, if there is one; the number of finished epochs.

        Raises:
            ValueError: if the checkpoint is damaged, or that of another network.
        """
        if self.checkpoint is None or not self.checkpoint.exists():
            return 0
        arrays, note = read_arrays(self.checkpoint)
        self.best_weights = [arrays.pop(name) for name in list(arrays) if name.startswith("best")]
        variables = self._variables()
        if [array.shape for array in arrays.values()] != [v.shape for v in variables.values()]:
            raise ValueError(
                "`resume_dir` must hold the state of this network. Received: "
                f"{str(self.checkpoint)!r}, which holds that of another. Choose another folder."
            )
        for name, variable in variables.items():
            variable.assign(arrays[name])
        vars(self.history).update(note["history"])
        self.is_finished = note["is_finished"]
        return len(self.history.loss)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        done = len(self.history.loss)
        if done == 0:
            return False
        is_lost = not math.isfinite(self.history.loss[-1])  # weights that are NaN stay NaN
        stale = 0 if self.score is None else done - self.history.best_epoch
        is_over = done == self.epochs or stale >= self.patience
        return self.is_finished or is_over or is_lost

    def on_epoch_begin(self, epoch, logs=None):
        self._started = perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.history.loss.append(logs["loss"])
        line = f"epoch {epoch + 1:>3}/{self.epochs}  loss {logs['loss']:.4f}"
        if self.score is not None:
            score, naive_score = self._judge(epoch), self.history.naive_score
            logs |= {"validation_score": score, "naive_score": naive_score}
            line += f"  validation {score:.4f}  (seasonal naive {naive_score:.4f})"
        self.report(f"{line}  {perf_counter() - self._started:.1f} s")
        self._save()
        self.model.stop_training = self.is_done

    def on_train_end(self, logs=None):
        # A callback of the user may have ended the fit: called again, it must end there too.
        self.is_finished = True
        self._save()
        if self.best_weights:
            self.model.set_weights(self.best_weights)

    def _judge(self, epoch: int) -> float:
        """The score of the weights that would be kept if this epoch were the last."""
        with averaged_weights(self.model):
            score = self.score()
            self.history.validation_score.append(score if math.isfinite(score) else math.inf)
            if self.history.best_epoch == epoch + 1:
                self.best_weights = self.model.get_weights()
        return score

    def _variables(self):
        variables = [*self.model.variables, *self.model.optimizer.variables]
        return {f"variable_{number}": variable for number, variable in enumerate(variables)}

    def _save(self):
        if self.checkpoint is None:
            return
        arrays = {name: variable.numpy() for name, variable in self._variables().items()}
        best = {f"best_{number:04}": weight for number, weight in enumerate(self.best_weights)}
        note = {"history": asdict(self.history), "is_finished": self.is_finished}
        write_arrays(self.checkpoint, arrays | best, note)
