"""Series and forecasters so small that a fit takes a second: most of it is XLA's compilation."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd

from forecaster import Forecaster, Training
from forecaster.engine import Engine
from forecaster.fitted import Fitted, untrained
from forecaster.inputs.covariate_coder import CovariateCoder
from forecaster.inputs.spreads import Spreads
from forecaster.inputs.time_features import TimeFeatures
from forecaster.training.callbacks import FitHistory

ROWS, LENGTH, HORIZON = 60, 7, 3
TRAINING = Training(epochs=2, batch_size=8, refit=False)


def days(rows=ROWS, start="2024-01-01"):
    return pd.date_range(start, periods=rows, freq="D")


def waves(times=None, columns=("a", "b")):
    """A week's wave with noise in each column, column k around 100 (k + 1)."""
    times = days() if times is None else times
    row, values = np.arange(len(times)), {}
    for k, column in enumerate(columns):
        noise = np.random.default_rng(k).normal(size=len(row))  # more rows begin with the same ones
        values[column] = 100 * (k + 1) + 10 * np.sin(2 * np.pi * (row + k) / 7) + noise
    return pd.DataFrame(values, index=times)


def dense(spec):
    """The smallest custom network: one matrix from the normalized window to the horizon."""
    shape = (spec.input_length, spec.channels)
    inputs = {name: keras.Input(shape, name=name) for name in ("past", "observed")}
    initializer = keras.initializers.GlorotUniform(spec.seed)
    layer = keras.layers.Dense(spec.horizon * spec.width, kernel_initializer=initializer)
    answer = layer(keras.layers.Flatten()(inputs["past"]))
    return keras.Model(inputs, keras.layers.Reshape((spec.horizon, spec.width))(answer))


def tiny(**parameters):
    """A forecaster of daily series, not fitted yet."""
    defaults = {"horizon": HORIZON, "input_length": LENGTH, "season_length": 7}
    defaults |= {"network": dense, "training": TRAINING}
    return Forecaster(**defaults | parameters)


def engine(model):
    """What drives a forecaster's fits on tables."""
    return Engine.of(model.get_params(deep=False))


def with_random_weights(frame, seed=0, **parameters):
    """A forecaster that counts as fitted on `frame`, but whose weights are all distinct noise."""
    model = tiny(**parameters)
    driver = engine(model)
    table = driver.read(frame)
    spec = driver.window_spec(table)
    coder = CovariateCoder.learned(table, table.lengths, TimeFeatures())
    is_raw = driver.config.normalization == "none"
    spreads = None if is_raw else Spreads.learned(table, table.lengths)
    trained = untrained(driver.config, spec, coder, spreads)
    generator = np.random.default_rng(seed)
    network = trained.model
    network.set_weights([generator.normal(0, 0.3, w.shape) for w in network.get_weights()])
    trained = replace(trained, history=FitHistory([1.0]))
    return model._adopt(Fitted.on(table, driver.config, spec, trained))


def equation(model, window, own=0.0):
    """What a forecaster with the network `dense`, normalization "last" and points must answer.

    Written out in float64 NumPy: last + spread * (W x + b) for a window (L,) of one series, whose
    `own` spread counts where the window does not vary.
    """
    kernel, bias = (weight.astype(np.float64) for weight in model.model_.get_weights())
    seen = window[~np.isnan(window)]
    spread = seen.std() or own
    normalized = np.where(np.isnan(window), 0, (window - seen[-1]) / (spread or 1))
    padded = np.concatenate([np.zeros(len(kernel) - len(window)), normalized])
    return seen[-1] + spread * (padded @ kernel + bias)
