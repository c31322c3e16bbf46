"""The network: any core, wrapped so that raw values go in and forecasts in the same units come out.

    past_values (B, L, S'), NaN where missing
        -> NormalizeWindow   location and scale of each window; missing values filled and flagged
        -> core              {"past", "observed"} -> (B, H, S' * width), in normalized units
        -> output.forecast   for instance quantiles that cannot cross
        -> location + scale * forecast                                      (B, H, S', width)

The core is any function `(WindowSpec) -> keras.Model`. `RecurrentNetwork` is the usual one.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from custom_layers import RECURRENT_LAYERS
from forecaster.checks import check_choice, check_integer, check_share
from forecaster.output import Point, Quantiles
from forecaster.windows import WindowSpec

CELLS = {
    "simple_rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    **RECURRENT_LAYERS,
}
# The weights of a cell that start at random, where they are not kernel and recurrent kernel.
RANDOM_WEIGHTS = {
    "full_gate_lstm": ("kernel", "recurrent", "gate"),
    "projected_lstm": ("kernel", "recurrent", "projection"),
    "min_lstm": ("kernel",),
    "min_gru": ("kernel",),
}
NORMALIZATIONS = ("standard", "last", "none")
LONGEST_SEGMENT = 48  # steps

Core = Callable[[WindowSpec], keras.Model]

# The cores that were wrapped and still live: one that comes again would bring its trained weights.
_WRAPPED: weakref.WeakSet[keras.Model] = weakref.WeakSet()


@dataclass(frozen=True)
class RecurrentNetwork:
    """The usual core: recurrent layers read the window, and all steps of the horizon come at once.

    A segment is a stretch of steps fed to the recurrent layers as one input. A day of hours as one
    input makes a two-week window a sequence of 14: it trains quickly and forgets little.

        segments encoder   x_k = relu(W [past, observed] of segment k + b), h_k = cell(x_k, h_{k-1})
        steps encoder      x_t = [past, observed] of step t, h_t = cell(x_t, h_{t-1})
        segments decoder   forecast of segment m = V cell(p_m, h_n) + v, one learned position p_m
                           for each segment of the horizon, all asked in parallel
        dense decoder      forecast = V h_n + v

    Args:
        cell: "simple_rnn", "lstm", "gru", or any name that `custom_layers` registers.
        units: size of each layer's state, at least 1.
        num_layers: recurrent layers on top of each other, at least 1.
        dropout: share of each layer's output dropped in training, from 0 up to below 1.
        encoder: "segments" or "steps", how the window goes in.
        decoder: "segments" or "dense", how the horizon comes out.
        segment_length: steps in a segment, at least 1; None is one season, or the largest
            part of it that has at most 48 steps.

    Call arguments:
        spec: the shapes; see `WindowSpec`.

    Returns:
        A Keras model from ``{"past", "observed"}`` (B, L, S') to (B, H, S' * head_width), all in
        normalized units.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if an argument lies outside its range.

    Example:
        >>> core = RecurrentNetwork("peephole_lstm", units=32)(WindowSpec(36, 12, season_length=12))
        >>> core.output_shape
        (None, 12, 1)

    Source: Lin et al. 2023, "SegRNN: Segment Recurrent Neural Network for Long-Term Time Series
        Forecasting". Here the cell is free, the position stands alone (no channel embedding),
        and the normalization is the window's own.
    """

    cell: str = "gru"
    units: int = 64
    num_layers: int = 1
    dropout: float = 0.0
    encoder: str = "segments"
    decoder: str = "segments"
    segment_length: int | None = None

    def __post_init__(self):
        check_choice("cell", self.cell, tuple(CELLS))
        check_integer("units", self.units, minimum=1)
        check_integer("num_layers", self.num_layers, minimum=1)
        check_share("dropout", self.dropout)
        check_choice("encoder", self.encoder, ("segments", "steps"))
        check_choice("decoder", self.decoder, ("segments", "dense"))
        if self.segment_length is not None:
            check_integer("segment_length", self.segment_length, minimum=1)

    def __call__(self, spec: WindowSpec) -> keras.Model:
        seeds = _seeds(spec.seed)
        shape = (spec.input_length, spec.channels)
        inputs = {name: keras.Input(shape, name=name) for name in ("past", "observed")}
        sequence = ops.concatenate([inputs["past"], inputs["observed"]], -1)
        length = self.segment_length
        if length is None:
            length = largest_part(spec.season_length)
        if self.encoder == "segments":
            sequence = _dense(self.units, seeds, "relu")(_segments(sequence, length))
        layers = [self._recurrent_layer(next(seeds), next(seeds)) for _ in range(self.num_layers)]
        outputs, states = self._run(layers, sequence, [None] * self.num_layers, seeds)
        if self.decoder == "segments":
            forecast = self._decode(layers, states, sequence.shape[-1], length, spec, seeds)
        else:
            forecast = _dense(spec.horizon * spec.width, seeds)(outputs[:, -1])
            forecast = ops.reshape(forecast, (-1, spec.horizon, spec.width))
        return keras.Model(inputs, forecast, name="core")

    def _recurrent_layer(self, kernel_seed, recurrent_seed):
        initializers = {
            "kernel": keras.initializers.GlorotUniform(kernel_seed),
            "recurrent": keras.initializers.Orthogonal(seed=recurrent_seed),
            "gate": keras.initializers.Orthogonal(seed=recurrent_seed + 1),
            "projection": keras.initializers.GlorotUniform(recurrent_seed + 1),
        }
        has = RANDOM_WEIGHTS.get(self.cell, ("kernel", "recurrent"))
        return CELLS[self.cell](
            self.units,
            return_sequences=True,
            return_state=True,
            **{f"{name}_initializer": initializers[name] for name in has},
            # Its own dropout is off, but without a seed it draws one from Python's `random`.
            seed=recurrent_seed,
        )

    def _run(self, layers, sequence, states, seeds):
        """Sequence through all layers: the last layer's outputs, and every layer's last state."""
        last_states = []
        for layer, state in zip(layers, states, strict=True):
            sequence, *last_state = layer(sequence, initial_state=state)
            sequence = keras.layers.Dropout(self.dropout, seed=next(seeds))(sequence)
            last_states.append(last_state)
        return sequence, last_states

    def _decode(self, layers, states, input_width, length, spec, seeds):
        """Ask the states once for every segment of the horizon, all in parallel."""
        count = math.ceil(spec.horizon / length)
        positions = Positions(count, input_width, seed=next(seeds))(states[0][0])
        # Each of the B * count questions has a copy of the states: (B, U) -> (B * count, U).
        copies = [[ops.repeat(part, count, axis=0) for part in state] for state in states]
        answers, _ = self._run(layers, positions, copies, seeds)
        values = _dense(length * spec.width, seeds)(answers)
        # (B * count, 1, length * width) -> (B, count * length, width) -> (B, H, width)
        return ops.reshape(values, (-1, count * length, spec.width))[:, : spec.horizon]


def largest_part(season_length: int) -> int:
    """The largest divisor of a season that has at most 48 steps."""
    return max(n for n in range(1, LONGEST_SEGMENT + 1) if season_length % n == 0)


def as_network(network: str | Core) -> Core:
    """The core that a cell's name, a spec or a function of a `WindowSpec` stands for.

    Raises:
        TypeError: if `network` is none of these.
        ValueError: if there is no cell of that name.
    """
    if isinstance(network, str):
        return RecurrentNetwork(cell=network)
    if not callable(network) or isinstance(network, keras.Model):
        raise TypeError(
            "`network` must be a cell's name, a RecurrentNetwork, or a function "
            f"(WindowSpec) -> keras.Model. Received: network={network!r}. "
            f"The cells are {', '.join(CELLS)}."
        )
    return network


@keras.saving.register_keras_serializable(package="forecaster")
class Positions(keras.layers.Layer):
    """One learned input for each of `count` questions: (B, U) -> (B * count, 1, width)."""

    def __init__(self, count: int, width: int, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.count, self.width, self.seed = count, width, seed

    def build(self, _):
        initializer = keras.initializers.RandomNormal(stddev=0.05, seed=self.seed)
        self.embedding = self.add_weight((self.count, 1, self.width), initializer, name="embedding")

    def call(self, state):
        return ops.tile(self.embedding, (ops.shape(state)[0], 1, 1))

    def get_config(self):
        return super().get_config() | {"count": self.count, "width": self.width, "seed": self.seed}


@keras.saving.register_keras_serializable(package="forecaster")
class NormalizeWindow(keras.layers.Layer):
    """Location and scale of each window, and the window in their units; only observed values count.

    A missing value becomes 0, the window's location. A window without variation has scale 0, so
    that its forecast is its location, whatever the core says.

    Args:
        method: "standard" (mean and standard deviation), "last" (last observed value and standard
            deviation) or "none" (0 and 1: values enter as they are).

    Call arguments:
        values: (B, L, S') in the targets' units, NaN where missing.

    Returns:
        past (B, L, S') normalized, observed (B, L, S') of 0 and 1, location (B, 1, S') and
        scale (B, 1, S') in the targets' units. Where a window observes nothing, location is NaN;
        in training it is 0, because such a window has weight 0 there, and NaN * 0 is NaN.
    """

    def __init__(self, method: str, **kwargs):
        super().__init__(**kwargs)
        self.method = method

    def call(self, values, training=False):
        missing = ops.isnan(values)
        observed = ops.cast(ops.logical_not(missing), values.dtype)
        count = ops.maximum(ops.sum(observed, 1, keepdims=True), 1)
        steps = ops.arange(1, values.shape[1] + 1, dtype=values.dtype)[:, None]
        newest = ops.argmax(observed * steps, 1, keepdims=True)
        last = ops.take_along_axis(values, newest, 1)  # NaN where nothing is observed
        # Summed as distances from the last value, a constant has a spread of exactly 0, and a
        # small spread at a high level keeps its digits.
        distance = ops.where(missing, 0.0, values - last)
        mean = ops.sum(distance, 1, keepdims=True) / count
        variance = ops.sum(ops.square(observed * (distance - mean)), 1, keepdims=True) / count
        scale = ops.sqrt(variance)
        if self.method == "standard":
            location = last + mean
        elif self.method == "last":
            location = last
        else:
            location, scale = 0 * last, ops.ones_like(scale)
        if training:
            location = ops.where(ops.isnan(location), 0.0, location)
        past = (values - location) / ops.where(scale > 0, scale, 1.0)
        return ops.where(missing, 0.0, past), observed, location, scale

    def get_config(self):
        return super().get_config() | {"method": self.method}


@dataclass(frozen=True)
class SavedNetwork:
    """A core as Keras's own description of it, so that any network can be written and read back.

    Args:
        config: JSON text of a Keras model.
    """

    config: str

    @classmethod
    def of(cls, model: keras.Model) -> SavedNetwork:
        """The description of the core inside a model that `build_model` made.

        Raises:
            TypeError: if Keras cannot describe it, or not make it again from the description.
        """
        core = next(layer for layer in model.layers if isinstance(layer, keras.Model))
        try:
            config = core.to_json()
            keras.models.model_from_json(config)
        except (NotImplementedError, TypeError, ValueError) as error:
            raise TypeError(
                "`network` must make a model that Keras can write as its config and read back. "
                f"Received: the model {core.name!r}, with which that fails. Give its layers "
                "get_config() and register them (keras.saving.register_keras_serializable)."
            ) from error
        return cls(config)

    def __call__(self, spec: WindowSpec) -> keras.Model:
        return keras.models.model_from_json(self.config)


def check_backend() -> None:
    """Whether Keras runs on TensorFlow, of whose graph a SavedModel is made."""
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "Keras must run on its TensorFlow backend for a Forecaster; custom_layers runs on all. "
            f"Received: {keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow and start again."
        )


def build_model(
    network: Core, spec: WindowSpec, normalization: str, output: Point | Quantiles
) -> keras.Model:
    """Wrap the core that `network` makes: ``{"past_values": (B, L, S')}`` -> (B, H, S', width).

    Raises:
        TypeError: if `network` does not return a Keras model.
        ValueError: if it returns the same one again, or one whose output has another shape than
            (B, H, S' * width).
    """
    core = network(spec)
    if not isinstance(core, keras.Model):
        raise TypeError(f"`network` must return a keras.Model. Received: {type(core).__name__}.")
    if core in _WRAPPED:
        raise ValueError(
            "`network` must return a new model each time, because every fit starts from fresh "
            f"weights. Received: the model {core.name!r} again. Build it inside the function."
        )
    _WRAPPED.add(core)
    values = keras.Input((spec.input_length, spec.channels), dtype="float32", name="past_values")
    # Only the core follows Keras's dtype policy: half a float has no digits for the targets' units.
    past, observed, location, scale = NormalizeWindow(normalization, dtype="float32")(values)
    raw = ops.cast(core({"past": past, "observed": observed}), "float32")
    shape, expected = tuple(raw.shape), (None, spec.horizon, spec.width)
    if shape != expected:
        raise ValueError(
            f"`network` must return a model with output shape {expected}: batch, horizon, "
            f"channels * head_width. Received: {shape}."
        )
    raw = ops.reshape(raw, (-1, spec.horizon, spec.channels, spec.head_width))
    forecast = location[..., None] + scale[..., None] * output.forecast(raw)
    return keras.Model({"past_values": values}, forecast, name="forecaster")


def compiles_with_xla(model: keras.Model) -> bool:
    """Whether XLA can compile every layer, by Keras's attribute `supports_jit`, and should.

    Keras's LSTM and GRU say no on a GPU, where cuDNN is faster. Our gated layers train in XLA
    computations of their own, which are slower inside another.
    """
    return all(
        layer.supports_jit and not getattr(layer, "compiles_itself", False)
        for layer in model._flatten_layers()
    )


def compile_forward(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """The model as one graph for any batch, (B, L, S') -> (B, H, S', width).

    Not compiled by XLA: that takes longer than most users forecast.
    """

    @tf.function
    def forward(past_values):
        return model({"past_values": past_values}, training=False)

    (windows,) = model.inputs
    return forward.get_concrete_function(tf.TensorSpec(windows.shape, tf.float32))


def _seeds(seed: int) -> Iterator[int]:
    """An endless row of seeds, so that no two random parts of a network share one."""
    generator = np.random.default_rng(seed)
    while True:
        yield int(generator.integers(2**31))


def _dense(units, seeds, activation=None):
    initializer = keras.initializers.GlorotUniform(next(seeds))
    return keras.layers.Dense(units, activation, kernel_initializer=initializer)


def _segments(window, length):
    """(B, L, C) -> (B, ceil(L / length), length * C), padded with zeros before its first step."""
    _, steps, channels = window.shape
    window = ops.pad(window, [[0, 0], [-steps % length, 0], [0, 0]])
    return ops.reshape(window, (-1, math.ceil(steps / length), length * channels))
