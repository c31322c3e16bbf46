"""Callback of the fit loop: early stopping, best weights, progress, and the checkpoint to resume.

Who owns what: `FitHistory` holds the scores of all epochs, and derives the best one from them;
`EpochCallback` owns the weights of that epoch, the end of the fit, and the checkpoint on disk.
"""

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
    """Losses and validation scores of a fit, one entry an epoch.

    Attributes:
        loss, validation_score: mean error in units of each series' scale; no unit.
        naive_score: the seasonal naive's error on the same validation windows.
    """

    loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    naive_score: float = math.nan

    @property
    def best_epoch(self) -> int:
        """Return the epoch with the lowest validation score, from 1; 0 where none is finite."""
        return int(np.argmin([math.inf, *self.validation_score]))


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
    """

    def __init__(
        self,
        history: FitHistory,
        epochs: int,
        patience: int,
        score: Callable[[], float] | None,
        checkpoint: Path | None,
        report: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.history, self.epochs, self.patience = history, epochs, patience
        self.score, self.checkpoint, self.report = score, checkpoint, report
        self.best_weights: list[np.ndarray] = []
        self.is_finished = False

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

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.history.loss.append(logs["loss"])
        line = f"epoch {epoch + 1:>3}/{self.epochs}  loss {logs['loss']:.4f}"
        if self.score is not None:
            score, naive_score = self._score_epoch(epoch, self.score), self.history.naive_score
            logs |= {"validation_score": score, "naive_score": naive_score}
            line += f"  validation {score:.4f}  (seasonal naive {naive_score:.4f})"
        self.report(f"{line}  {perf_counter() - self._started:.1f} s")
        self._save()
        self.model.stop_training = self.is_done

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        # A callback of the user may have ended the fit: resumed, it must end there too.
        self.is_finished = True
        self._save()
        if self.best_weights:
            self.model.set_weights(self.best_weights)

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
