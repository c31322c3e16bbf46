"""Builder of the usual core network: encoder, recurrent layers, decoder.

Who owns what: `RecurrentNetwork` (recurrent.py) owns the fields, and the formula in its docstring;
`CoreBuilder` owns the layers, and the order in which they draw their seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from forecaster.inputs.spec import Tensor, WindowSpec
from forecaster.network.cells import CELLS, RANDOM_WEIGHTS

LONGEST_SEGMENT = 48  # steps, the longest default

Core = Callable[[WindowSpec], keras.Model]
Network = Any  # a `RecurrentNetwork`: recurrent.py imports this file, not the other way round


class CoreBuilder:
    """Layers of one core, with a seed of its own for each random part.

    Args:
        network: which layers to build.
        spec: shapes and seed.
    """

    def __init__(self, network: Network, spec: WindowSpec) -> None:
        self.network, self.spec = network, spec
        self.inputs = core_inputs(spec)
        self.seeds = _seeds(spec.seed)
        length = network.segment_length
        self.segment_length = (
            default_segment_length(spec.season_length) if length is None else length
        )
        self.num_segments = math.ceil(spec.horizon / self.segment_length)  # of the horizon

    def build(self) -> keras.Model:
        """Build the core: normalized windows in, normalized forecasts out."""
        num_layers = self.network.num_layers
        sequence = self._encoder_sequence()
        layers = [self._recurrent_layer() for _ in range(num_layers)]
        outputs, states = self._run(layers, sequence, [None] * num_layers)
        context = _join(outputs[:, -1], self.inputs.get("static"))
        if self.network.decoder == "segments":
            queries = self._decoder_queries(states, sequence.shape[-1])
            forecast = self._decoded_segments(queries, layers, states)
        else:
            forecast = self._dense_decoder(context)
        if "future_covariates" in self.inputs:
            forecast += self._covariate_skip_connection(context)
        return keras.Model(self.inputs, forecast, name="core")

    def _encoder_sequence(self) -> Tensor:
        """Return the inputs of the recurrent layers: (B, steps or segments, width of each)."""
        inputs = self.inputs
        sequence = _join(inputs["past"], inputs["observed"], inputs.get("past_covariates"))
        if self.network.encoder == "steps":
            return _join(sequence, inputs.get("static"))
        sequence = _join(_segments(sequence, self.segment_length), inputs.get("static"))
        return self._dense(self.network.units, "relu")(sequence)

    def _recurrent_layer(self) -> keras.layers.RNN:
        kernel_seed, recurrent_seed = next(self.seeds), next(self.seeds)
        initializers = {
            "kernel": keras.initializers.GlorotUniform(kernel_seed),
            "recurrent": keras.initializers.Orthogonal(seed=recurrent_seed),
            "gate": keras.initializers.Orthogonal(seed=recurrent_seed + 1),
            "projection": keras.initializers.GlorotUniform(recurrent_seed + 1),
        }
        has = RANDOM_WEIGHTS.get(self.network.cell, ("kernel", "recurrent"))
        return CELLS[self.network.cell](
            self.network.units,
            return_sequences=True,
            return_state=True,
            **{f"{name}_initializer": initializers[name] for name in has},
            # The layer's own dropout is off, but without a seed it draws one from `random`.
            seed=recurrent_seed,
        )

    def _run(
        self,
        layers: list[keras.layers.RNN],
        sequence: Tensor,
        states: Sequence[list[Tensor] | None],
    ) -> tuple[Tensor, list[list[Tensor]]]:
        """Run a sequence through all layers: the outputs of the last, the last state of each."""
        last_states = []
        for layer, state in zip(layers, states, strict=True):
            sequence, *last_state = layer(sequence, initial_state=state)
            dropout = keras.layers.Dropout(self.network.dropout, seed=next(self.seeds))
            sequence = dropout(sequence)
            last_states.append(last_state)
        return sequence, last_states

    def _decoder_queries(self, states: list[list[Tensor]], width: int) -> Tensor:
        """Return a decoder query for each segment of the horizon: (B * segments, 1, width)."""
        count, inputs = self.num_segments, self.inputs
        queries = Positions(count, width, seed=next(self.seeds))(states[0][0])
        if "future_covariates" in inputs:
            known = _segments(inputs["future_covariates"], self.segment_length, pad_start=False)
            # (B, count, length * F) -> (B, count, width) -> (B * count, 1, width)
            queries += ops.reshape(self._linear(width)(known), (-1, 1, width))
        if "static" in inputs:
            known = self._linear(width)(inputs["static"])
            # (B, width) -> (B * count, width) -> (B * count, 1, width)
            queries += ops.repeat(known, count, axis=0)[:, None]
        return queries

    def _decoded_segments(
        self, queries: Tensor, layers: list[keras.layers.RNN], states: list[list[Tensor]]
    ) -> Tensor:
        """Decode every segment of the horizon from the last states, in parallel: (B, H, width)."""
        count, width, length = self.num_segments, self.spec.width, self.segment_length
        # Each of the B * count queries starts from a copy of the states: (B, U) -> (B * count, U).
        copies = [[ops.repeat(part, count, axis=0) for part in state] for state in states]
        decoded, _ = self._run(layers, queries, copies)
        values = self._dense(length * width)(decoded)
        # (B * count, 1, length * width) -> (B, count * length, width) -> (B, H, width)
        return ops.reshape(values, (-1, count * length, width))[:, : self.spec.horizon]

    def _dense_decoder(self, context: Tensor) -> Tensor:
        """Map context and future covariates to all steps of the horizon at once: (B, H, width)."""
        if "future_covariates" in self.inputs:
            known = keras.layers.Flatten()(self.inputs["future_covariates"])
            context = _join(context, known)
        values = self._dense(self.spec.horizon * self.spec.width)(context)
        return ops.reshape(values, (-1, self.spec.horizon, self.spec.width))

    def _covariate_skip_connection(self, context: Tensor) -> Tensor:
        """Map each step's covariates to a part of its forecast: (B, H, F) -> (B, H, width)."""
        units, future = self.network.units, self.inputs["future_covariates"]
        state = self._linear(units)(context)[:, None]  # (B, U) -> (B, 1, U), for all steps
        to_forecast, to_hidden = self._dense(self.spec.width), self._dense(units)
        return to_forecast(ops.relu(state + to_hidden(future)))

    def _dense(
        self, units: int, activation: str | None = None, use_bias: bool = True
    ) -> keras.layers.Dense:
        initializer = keras.initializers.GlorotUniform(next(self.seeds))
        return keras.layers.Dense(units, activation, use_bias, kernel_initializer=initializer)

    def _linear(self, units: int) -> keras.layers.Dense:
        return self._dense(units, use_bias=False)


