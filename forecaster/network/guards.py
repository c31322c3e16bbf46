"""Guards for models that come from a file: what Keras may build, how large, and of which dtypes.

Who owns what: `core_from_json` reads the config of a network, and lets Keras make only its own
layers and classes that someone registered; `at_most_weights` bounds what a model may allocate while
it is built; `dtype_policy` builds it with the dtypes that it was saved with; `set_saved_weights`
puts the weights of the file into it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forecaster.utils.files import json_in

POLICIES = ("float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
OTHER_VARIABLES = 2**18  # numbers that a model may hold beside its weights, such as states of seeds

# What a config may name of Keras: layers, what they are made of, and operations on tensors.
_MODULES = re.compile(
    r"keras|keras\.(src\.)?(activations|constraints|dtype_policies|initializers|layers|losses|"
    r"metrics|models|ops|optimizers|quantizers|random|regularizers)(\.\w+)*"
)
# Layers of Keras's own that run code, or read files, which their configs name.
_UNSAFE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
_READERS = ("IndexLookup", "StringLookup", "IntegerLookup", "TextVectorization")
_VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__")


def core_from_json(text: str) -> keras.Model:
    """Build a network from its Keras config; nothing in it is imported or run as code.

    Args:
        text: as `keras.Model.to_json` writes it.

    Raises:
        TypeError: if it is not the config of a model.
        ValueError: if it names what is neither a layer of Keras nor registered with Keras.
    """
    config = json_in(text.encode("utf-8"))
    _check_config(config)
    # With Keras's own switch for it on, even that would run code: the check above leaves none.
    core = keras.saving.deserialize_keras_object(config, safe_mode=True)
    if not isinstance(core, keras.Model):
        raise TypeError(f"A network must be a model. Received: the config of a {type(core)}.")
    return core


def _check_config(config: Any) -> None:
    """Check each object that a config describes, at every depth."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class_name" in part:
                _check_object(part)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _check_object(described: dict[str, Any]) -> None:
    name, module = described["class_name"], described.get("module")
    if name in _VALUES:
        return
    is_function = name == "function"
    known_as = described.get("config") if is_function else described.get("registered_name", name)
    if isinstance(known_as, str) and keras.saving.get_registered_object(known_as) is not None:
        return
    if is_function and module == "builtins":  # a name among Keras's own functions
        return
    is_keras = isinstance(module, str) and _MODULES.fullmatch(module)
    is_class = isinstance(name, str) and not name.startswith("__")  # as code and types are
    if not is_keras or not is_class or name in _UNSAFE + _READERS:
        raise ValueError(
            "`network` must be made of Keras's own layers, or of classes registered with Keras. "
            f"Received: {str(known_as or name)[:80]!r} of the module {str(module)[:80]!r}. If that "
            "is yours, import what registers it (keras.saving.register_keras_serializable) first."
        )


@contextmanager
def at_most_weights(count: int) -> Iterator[None]:
    """Let models be built meanwhile that have `count` weights or fewer, all together.

    The shape of each variable is found, without its values, before memory is taken for it.

    Raises:
        ValueError: in the body, when the models that are built there have more.
    """
    left = count + OTHER_VARIABLES

    def create(next_creator: Any, **described: Any) -> Any:
        nonlocal left
        left -= _size(described["initial_value"])
        if left < 0:
            raise ValueError(
                f"the network that is described has more weights than the {count} saved"
            )
        return next_creator(**described)

    with tf.variable_creator_scope(create):
        yield


def _size(initial_value: Any) -> int:
    """Count the numbers of an initial value, which a function of no arguments may make."""
    if callable(initial_value):
        with tf.__internal__.FuncGraph("shapes").as_default():  # where nothing is computed
            initial_value = initial_value()
    return math.prod(initial_value.shape)


@contextmanager
def dtype_policy(name: str | None) -> Iterator[None]:
    """Build layers with a dtype policy in this thread meanwhile; None: the one that is set."""
    before = keras.config.dtype_policy()
    try:
        if name is not None:
            keras.config.set_dtype_policy(name)
        yield
    finally:
        keras.config.set_dtype_policy(before)


def policy_of(model: keras.Model) -> str | None:
    """Return the name of the dtype policy that the core in a model was built with.

    None: one that has no name of Keras's own, such as a map of layers to policies.
    """
    core = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    name = core.dtype_policy.name
    return name if name in POLICIES else None


def set_saved_weights(model: keras.Model, weights: Sequence[np.ndarray]) -> None:
    """Set the weights of a model as they came from a file.

    Args:
        model: the model.
        weights: in its order. Dtypes that NumPy's files do not know, bfloat16, are bytes there.

    Raises:
        ValueError: if they are of other shapes or dtypes than the model's.
    """
    if len(weights) != len(model.weights):
        raise ValueError(
            f"the network described has {len(model.weights)} weights where {len(weights)} are saved"
        )
    values = []
    for array, variable in zip(weights, model.weights, strict=True):
        dtype, shape = np.dtype(variable.dtype), tuple(variable.shape)
        if array.dtype.kind == "V" and array.dtype.itemsize == dtype.itemsize:
            array = array.view(dtype)
        if (array.shape, array.dtype) != (shape, dtype):
            raise ValueError(
                f"the network described has weights {shape} {dtype} where {array.shape} "
                f"{array.dtype} are saved"
            )
        values.append(array)
    model.set_weights(values)
