"""Your own core network: any function from a `WindowSpec` to a Keras model.

The core sees the normalized window and answers in the same units; missing values, scales,
quantiles, the backtest and the SavedModel are taken care of around it.

    python examples/custom_network.py
"""

import keras

from custom_layers import PeepholeLSTM
from forecaster import Forecaster, Quantiles, Training, WindowSpec
from forecaster.datasets import load_dataset


def bidirectional_peephole(spec: WindowSpec) -> keras.Model:
    """Read the window in both directions, then one dense map to the whole horizon."""
    shape = (spec.input_length, spec.channels)
    inputs = {name: keras.Input(shape, name=name) for name in ("past", "observed")}
    sequence = keras.layers.Concatenate()([inputs["past"], inputs["observed"]])
    state = keras.layers.Bidirectional(PeepholeLSTM(32))(sequence)
    answer = keras.layers.Dense(spec.horizon * spec.width)(state)
    return keras.Model(inputs, keras.layers.Reshape((spec.horizon, spec.width))(answer))


air = load_dataset("air_passengers")
model = Forecaster(
    horizon=12,
    network=bidirectional_peephole,
    output=Quantiles([0.1, 0.5, 0.9]),
    training=Training(learning_rate=3e-3),
)
print(model.backtest(air, cutoffs=24).scores().round(3))
