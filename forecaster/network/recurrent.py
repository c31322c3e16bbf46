"""The usual core network, from normalized windows to normalized forecasts.

A core is any function `(WindowSpec) -> keras.Model`; wrapping.py turns one into a model of raw
values. `RecurrentNetwork` is the usual one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from custom_layers import RECURRENT_LAYERS
from forecaster.inputs.windows import WindowSpec
from forecaster.utils.checks import check_choice, check_integer, check_share

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
LONGEST_SEGMENT = 48  # steps

Core = Callable[[WindowSpec], keras.Model]


@dataclass(frozen=True)
class RecurrentNetwork:
    """The usual core: recurrent layers read the window, and all steps of the horizon come at once.

    A segment is a stretch of steps fed to the recurrent layers as one input. A day of hours as one
    input makes a two-week window a sequence of 14: it trains quickly and forgets little.

        segments encoder   x_k = relu(W [past, observed, past covariates of segment k; static] + b)
        steps encoder      x_k = [past, observed, past covariates of step k; static]
                           h_k = cell(x_k, h_{k-1})
        segments decoder   forecast of segment m = V cell(q_m, h_n) + v, all asked in parallel,
                           q_m = p_m + Q future covariates of segment m + S static
        dense decoder      forecast = V [h_n; static; future covariates of all steps] + v
        either one         + E relu(C [h_n; static] + F future covariates of step t + c) + e, for
                           each step t of the horizon

    Whatever is not there leaves the formula; without future covariates its last line does. With
    that line a step's own covariates reach its forecast by one short way, the same for all steps,
    which learns much faster from little; what those of other steps do to it goes the other ways.

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
        A Keras model from ``{"past", "observed"}`` (B, L, S'), ``past_covariates`` (B, L, P),
        ``future_covariates`` (B, H, F) and ``static`` (B, K), the last three where their width in
        `spec` is above 0, to (B, H, S' * head_width), all in normalized units.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if an argument lies outside its range.

    Example:
        >>> core = RecurrentNetwork("peephole_lstm", units=32)(WindowSpec(36, 12, season_length=12))
        >>> core.output_shape
        (None, 12, 1)

    Source: Lin et al. 2023, "SegRNN: Segment Recurrent Neural Network for Long-Term Time Series
        Forecasting". Here the cell is free, the position stands alone (no channel embedding),
        and the normalization is the window's own. Das et al. 2023, "Long-term Forecasting with
        TiDE", section 4.2, for a decoder of single steps with their covariates; there it is the
        last layer, here it is added to one.
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
        inputs = core_inputs(spec)
        length = self.segment_length
        if length is None:
            length = largest_part(spec.season_length)
        sequence = self._encode(inputs, length, seeds)
        layers = [self._recurrent_layer(next(seeds), next(seeds)) for _ in range(self.num_layers)]
        outputs, states = self._run(layers, sequence, [None] * self.num_layers, seeds)
        seen = _join(outputs[:, -1], inputs.get("static"))
        if self.decoder == "segments":
            width = sequence.shape[-1]
            questions = self._questions(inputs, states, width, length, spec, seeds)
            forecast = self._answer(questions, layers, states, length, spec, seeds)
        else:
            forecast = self._at_once(inputs, seen, spec, seeds)
        if "future_covariates" in inputs:
            forecast += self._effects(seen, inputs["future_covariates"], spec.width, seeds)
        return keras.Model(inputs, forecast, name="core")

    def _encode(self, inputs, length, seeds):
        """What the recurrent layers read, (B, steps or segments, numbers of each)."""
        sequence = _join(inputs["past"], inputs["observed"], inputs.get("past_covariates"))
        if self.encoder == "steps":
            return _join(sequence, inputs.get("static"))
        sequence = _join(_segments(sequence, length), inputs.get("static"))
        return _dense(self.units, seeds, "relu")(sequence)

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

    def _questions(self, inputs, states, width, length, spec, seeds):
        """One for each segment of the horizon, in the place of one input: (B * count, 1, width)."""
        count = math.ceil(spec.horizon / length)
        questions = Positions(count, width, seed=next(seeds))(states[0][0])
        if "future_covariates" in inputs:
            known = _segments(inputs["future_covariates"], length, newest_last=False)
            # (B, count, length * F) -> (B, count, width) -> (B * count, 1, width)
            questions += ops.reshape(_linear(width, seeds)(known), (-1, 1, width))
        if "static" in inputs:
            known = _linear(width, seeds)(inputs["static"])
            questions += ops.repeat(known, count, axis=0)[:, None]  # (B, width) -> as above
        return questions

    def _answer(self, questions, layers, states, length, spec, seeds):
        """Ask the states every question, all in parallel: (B, H, width)."""
        count = math.ceil(spec.horizon / length)
        # Each of the B * count questions has a copy of the states: (B, U) -> (B * count, U).
        copies = [[ops.repeat(part, count, axis=0) for part in state] for state in states]
        answers, _ = self._run(layers, questions, copies, seeds)
        values = _dense(length * spec.width, seeds)(answers)
        # (B * count, 1, length * width) -> (B, count * length, width) -> (B, H, width)
        return ops.reshape(values, (-1, count * length, spec.width))[:, : spec.horizon]

    def _at_once(self, inputs, seen, spec, seeds):
        """Every step of the horizon from all that is seen and known: (B, H, width)."""
        if "future_covariates" in inputs:
            seen = _join(seen, keras.layers.Flatten()(inputs["future_covariates"]))
        values = _dense(spec.horizon * spec.width, seeds)(seen)
        return ops.reshape(values, (-1, spec.horizon, spec.width))

    def _effects(self, seen, future, width, seeds):
        """What the covariates of each step do to its forecast: (B, H, F) -> (B, H, width)."""
        state = _linear(self.units, seeds)(seen)[:, None]  # (B, U) -> (B, 1, U), for all steps
        return _dense(width, seeds)(ops.relu(state + _dense(self.units, seeds)(future)))


def core_inputs(spec: WindowSpec) -> dict[str, keras.KerasTensor]:
    """The inputs of a core, by name: those of the covariates only where they are any wide."""
    shapes = {
        "past": (spec.input_length, spec.channels),
        "observed": (spec.input_length, spec.channels),
        "past_covariates": (spec.input_length, spec.past_covariates),
        "future_covariates": (spec.horizon, spec.future_covariates),
        "static": (spec.static,),
    }
    return {name: keras.Input(shape, name=name) for name, shape in shapes.items() if shape[-1]}


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


def _seeds(seed: int) -> Iterator[int]:
    """An endless row of seeds, so that no two random parts of a network share one."""
    generator = np.random.default_rng(seed)
    while True:
        yield int(generator.integers(2**31))


def _dense(units, seeds, activation=None, use_bias=True):
    initializer = keras.initializers.GlorotUniform(next(seeds))
    return keras.layers.Dense(units, activation, use_bias, kernel_initializer=initializer)


def _linear(units, seeds):
    return _dense(units, seeds, use_bias=False)


def _join(first, *others):
    """Side by side on the last axis, without what is None; (B, K) stands beside every step."""
    parts = [first]
    for other in others:
        if other is not None and len(other.shape) < len(first.shape):
            other = ops.repeat(other[:, None], first.shape[1], axis=1)  # (B, K) -> (B, steps, K)
        parts += [] if other is None else [other]
    return ops.concatenate(parts, -1) if len(parts) > 1 else first


def _segments(steps, length, newest_last=True):
    """(B, T, C) -> (B, ceil(T / length), length * C), padded with zeros.

    They stand before the first step where the newest is to be last in its segment, else behind
    the last one.
    """
    _, count, channels = steps.shape
    missing = -count % length
    pad = [missing, 0] if newest_last else [0, missing]
    steps = ops.pad(steps, [[0, 0], pad, [0, 0]])
    return ops.reshape(steps, (-1, math.ceil(count / length), length * channels))
