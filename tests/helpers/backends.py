"""Compilation and differentiation on each backend of Keras, under one interface."""

import contextlib

import keras
import numpy as np
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE

BACKEND = keras.backend.backend()


def prepare():
    """Let Keras compute in float64, as the reference does, and eagerly unless asked to compile.

    On JAX and torch Keras rounds every float64 to float32, as JAX does unless it is told not to.
    JAX compiles every loop that it meets, even in eager calls; of those there are thousands here,
    each too short to be worth optimizing.
    """
    if BACKEND == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_disable_jit", True)
        jax.config.update("jax_disable_most_optimizations", True)
    BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def compiling():
    """Return a context in which JAX compiles; elsewhere it changes nothing."""
    if BACKEND == "jax":
        import jax

        return jax.disable_jit(False)
    return contextlib.nullcontext()


def paths(layer):
    """Return ways to call a layer: as it is, then compiled in each way that the backend has."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return layer, tf.function(layer), tf.function(layer, jit_compile=True)
    if BACKEND == "jax":
        return layer, _jitted(lambda x, initial_state: layer(x, initial_state=initial_state))
    return (layer,)


def _jitted(function):
    import jax

    compiled = jax.jit(function)

    def call(*args, **kwargs):
        with compiling():
            return compiled(*args, **kwargs)

    return call


def compile_options():
    """Return ways to train a model beside eagerly: arguments of `Model.compile`."""
    if BACKEND == "tensorflow":
        return {"jit_compile": False}, {"jit_compile": True}
    return ({"jit_compile": True},) if BACKEND == "jax" else ()


def value_and_gradients(function, layer, arrays, compiled=False):
    """Compute `function(*arrays)` and its gradients by the weights and by each array."""
    variables = [variable.value for variable in layer.trainable_variables]
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    found = _DERIVATIVES[BACKEND](function, layer, variables, tensors, compiled)
    total, *gradients = [np.asarray(keras.ops.convert_to_numpy(tensor)) for tensor in found]
    return total, gradients


def _tensorflow(function, layer, variables, tensors, compiled):
    import tensorflow as tf

    def derive(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            total = function(*tensors)
        return total, *tape.gradient(total, [*variables, *tensors], unconnected_gradients="zero")

    return tf.function(derive, jit_compile=True)(*tensors) if compiled else derive(*tensors)


def _jax(function, layer, variables, tensors, compiled):
    import jax

    def total(variables, tensors):
        mapping = zip(layer.trainable_variables, variables, strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)):
            return function(*tensors)

    derive = jax.value_and_grad(total, argnums=(0, 1))
    value, gradients = (_jitted(derive) if compiled else derive)(variables, tensors)
    return value, *gradients[0], *gradients[1]


def _torch(function, layer, variables, tensors, compiled):
    import torch

    tensors = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    total = function(*tensors)
    return total, *torch.autograd.grad(total, [*variables, *tensors], materialize_grads=True)


_DERIVATIVES = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
