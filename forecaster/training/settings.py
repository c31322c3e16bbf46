"""Training settings: loss, early stopping, epochs. Nothing here loads Keras."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from forecaster.utils.fields import AtLeast, Positive, StepsOrFraction, check_fields

if TYPE_CHECKING:
    import numpy as np

# An epoch visits every window, but is never so short that validation takes longer than training,
# and never so long that early stopping comes too late.
SHORTEST_EPOCH, LONGEST_EPOCH = 32, 256  # gradient steps


class Head(Protocol):
    """Protocol of an output that lists the losses that can train it, the default first."""

    @property
    def losses(self) -> tuple[str, ...]:
        """Return the names of the losses."""


@dataclass(frozen=True)
class Training:
    """Training with Adam, averaged weights and early stopping on the last rows.

    Args:
        epochs: maximum number of epochs, at least 1. An epoch visits every window once, but takes
            at least 32 and at most 256 gradient steps.
        batch_size: windows in a gradient step, at least 1.
        learning_rate: learning rate of Adam, above 0.
        loss: "mae" or "mse" for point forecasts, "pinball" for quantiles; "auto" is the first that
            fits the output. Errors are in units of each series' own scale.
        patience: epochs without a better validation score after which training stops.
        validation: the last part of each series, held out for early stopping: a number of steps
            of `freq`, or a fraction between 0 and 1. It is never shorter than a horizon.
        refit: whether to retrain from scratch on all rows for the best number of epochs.
        windows_per_epoch: windows that an epoch visits, others in each, at least 1; None is all. On
            long data a fit with fewer stops after fewer gradient steps, so it takes less time.
        equal_series: whether every series has the same weight. Otherwise every window has, so that
            long series weigh more than short ones.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if an argument lies outside its range.
    """

    epochs: Annotated[int, AtLeast(1)] = 100
    batch_size: Annotated[int, AtLeast(1)] = 32
    learning_rate: Annotated[float, Positive()] = 1e-3
    loss: Literal["auto", "mae", "mse", "pinball"] = "auto"
    patience: Annotated[int, AtLeast(1)] = 10
    validation: Annotated[int | float, StepsOrFraction()] = 0.2
    refit: bool = True
    windows_per_epoch: Annotated[int, AtLeast(1)] | None = None
    equal_series: bool = False

    def __post_init__(self) -> None:
        check_fields(self)

    def loss_for(self, output: Head) -> str:
        """Return the loss that `output` is trained with.

        Raises:
            ValueError: if `loss` cannot train it.
        """
        if self.loss == "auto":
            return output.losses[0]
        if self.loss not in output.losses:
            raise ValueError(
                f"`loss` must be one of {', '.join(output.losses)} for output={output!r}. "
                f'Received: loss={self.loss!r}. Leave loss="auto" for the one that fits.'
            )
        return self.loss

    def epoch_steps(self, windows: int) -> int:
        """Count the gradient steps of an epoch over so many windows."""
        visited = min(windows, self.windows_per_epoch or windows)
        return min(max(math.ceil(visited / self.batch_size), SHORTEST_EPOCH), LONGEST_EPOCH)

    def validation_rows(self, rows: int | np.ndarray, horizon: int) -> np.ndarray:
        """Count the rows held out of so many rows of each id: (I,) -> (I,)."""
        import numpy as np  # the command line reads the fields, and does not need it

        is_number = isinstance(self.validation, Integral)
        wanted = self.validation if is_number else np.floor(self.validation * rows).astype(np.int64)
        return np.maximum(wanted, horizon)
