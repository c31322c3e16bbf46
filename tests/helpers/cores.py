"""Windows, covariates of every kind, and small models of both."""

import keras
import numpy as np
import tensorflow as tf

from forecaster.inputs.spec import NUMBER, UNSCALED, CovariateKinds, WindowSpec
from forecaster.network.core import core_inputs
from forecaster.network.heads import Point
from forecaster.network.model import NO_COVARIATES, build_model
from tests.helpers.arrays import NAN
from tests.helpers.fits import dense_core

SPEC = WindowSpec(input_length=10, horizon=5, season_length=4)
# Every kind in every group, in an order of their own.
KINDS = CovariateKinds(
    past=(NUMBER, 3, UNSCALED), future=(4, UNSCALED, NUMBER), static=(UNSCALED, NUMBER, 2)
)


def built(network=None, spec=SPEC, normalization="standard", output=None, kinds=NO_COVARIATES):
    return build_model(network or dense_core(), spec, normalization, output or Point(), kinds)


def windows(count=6, spec=SPEC, seed=0):
    """Windows at different levels, with gaps."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(count, spec.input_length, spec.channels))
    values += 10 * generator.normal(size=(count, 1, spec.channels))
    values[generator.random(values.shape) < 0.2] = NAN
    values[:, 3] = 1.0
    return values.astype(np.float32)


def columns(shape, kinds, seed=0):
    """Raw columns (*shape, n) of these kinds, with gaps in all that may have them."""
    generator = np.random.default_rng(seed)
    raw = np.empty((*shape, len(kinds)), np.float32)
    for column, kind in enumerate(kinds):
        codes = generator.integers(max(kind, 1), size=shape)
        numbers = generator.uniform(-1, 1, shape)
        is_missing = (generator.random(shape) < 0.2) & (kind != UNSCALED)
        raw[..., column] = np.where(is_missing, NAN, codes if kind > 0 else numbers)
    return raw


def raw_inputs(count=6, spec=SPEC, kinds=KINDS, seed=0):
    """Everything that a model with covariates of these kinds takes."""
    inputs = {
        "past_values": windows(count, spec, seed),
        "past_covariates": columns((count, spec.input_length), kinds.past, seed + 1),
        "future_covariates": columns((count, spec.horizon), kinds.future, seed + 2),
        "static": columns((count,), kinds.static, seed + 3),
    }
    return {name: values for name, values in inputs.items() if values.shape[-1]}


def encoded(raw, kinds, location, scale, tables, flags):
    """One value (n,) after another: a slow loop in Python and float64."""
    tables, seen = iter(tables), []
    for value, kind, middle, spread in zip(raw, kinds, location, scale, strict=True):
        if kind == UNSCALED:
            seen += [value]
        elif kind == NUMBER:
            seen += [0.0 if np.isnan(value) else (float(value) - middle) / spread]
            seen += [float(not np.isnan(value))] if flags else []
        else:
            seen += [*next(tables)[int(value) if value in range(kind) else 0]]
    return seen


def whole_core(spec):
    """A network of two dense layers that sees every input there is."""
    inputs = core_inputs(spec)
    hidden = [keras.layers.Flatten()(each) for each in inputs.values()]
    hidden = keras.layers.Concatenate()(hidden)
    for number, units in enumerate((8, spec.horizon * spec.width)):
        initializer = keras.initializers.GlorotUniform(spec.seed + number)
        hidden = keras.layers.Dense(units, "tanh", kernel_initializer=initializer)(hidden)
    return keras.Model(inputs, keras.layers.Reshape((spec.horizon, spec.width))(hidden))


def with_random_weights(model, seed=0):
    """The model, with noise for all weights that are trained, biases too."""
    generator = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(0, 0.5, weight.shape))
    return model


def answer(model, inputs):
    """Forecasts for a dictionary of inputs, or for windows alone."""
    inputs = inputs if isinstance(inputs, dict) else {"past_values": inputs}
    inputs = {name: tf.constant(values, tf.float32) for name, values in inputs.items()}
    return model(inputs, training=False).numpy()
