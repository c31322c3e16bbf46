"""Reference results for every recurrent cell and layer: a slow float64 loop in NumPy.

The tests state the formula of one step once more, apart from the code, and each weight gets random
values of its own, so that no two gates can be mistaken for each other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 4


def _normal(rng, batch, size):
    return rng.normal(size=(batch, size))


@dataclass(frozen=True)
class ReferenceCell:
    """A cell or layer and the expected results of it; w holds its weights by name."""

    tested: type  # the cell or the layer
    weights: Callable  # (rng, units, features) -> {name: array}, in the order of `layer.weights`
    step: Callable  # (w, x (B, F), states) -> (output (B, any), new states)
    state_sizes: Callable  # units -> sizes of the states
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the constructor, beside units
    # (w, x, states) -> all that `trace` shows of one step, or None: "hidden" is the output.
    values: Callable | None = None
    # Where gradients are cut: (w, x, states, seen, seen_after) -> (output, new states), with the
    # states before and after this step once more, as numbers through which no error flows.
    cut_step: Callable | None = None
    draw_state: Callable = _normal  # (rng, batch, size) -> a state to start from
    # Values for the check of configs, for arguments that only this one has.
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_layer(self):
        return issubclass(self.tested, keras.layers.RNN)

    def random_weights(self, seed, units=UNITS, features=FEATURES):
        return SimpleNamespace(**self.weights(np.random.default_rng(seed), units, features))

    def random_states(self, seed):
        rng = np.random.default_rng(seed)
        return [self.draw_state(rng, BATCH, size) for size in self.state_sizes(UNITS)]

    def loaded(self, weights, units=UNITS, features=FEATURES, **arguments):
        """Return a built layer or cell that holds `weights`, in float64 by default."""
        layer = self.tested(units, **{"dtype": "float64", **self.arguments, **arguments})
        layer.build((None, None, features) if self.is_layer else (None, features))
        layer.set_weights(list(vars(weights).values()))
        return layer

    def run(self, weights, x, states=None, mask=None, backwards=False, zero=False, units=UNITS):
        """Run the recurrence: outputs (B, L, any) in the order computed, then the last states."""
        if states is None:
            states = [np.zeros((len(x), size)) for size in self.state_sizes(units)]
        output, outputs = 0.0, []
        for t in range(x.shape[1])[:: -1 if backwards else 1]:
            new_output, new_states = self.step(weights, x[:, t], tuple(states))
            valid = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
            states = [np.where(valid, *pair) for pair in zip(new_states, states, strict=True)]
            output = np.where(valid, new_output, 0.0 if zero else output)
            outputs.append(output)
        return [np.stack(outputs, axis=1), *states]

    def with_cuts(self, weights, x, states, mask):
        """Return this cell, in runs of which everything hidden from the gradient stays as now."""
        if self.cut_step is None:
            return self
        seen = []

        def record(w, x, states):
            output, after = self.step(w, x, states)
            seen.append(([state.copy() for state in states], after))
            return output, after

        replace(self, step=record).run(weights, x, states, mask)
        again = cycle(seen)  # each run takes as many steps
        return replace(self, step=lambda w, x, states: self.cut_step(w, x, states, *next(again)))


def inputs(seed=0, batch=BATCH, time=TIME, features=FEATURES):
    return np.random.default_rng(seed).normal(size=(batch, time, features))


def slope(function, array, step=1e-5):
    """Compute finite differences of `function()` by every value of `array`, read in place."""
    slopes = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + step
        above = function()
        array[index] = value - step
        slopes[index] = (above - function()) / (2 * step)
        array[index] = value
    return slopes


def as_array(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor), "float64")


def assert_close(actual, expected, tolerance):
    """Check the max-abs error over the max-abs value, of a tensor or of each in a list."""
    if isinstance(expected, (list, tuple)):
        for pair in zip(actual, expected, strict=True):
            assert_close(*pair, tolerance)
        return
    actual, expected = as_array(actual), as_array(expected)
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()
