"""Loss of a fit: the error of an output, as Keras takes it and saves it."""

from __future__ import annotations

from typing import Any

import keras

from forecaster.inputs.spec import Tensor
from forecaster.network.heads import Point, Quantiles


@keras.saving.register_keras_serializable(package="forecaster")
class OutputError(keras.losses.Loss):
    """Error of an output, value by value, as a Keras loss.

    It is no function, because Keras would squeeze the `y_pred` of one.

    Args:
        output: the head whose error it is.
        loss: name of the error, one of the head's `losses`.
    """

    def __init__(self, output: Point | Quantiles, loss: str) -> None:
        super().__init__(name=loss)
        self.output, self.loss = output, loss

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Compute the error of each value: (B, H, S') and (B, H, S', width) -> (B, H, S')."""
        return self.output.error(y_true, y_pred, self.loss)

    def get_config(self) -> dict[str, Any]:
        return {"levels": list(self.output.levels), "loss": self.loss}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> OutputError:
        levels = config["levels"]
        return cls(Quantiles(levels) if levels else Point(), config["loss"])
