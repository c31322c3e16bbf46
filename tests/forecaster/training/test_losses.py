"""The loss is written and read by Keras, for every head."""

import keras
import numpy as np
import pytest

from forecaster.network.heads import Point, Quantiles
from forecaster.training.losses import OutputError


@pytest.mark.parametrize(
    ("output", "loss"),
    [(Point(), "mae"), (Point(), "mse"), (Quantiles([0.2, 0.9]), "pinball")],
)
def test_a_loss_comes_back_from_its_config(output, loss):
    own = OutputError(output, loss)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(own))
    assert isinstance(again, OutputError)
    assert (again.output, again.loss) == (output, loss)
    rng = np.random.default_rng(0)
    target, forecast = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 3, 2, output.width))
    assert float(again(target, forecast)) == float(own(target, forecast))
