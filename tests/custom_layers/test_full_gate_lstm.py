"""FullGateLSTM against its formula in NumPy."""

import numpy as np
import pytest

from custom_layers import FullGateLSTM, FullGateLSTMCell
from tests.helpers.gated_formulas import by_letter, described, letters_of, peephole, stepping
from tests.helpers.layer_checks import check_gradients
from tests.helpers.reference_cells import ReferenceCell


def full_gate(peepholes="ifo"):
    def weights(rng, units, features):
        gates = {"gate_kernel": rng.normal(size=(3 * units, 3 * units)) / np.sqrt(units)}
        return described(peephole, "ifgo", peepholes)["weights"](rng, units, features) | gates

    def values(w, x, states):
        h, c, *gates = states
        z = by_letter("ifgo", x @ w.kernel + h @ w.recurrent_kernel + w.bias)
        columns = [np.split(rows, 3, axis=1) for rows in np.split(w.gate_kernel, 3)]
        for k, letter in enumerate("ifo"):
            for before, row in zip(gates, columns, strict=True):
                setattr(z, letter, getattr(z, letter) + before @ row[k])
        return peephole(z, letters_of(peepholes, w), h, c)

    return stepping(weights, values, ("hidden", "cell", "input", "forget", "output"))


def test_layer(check_layer):
    check_layer(FullGateLSTM, **full_gate())


def test_cell(check_cell):
    check_cell(FullGateLSTMCell, **full_gate())


@pytest.mark.slow
def test_truncated_gradient_with_full_gate_recurrence():
    def cut(w, x, states, seen, seen_after):
        return description["step"](w, x, (seen[0], states[1], *seen[2:]))

    description = full_gate(peepholes="")
    options = {"peepholes": (), "truncate_gradient": True}
    check_gradients(ReferenceCell(FullGateLSTM, **description, cut_step=cut, arguments=options))
