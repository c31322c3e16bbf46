"""Formulas of gated cells in NumPy, and the description of a cell that follows from a formula.

A formula gets z, by letter the input of a gate from x, h and bias; p, by letter the peepholes; and
the states. It returns all values of the step, by the names under which `trace` shows them.
"""

from types import SimpleNamespace

import numpy as np
import pytest

tanh = np.tanh


def s(z):
    return 1 / (1 + np.exp(-z))


def peephole(z, p, h, c):
    i, f, g = s(z.i + p.i * c), s(z.f + p.f * c), tanh(z.g)
    c = f * c + i * g
    o = s(z.o + p.o * c)
    return {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": o * tanh(c)}


def coupled(z, p, h, c):
    i, g = s(z.i + p.i * c), tanh(z.g)
    f = 1 - i
    c = f * c + i * g
    o = s(z.o + p.o * c)
    return {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": o * tanh(c)}


def described(formula, blocks, peepholes="", states=("hidden", "cell")):
    """Describe a `ReferenceCell` by its formula and the letters of its layout."""

    def weights(rng, units, features):
        width = len(blocks) * units
        arrays = {
            "kernel": rng.normal(size=(features, width)),
            "recurrent_kernel": rng.normal(size=(units, width)) / np.sqrt(units),
            "bias": rng.normal(size=width),
        }
        if peepholes:
            arrays["peephole_kernel"] = rng.normal(size=(len(peepholes), units))
        return arrays

    def values(w, x, states):
        z = x @ w.kernel + states[0] @ w.recurrent_kernel + w.bias
        return formula(by_letter(blocks, z), letters_of(peepholes, w), *states)

    return stepping(weights, values, states)


def by_letter(blocks, fused):
    parts = np.split(fused, len(blocks), axis=-1)
    return SimpleNamespace(**dict(zip(blocks, parts, strict=True)))


def letters_of(peepholes, w):
    rows = zip(peepholes, w.peephole_kernel, strict=True) if peepholes else ()
    return SimpleNamespace(**{"i": 0.0, "f": 0.0, "o": 0.0, **dict(rows)})


def stepping(weights, values, states=("hidden", "cell"), sizes=None):
    """Describe a `ReferenceCell` whose states are among its values."""

    def step(w, x, before):
        after = values(w, x, before)
        return after["hidden"], tuple(after[name] for name in states)

    sizes = sizes or (lambda units: (units,) * len(states))
    return {"weights": weights, "step": step, "values": values, "state_sizes": sizes}


PEEPHOLE = described(peephole, "ifgo", "ifo")


def by_class(classes):
    return pytest.mark.parametrize("tested", classes, ids=lambda tested: tested.__name__)
