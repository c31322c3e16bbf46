"""The judge of every member of the LSTM family: a slow float64 loop in NumPy.

Its weights are named as in the formula, W_i, R_i, p_i, b_i, ..., each with random values of its
own, so that no two gates can be mistaken for each other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import keras
import numpy as np

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 4
LETTERS = {"input": "i", "forget": "f", "output": "o"}


@dataclass(frozen=True)
class Member:
    """What a test states about a cell or a layer."""

    tested: type  # the cell or the layer
    blocks: str  # letters of the blocks in the fused weights, such as "ifgo"
    step: Callable  # (weights, x, h, c) -> (h', c') in NumPy
    as_lstm: Callable  # weights without peepholes -> weights with which an LSTM computes the same

    @property
    def gates(self):
        return [name for name, letter in LETTERS.items() if letter in self.blocks]


def inputs(seed=0, batch=BATCH, time=TIME, features=FEATURES):
    return np.random.default_rng(seed).normal(size=(batch, time, features))


def random_weights(member, seed, units=UNITS, features=FEATURES, peepholes=None):
    """Weights by name; p is zero for gates without peephole. `peepholes=None` means all gates."""
    rng = np.random.default_rng(seed)
    peepholes = member.gates if peepholes is None else peepholes
    weights = SimpleNamespace()
    for letter in member.blocks:
        setattr(weights, f"W_{letter}", rng.normal(size=(features, units)))
        setattr(weights, f"R_{letter}", rng.normal(size=(units, units)) / np.sqrt(units))
        setattr(weights, f"b_{letter}", rng.normal(size=units))
    for name in member.gates:
        p = rng.normal(size=units) if name in peepholes else np.zeros(units)
        setattr(weights, f"p_{LETTERS[name]}", p)
    return weights


def fused(blocks, weights, peepholes=()):
    """The same weights as Keras keeps them: kernel, recurrent_kernel, bias, peephole_kernel."""
    arrays = [
        np.concatenate([getattr(weights, f"{kind}_{letter}") for letter in blocks], axis=-1)
        for kind in "WRb"
    ]
    rows = [getattr(weights, f"p_{LETTERS[name]}") for name in LETTERS if name in peepholes]
    return [*arrays, np.stack(rows)] if rows else arrays


def loaded(member, weights, units=UNITS, features=FEATURES, peepholes=None, **arguments):
    """A built layer or cell that holds `weights`, float64 unless told otherwise."""
    peepholes = member.gates if peepholes is None else peepholes
    layer = member.tested(units, peepholes=peepholes, **{"dtype": "float64", **arguments})
    is_layer = isinstance(layer, keras.layers.RNN)
    layer.build((None, None, features) if is_layer else (None, features))
    layer.set_weights(fused(member.blocks, weights, peepholes))
    return layer


def run_reference(step, weights, x, states=None, mask=None, backwards=False, zero_masked=False):
    """The recurrence over time: outputs (B, L, U) in the order computed, last h and c (B, U)."""
    h, c = states or (np.zeros((len(x), len(weights.b_o))),) * 2
    output, outputs = np.zeros_like(h), []
    for t in range(x.shape[1])[:: -1 if backwards else 1]:
        new_h, new_c = step(weights, x[:, t], h, c)
        valid = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        h, c = np.where(valid, new_h, h), np.where(valid, new_c, c)
        output = np.where(valid, new_h, 0.0 if zero_masked else output)
        outputs.append(output)
    return np.stack(outputs, axis=1), h, c


def slope(function, array, step=1e-5):
    """Finite differences of `function()` for every value of `array`, which it reads in place."""
    slopes = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + step
        above = function()
        array[index] = value - step
        slopes[index] = (above - function()) / (2 * step)
        array[index] = value
    return slopes


def assert_close(actual, expected, tolerance):
    """Max-abs error over max-abs value."""
    actual, expected = np.asarray(actual, "float64"), np.asarray(expected, "float64")
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()
