"""A core, wrapped so that raw values go in and forecasts in the same units come out.

    past_values (B, L, S'), NaN where missing
        -> NormalizeWindow    location and scale of each window; missing values filled and flagged
    past_covariates, future_covariates, static, NaN where missing
        -> EncodeCovariates   numbers in one scale, categories embedded
    both -> core              (B, H, S' * width), in normalized units
         -> output.forecast   for instance quantiles that cannot cross
         -> location + scale * forecast                                     (B, H, S', width)

The core is any function `(WindowSpec) -> keras.Model`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from forecaster.inputs.windows import WindowSpec
from forecaster.network.covariate_encoder import (
    INPUTS,
    PLAIN,
    CovariateKinds,
    EncodeCovariates,
    core_spec,
)
from forecaster.network.heads import Point, Quantiles
from forecaster.network.recurrent import Core, core_inputs

NORMALIZATIONS = ("standard", "last", "none")
ENCODER = "encode_"  # then the group of covariates
NO_COVARIATES = CovariateKinds()

# The cores that were wrapped and still live: one that comes again would bring its trained weights.
_WRAPPED: weakref.WeakSet[keras.Model] = weakref.WeakSet()


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
    network: Core,
    spec: WindowSpec,
    normalization: str,
    output: Point | Quantiles,
    kinds: CovariateKinds = NO_COVARIATES,
) -> keras.Model:
    """Wrap the core that `network` makes, so that raw values go in and forecasts come out.

    Before it is trained, `set_scaling` gives it the scale of its covariates.

    Args:
        network: makes the core.
        spec: shapes of the windows and the seed; what it says of covariates is not looked at.
        normalization: "standard", "last" or "none".
        output: what the core's numbers are turned into.
        kinds: of the columns of the covariates.

    Returns:
        A model to forecasts (B, H, S', width) in the targets' units, from a dictionary of inputs,
        float32 and NaN where missing: ``past_values`` (B, L, S'), ``past_covariates`` (B, L, n),
        ``future_covariates`` (B, H, n) and ``static`` (B, n), the last three only where there are
        such columns.

    Raises:
        TypeError: if `network` does not return a Keras model.
        ValueError: if it returns the same one again, or one whose output has another shape than
            (B, H, S' * width), or whose inputs are not those that there are. It may leave out
            "past", "observed", and covariates that are all plain, as features of time are.
    """
    core_sees = core_spec(spec, kinds)
    core = _new_core(network, core_sees)
    inputs = _inputs(spec, kinds)
    # Only the core follows Keras's dtype policy: half a float has no digits for the users' units.
    normalize = NormalizeWindow(normalization, dtype="float32")
    past, observed, location, scale = normalize(inputs["past_values"])
    seen = {"past": past, "observed": observed}
    taken = _inputs_taken(core, core_sees, kinds)
    seeds = np.random.default_rng([spec.seed, 1]).integers(2**31, size=len(INPUTS))
    for (group, name), seed in zip(INPUTS.items(), seeds, strict=True):
        if name in taken:
            encode = EncodeCovariates(
                getattr(kinds, group),
                int(seed),
                flags=group == "past",
                name=ENCODER + group,
                dtype="float32",
            )
            seen[name] = encode(inputs[name])
    raw = ops.cast(core({name: seen[name] for name in taken}), "float32")
    shape, expected = tuple(raw.shape), (None, spec.horizon, spec.width)
    if shape != expected:
        raise ValueError(
            f"`network` must return a model with output shape {expected}: batch, horizon, "
            f"channels * head_width. Received: {shape}."
        )
    raw = ops.reshape(raw, (-1, spec.horizon, spec.channels, spec.head_width))
    forecast = location[..., None] + scale[..., None] * output.forecast(raw)
    return keras.Model(inputs, forecast, name="forecaster")


def set_scaling(model: keras.Model, scaling: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Give the columns of numbers among the covariates their location and scale.

    Args:
        model: as `build_model` made it.
        scaling: for "past", "future" and "static" the locations (n,) and scales (n,) of the
            columns; those of other kinds than numbers are not looked at. Where one is not finite,
            the location is 0 and the scale 1; where nothing varies, the scale is 1 too.
    """
    for layer in model.layers:  # one for each group that there is and that the core takes
        group = layer.name.removeprefix(ENCODER)
        if isinstance(layer, EncodeCovariates) and group in scaling:
            layer.set_scaling(*scaling[group])


def _new_core(network: Core, spec: WindowSpec) -> keras.Model:
    core = network(spec)
    if not isinstance(core, keras.Model):
        raise TypeError(f"`network` must return a keras.Model. Received: {type(core).__name__}.")
    if core in _WRAPPED:
        raise ValueError(
            "`network` must return a new model each time, because every fit starts from fresh "
            f"weights. Received: the model {core.name!r} again. Build it inside the function."
        )
    _WRAPPED.add(core)
    return core


def _inputs(spec: WindowSpec, kinds: CovariateKinds) -> dict[str, keras.KerasTensor]:
    """The inputs of the wrapped model."""
    shapes = {
        "past_values": (spec.input_length, spec.channels),
        "past_covariates": (spec.input_length, len(kinds.past)),
        "future_covariates": (spec.horizon, len(kinds.future)),
        "static": (len(kinds.static),),
    }
    return {
        name: keras.Input(shape, dtype="float32", name=name)
        for name, shape in shapes.items()
        if shape[-1]
    }


def _inputs_taken(core: keras.Model, spec: WindowSpec, kinds: CovariateKinds) -> list[str]:
    """Names of what a core is handed: all there is, or what it takes of that where it says so."""
    present = {name: getattr(kinds, group) for group, name in INPUTS.items()}
    present = {name: columns for name, columns in present.items() if columns}
    offered = ["past", "observed", *present]
    if getattr(core, "inputs", None) is None:  # it has none before it is called
        return offered
    takes = list(core.input) if isinstance(core.input, dict) else [x.name for x in core.inputs]
    for name in takes:
        if name not in offered:
            raise ValueError(
                f"`network` must take no other inputs than {', '.join(map(repr, offered))}, which "
                f"are all there are. Received: the model {core.name!r} with the input {name!r}. "
                "Covariates whose width in the WindowSpec is 0 have no input."
            )
    for name, columns in present.items():
        if name not in takes and any(kind != PLAIN for kind in columns):
            shape = core_inputs(spec)[name].shape[1:]
            raise ValueError(
                f"`network` must take the input {name!r}, because there are such covariates. "
                f"Received: the model {core.name!r} with the inputs {', '.join(map(repr, takes))}. "
                f"Add keras.Input({shape}, name={name!r}) to it, or leave those covariates out."
            )
    return [name for name in offered if name in takes]


def compiles_with_xla(model: keras.Model) -> bool:
    """Whether XLA can compile every layer, by Keras's attribute `supports_jit`, and should.

    Keras's LSTM and GRU say no on a GPU, where cuDNN is faster. Our gated layers train in XLA
    computations of their own, which are slower inside another.
    """
    return all(
        layer.supports_jit and not getattr(layer, "compiles_itself", False)
        for layer in model._flatten_layers()
    )


def compile_forward(model: keras.Model) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
    """The model as one graph for any batch: its dictionary of inputs -> (B, H, S', width).

    Not compiled by XLA: that takes longer than most users forecast.
    """

    @tf.function
    def forward(inputs):
        return model(inputs, training=False)

    return forward.get_concrete_function(
        {name: tf.TensorSpec(given.shape, tf.float32) for name, given in model.input.items()}
    )
