"""Executions of a fit: several gradient steps in a graph, traced once, ahead of its first call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf


def compile_execution(model: keras.Model, steps: int) -> Callable[[Iterator], dict[str, Any]]:
    """Make the train function of a compiled model, for its attribute `train_function`.

    Keras's own is a new `tf.function` for every model, traced when it is first called. To
    TensorFlow these are all one function, which several short fits in a row seem to trace again and
    again, so that it warns of retracing. This one is traced as what it is, a graph for one model.

    Args:
        model: compiled, on a single device. As in Keras, only a step is compiled by XLA, if the
            model is.
        steps: gradient steps in an execution, at least 1.

    Returns:
        A function from an iterator without end to the logs after its next `steps` batches.
    """
    step = tf.function(model.train_step, jit_compile=model.jit_compile)

    @tf.function
    def execute(iterator: Any) -> dict[str, Any]:
        outputs = step.get_concrete_function(iterator.element_spec).structured_outputs
        logs = tf.nest.map_structure(lambda like: tf.zeros(like.shape, like.dtype), outputs)
        for _ in tf.range(steps):
            logs = step(next(iterator))
        return logs

    traced: list[Callable[[Iterator], dict[str, Any]]] = []

    def call(iterator: Iterator) -> dict[str, Any]:
        if not traced:
            traced.append(execute.get_concrete_function(iterator))
        return traced[0](iterator)

    return call
