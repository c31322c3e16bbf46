"""Optimizer of a fit: Adam with a running average of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from keras import ops

DECAY = 10  # the average is over about the last 1 / DECAY of the steps


@keras.saving.register_keras_serializable(package="forecaster")
class AveragedAdam(keras.optimizers.Adam):
    """Adam that ends with a running average of the weights, not with the last ones.

    The last weights jump about a good place at the size of the gradients' noise; their average lies
    in it, as it would after lowering the learning rate, but needs no schedule that knows the last
    step beforehand. With the weights ``w[t]`` after step ``t = 1, 2, ...``

        average[t] = average[t - 1] + 10 / (t + 9) * (w[t] - average[t - 1])

    so that the first weights are forgotten, and about the last tenth of all steps counts.

    Source: Shamir & Zhang 2013, "Stochastic Gradient Descent for Non-smooth Optimization:
        Convergence Results and Optimal Averaging Schemes" (polynomial-decay averaging, eta = 9).
    """

    def build(self, variables: list[keras.Variable]) -> None:
        super().build(variables)
        self.averages = [self.add_variable_from_reference(v, name="average") for v in variables]

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate)
        average = self.averages[self._get_variable_index(variable)]
        steps_before = ops.cast(self.iterations, variable.dtype)
        self.assign_add(average, DECAY / (steps_before + DECAY) * (variable - average))

    def _all_reduce_sum_gradients(self, grads_and_vars: list[tuple[Any, Any]]) -> list[Any]:
        """Sum gradients over the replicas; leave them where there is one.

        Keras sums over one replica too, by a custom gradient, for which TensorFlow keeps the whole
        graph of the training step as long as the process lives.
        """
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return grads_and_vars
        return super()._all_reduce_sum_gradients(grads_and_vars)

    def finalize_variable_values(self, var_list: list[keras.Variable]) -> None:
        """Replace the weights by their averages; Keras calls it at the end of `fit`."""
        for variable, average in zip(var_list, self.averages, strict=True):
            variable.assign(average)


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Replace a model's weights by the averages of its `AveragedAdam` within the context."""
    weights = [variable.numpy() for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, weight in zip(model.trainable_variables, weights, strict=True):
            variable.assign(weight)
