"""The optimizer of a fit: Adam, with a running average of the weights beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras import ops

DECAY = 10  # about one in so many of the steps, the newest, make up the average


class AveragedAdam(keras.optimizers.Adam):
    """Adam, which in the end leaves the average of the newest weights, not the last ones.

    The last weights jump about a good place at the size of the gradients' noise; their average lies
    in it, as it would after lowering the learning rate, but needs no schedule that knows the last
    step beforehand. With the weights ``w[t]`` after step ``t = 1, 2, ...``

        average[t] = average[t - 1] + 10 / (t + 9) * (w[t] - average[t - 1])

    so that the first weights are forgotten, and about the last tenth of all steps counts.

    Source: Shamir & Zhang 2013, "Stochastic Gradient Descent for Non-smooth Optimization:
        Convergence Results and Optimal Averaging Schemes" (polynomial-decay averaging, eta = 9).
    """

    def build(self, variables):
        super().build(variables)
        self.averages = [self.add_variable_from_reference(v, name="average") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate)
        average = self.averages[self._get_variable_index(variable)]
        steps_before = ops.cast(self.iterations, variable.dtype)
        self.assign_add(average, DECAY / (steps_before + DECAY) * (variable - average))

    def finalize_variable_values(self, var_list):
        """Put the averages in the place of the weights; Keras's `fit` ends with it."""
        for variable, average in zip(var_list, self.averages, strict=True):
            variable.assign(average)


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Inside, the averages are the weights of a model that an `AveragedAdam` trains."""
    weights = [variable.numpy() for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, weight in zip(model.trainable_variables, weights, strict=True):
            variable.assign(weight)