def core_inputs(spec: WindowSpec) -> dict[str, keras.KerasTensor]:
    """Return the inputs of a core by name; those of covariates only where their width is not 0."""
    shapes = {
        "past": (spec.input_length, spec.channels),
        "observed": (spec.input_length, spec.channels),
        "past_covariates": (spec.input_length, spec.past_covariates),
        "future_covariates": (spec.horizon, spec.future_covariates),
        "static": (spec.static,),
    }
    return {name: keras.Input(shape, name=name) for name, shape in shapes.items() if shape[-1]}


@keras.saving.register_keras_serializable(package="forecaster")
class Positions(keras.layers.Layer):
    """Learned decoder query for each of `count` segments: (B, U) -> (B * count, 1, width).

    Args:
        count: segments of the horizon.
        width: of a query, the same as that of the recurrent layers' inputs.
        seed: of the initial values.
    """

    def __init__(self, count: int, width: int, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count, self.width, self.seed = count, width, seed

    def build(self, _: Any) -> None:
        initializer = keras.initializers.RandomNormal(stddev=0.05, seed=self.seed)
        self.embedding = self.add_weight((self.count, 1, self.width), initializer, name="embedding")

    def call(self, state: Tensor) -> Tensor:
        return ops.tile(self.embedding, (ops.shape(state)[0], 1, 1))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"count": self.count, "width": self.width, "seed": self.seed}


def default_segment_length(season_length: int) -> int:
    """Return the largest divisor of a season that has at most 48 steps."""
    return max(n for n in range(1, LONGEST_SEGMENT + 1) if season_length % n == 0)


def _seeds(seed: int) -> Iterator[int]:
    """Yield seeds without end, so that no two random parts of a network share one."""
    generator = np.random.default_rng(seed)
    while True:
        yield int(generator.integers(2**31))


def _join(first: Tensor, *others: Tensor | None) -> Tensor:
    """Concatenate on the last axis, leaving out None; (B, K) is repeated for every step."""
    parts = [first]
    for other in others:
        if other is not None and len(other.shape) < len(first.shape):
            other = ops.repeat(other[:, None], first.shape[1], axis=1)  # (B, K) -> (B, steps, K)
        parts += [] if other is None else [other]
    return ops.concatenate(parts, -1) if len(parts) > 1 else first


def _segments(steps: Tensor, length: int, pad_start: bool = True) -> Tensor:
    """Cut steps into segments: (B, T, C) -> (B, ceil(T / length), length * C).

    Zeros fill up the first segment, so that the last step ends the last one; where `pad_start` is
    off, they fill up the last segment.
    """
    _, count, channels = steps.shape
    missing = -count % length
    pad = [missing, 0] if pad_start else [0, missing]
    steps = ops.pad(steps, [[0, 0], pad, [0, 0]])
    return ops.reshape(steps, (-1, math.ceil(count / length), length * channels))
