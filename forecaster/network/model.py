"""Model assembly: a core with normalization, covariate encoders and a head around it.

    past_values (B, L, S'), NaN where missing
        -> InstanceNormalization    location and scale of each window; missing values filled
    past_covariates, future_covariates, static, NaN where missing
        -> CovariateEncoder         numbers standardized, categories embedded
    both -> core              (B, H, S' * width), in normalized units
         -> output.forecast   for instance quantiles that cannot cross
         -> location + scale * forecast                                     (B, H, S', width)

Who owns what:

* normalization.py, covariate_encoder.py and heads.py own the steps around the core.
* Any function `(WindowSpec) -> keras.Model` makes the core; `as_network` resolves the names and
  specs that stand for one, and `SavedNetwork` is one from its Keras config.
* `build_model` owns their assembly, and checks what a core takes and returns.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from forecaster.inputs.spec import (
    INPUT_OF_ROLE,
    UNSCALED,
    CovariateKinds,
    Forward,
    Tensor,
    WindowSpec,
)
from forecaster.network.cells import CELLS
from forecaster.network.core import Core, core_inputs
from forecaster.network.covariate_encoder import CovariateEncoder, core_spec
from forecaster.network.guards import core_from_json
from forecaster.network.heads import Point, Quantiles
from forecaster.network.normalization import InstanceNormalization, Normalization
from forecaster.network.recurrent import Cell, RecurrentNetwork
from forecaster.utils.processes import check_not_forked, mark_tensorflow_start

ENCODER = "encode_"  # then the role of the covariates
NO_COVARIATES = CovariateKinds()

# The cores in models that still exist: one that comes again would bring its trained weights.
_USED_CORES: weakref.WeakSet[keras.Model] = weakref.WeakSet()


@dataclass(frozen=True)
class SavedNetwork:
    """Core network from its Keras config, so that any network can be saved and loaded.

    Args:
        config: JSON text of a Keras model.
    """

    config: str

    @classmethod
    def of(cls, model: keras.Model) -> SavedNetwork:
        """Describe the core inside a model that `build_model` made.

        Raises:
            TypeError: if Keras cannot write its config, or not rebuild it from that.
        """
        core = next(layer for layer in model.layers if isinstance(layer, keras.Model))
        try:
            config = core.to_json()
            core_from_json(config)
        except (NotImplementedError, TypeError, ValueError) as error:
            raise TypeError(
                "`network` must make a model that Keras can write as its config and read back. "
                f"Received: the model {core.name!r}, with which that fails. Give its layers "
                "get_config() and register them (keras.saving.register_keras_serializable)."
            ) from error
        return cls(config)

    def __call__(self, spec: WindowSpec) -> keras.Model:
        return core_from_json(self.config)


def as_network(network: str | Core) -> Core:
    """Return the core that a cell's name, a spec or a function of a `WindowSpec` stands for.

    Raises:
        TypeError: if `network` is none of these.
        ValueError: if there is no cell of that name.
    """
    if isinstance(network, str):
        return RecurrentNetwork(cell=cast(Cell, network))  # which checks the name
    if not callable(network) or isinstance(network, keras.Model):
        raise TypeError(
            "`network` must be a cell's name, a RecurrentNetwork, or a function "
            f"(WindowSpec) -> keras.Model. Received: network={network!r}. "
            f"The cells are {', '.join(CELLS)}."
        )
    return network


def check_backend() -> None:
    """Check that Keras runs on TensorFlow, which training and SavedModels need, and can run.

    Raises:
        RuntimeError: if it runs on another backend, or TensorFlow started before a fork to here.
    """
    check_not_forked()
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "Keras must run on its TensorFlow backend for a Forecaster; custom_layers runs on all. "
            f"Received: {keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow and start again."
        )


def build_model(
    network: Core,
    spec: WindowSpec,
    normalization: Normalization,
    output: Point | Quantiles,
    kinds: CovariateKinds = NO_COVARIATES,
) -> keras.Model:
    """Build the model from unscaled inputs to forecasts, with the core that `network` makes.

    Before training, set the scale of its covariates with `set_scaling`.

    Args:
        network: makes the core.
        spec: shapes of the windows and the seed; its widths of covariates are ignored.
        normalization: "standard", "last" or "none".
        output: the head.
        kinds: of the columns of the covariates.

    Returns:
        A model to forecasts (B, H, S', width) in the targets' units, from a dictionary of inputs,
        float32 and NaN where missing: ``past_values`` (B, L, S'), ``past_covariates`` (B, L, n),
        ``future_covariates`` (B, H, n) and ``static`` (B, n), the last three only where there are
        such columns.

    Raises:
        TypeError: if `network` does not return a Keras model.
        ValueError: if it returns the same one again, or one whose output has another shape than
            (B, H, S' * width), or whose inputs do not match the available ones. It may leave out
            "past", "observed", and covariates that are all unscaled, as time features are.
    """
    mark_tensorflow_start()
    encoded_spec = core_spec(spec, kinds)
    core = _new_core(network, encoded_spec)
    inputs = _inputs(spec, kinds)
    # Only the core follows Keras's dtype policy: float16 has too few digits for the users' units.
    normalize = InstanceNormalization(normalization, dtype="float32")
    past, observed, location, scale = normalize(inputs["past_values"])
    encoded = {"past": past, "observed": observed}
    used = _used_inputs(core, encoded_spec, kinds)
    seeds = np.random.default_rng([spec.seed, 1]).integers(2**31, size=len(INPUT_OF_ROLE))
    for (role, name), seed in zip(INPUT_OF_ROLE.items(), seeds, strict=True):
        if name in used:
            encode = CovariateEncoder(
                getattr(kinds, role),
                int(seed),
                flags=role == "past",
                name=ENCODER + role,
                dtype="float32",
            )
            encoded[name] = encode(inputs[name])
    raw = ops.cast(core({name: encoded[name] for name in used}), "float32")
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
    """Set location and scale of the numeric covariates.

    Args:
        model: as `build_model` made it.
        scaling: for "past", "future" and "static" the locations (n,) and scales (n,) of the
            columns; those of columns of other kinds are ignored. Where one is not finite, the
            location is 0 and the scale 1; where a column does not vary, the scale is 1 too.
    """
    for layer in model.layers:  # an encoder for each role whose input the core takes
        role = layer.name.removeprefix(ENCODER)
        if isinstance(layer, CovariateEncoder) and role in scaling:
            layer.set_scaling(*scaling[role])


def _new_core(network: Core, spec: WindowSpec) -> keras.Model:
    """Make a core, and check that it is a Keras model that was not used before."""
    core = network(spec)
    if not isinstance(core, keras.Model):
        raise TypeError(f"`network` must return a keras.Model. Received: {type(core).__name__}.")
    if core in _USED_CORES:
        raise ValueError(
            "`network` must return a new model each time, because every fit starts from fresh "
            f"weights. Received: the model {core.name!r} again. Build it inside the function."
        )
    _USED_CORES.add(core)
    return core


def _inputs(spec: WindowSpec, kinds: CovariateKinds) -> dict[str, keras.KerasTensor]:
    """Return the inputs of the whole model."""
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


def _used_inputs(core: keras.Model, spec: WindowSpec, kinds: CovariateKinds) -> list[str]:
    """Return the names of the inputs that a core takes; all that are available if it has none yet.

    Raises:
        ValueError: if it takes an input that is not available, or leaves out one that it must take.
    """
    present = {name: getattr(kinds, role) for role, name in INPUT_OF_ROLE.items()}
    present = {name: columns for name, columns in present.items() if columns}
    available = ["past", "observed", *present]
    if getattr(core, "inputs", None) is None:  # a subclassed model, before it is called
        return available
    takes = list(core.input) if isinstance(core.input, dict) else [x.name for x in core.inputs]
    for name in takes:
        if name not in available:
            raise ValueError(
                f"`network` must take no other inputs than {', '.join(map(repr, available))}, "
                f"which are all there are. Received: the model {core.name!r} with the input "
                f"{name!r}. Covariates whose width in the WindowSpec is 0 have no input."
            )
    for name, columns in present.items():
        if name not in takes and any(kind != UNSCALED for kind in columns):
            shape = core_inputs(spec)[name].shape[1:]
            raise ValueError(
                f"`network` must take the input {name!r}, because there are such covariates. "
                f"Received: the model {core.name!r} with the inputs {', '.join(map(repr, takes))}. "
                f"Add keras.Input({shape}, name={name!r}) to it, or leave those covariates out."
            )
    return [name for name in available if name in takes]


def compiles_with_xla(model: keras.Model) -> bool:
    """Return whether XLA can compile every layer, by Keras's attribute `supports_jit`, and should.

    Keras's LSTM and GRU do not support it on a GPU, where cuDNN is faster. The gated layers of
    `custom_layers` train in XLA computations of their own, which are slower inside another.
    """
    return all(
        layer.supports_jit and not getattr(layer, "compiles_itself", False)
        for layer in model._flatten_layers()
    )


def compile_forward(model: keras.Model) -> Forward:
    """Trace the model as one graph for any batch: its dictionary of inputs -> (B, H, S', width).

    XLA is not used: compiling would take longer than most forecasts.
    """

    @tf.function(autograph=False)
    def forward(inputs: dict[str, Tensor]) -> Tensor:
        return model(inputs, training=False)

    return forward.get_concrete_function(
        {name: tf.TensorSpec(given.shape, tf.float32) for name, given in model.input.items()}
    )
