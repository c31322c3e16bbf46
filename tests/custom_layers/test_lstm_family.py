"""PeepholeLSTM, CoupledLSTM and LSTM1997 against their formulas in NumPy."""

import keras
import numpy as np
import pytest

from custom_layers import LSTM1997, CoupledLSTM, PeepholeLSTM
from tests.helpers.gated_formulas import (
    PEEPHOLE,
    by_class,
    by_letter,
    coupled,
    described,
    letters_of,
    s,
    tanh,
)
from tests.helpers.layer_checks import check_gradients
from tests.helpers.reference_cells import ReferenceCell, as_array, assert_close


def of_1997(z, p, h, c):
    i, g = s(z.i + p.i * c), 4 / (1 + np.exp(-z.g)) - 2
    c = c + i * g
    o = s(z.o + p.o * c)
    h = o * (2 / (1 + np.exp(-c)) - 1)
    return {"input": i, "candidate": g, "output": o, "cell": c, "hidden": h}


def cut_1997(w, x, states, seen, seen_after):
    """The step of 1997 in which h, which gates and candidate see, is a number."""
    return OF_1997["step"](w, x, (seen[0], states[1]))


def cut_peephole(w, x, states, seen, seen_after):
    """A step in which h and both cell states, as the gates see them, are numbers."""
    z = by_letter("ifgo", x @ w.kernel + seen[0] @ w.recurrent_kernel + w.bias)
    p = letters_of("ifo", w)
    i, f, g = s(z.i + p.i * seen[1]), s(z.f + p.f * seen[1]), tanh(z.g)
    c = f * states[1] + i * g
    h = s(z.o + p.o * seen_after[1]) * tanh(c)
    return h, (h, c)


OF_1997 = described(of_1997, "igo") | {"cut_step": cut_1997, "config": {"chrono_lag": None}}
COUPLED = described(coupled, "igo", "io")
LAYERS = {PeepholeLSTM: PEEPHOLE, CoupledLSTM: COUPLED, LSTM1997: OF_1997}
CELLS = {layer.cell_class: description for layer, description in LAYERS.items()}


@by_class(LAYERS)
def test_layer(check_layer, tested):
    check_layer(tested, **LAYERS[tested])


@by_class(CELLS)
def test_cell(check_cell, tested):
    check_cell(tested, **CELLS[tested])


def test_complete_gradient_of_1997():
    description = OF_1997 | {"cut_step": None, "arguments": {"truncate_gradient": False}}
    check_gradients(ReferenceCell(LSTM1997, **description))


def test_truncated_gradient_with_peepholes():
    cut = {"cut_step": cut_peephole, "arguments": {"truncate_gradient": True}}
    check_gradients(ReferenceCell(PeepholeLSTM, **PEEPHOLE | cut))


def test_squashing_of_1997_stays_within_the_bounds_of_the_paper():
    z = np.linspace(-40.0, 40.0, 81)
    g, h = (
        as_array(LSTM1997(1).cell.activation(z)),
        as_array(LSTM1997(1).cell.output_activation(z)),
    )
    assert_close([g.min(), g.max(), h.min(), h.max()], [-2.0, 2.0, -1.0, 1.0], 1e-9)
    assert g[40] == h[40] == 0.0


def test_coupled_cell_state_stays_an_average_of_candidates():
    wide = [keras.initializers.RandomNormal(0, 5, seed=seed) for seed in (1, 2)]
    layer = CoupledLSTM(
        6, kernel_initializer=wide[0], recurrent_initializer=wide[1], return_state=True
    )
    _, _, c = layer(np.random.default_rng(0).normal(size=(4, 50, 3)))
    assert 0.5 < np.abs(as_array(c)).max() <= 1.0


@pytest.mark.parametrize(
    ("tested", "peepholes"),
    [(PeepholeLSTM, ("input", "forget", "output")), (CoupledLSTM, ("input", "output"))],
)
def test_peepholes_start_at_zero(tested, peepholes):
    layer = tested(2)
    layer.build((None, None, 3))
    zeros = np.zeros((len(peepholes), 2))
    np.testing.assert_array_equal(as_array(layer.cell.peephole_kernel), zeros)
    assert layer.cell.gates.peepholes == peepholes
