"""The gated recurrence: peepholes, couplings, training, and its identity with Keras's LSTM."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from custom_layers import (
    LSTM1997,
    CoupledLSTM,
    CoupledLSTMCell,
    FullGateLSTM,
    NoForgetGateLSTM,
    NoInputGateLSTM,
    NoOutputGateLSTM,
    NoPeepholeLSTM,
    PeepholeLSTM,
    PeepholeLSTMCell,
)
from tests.helpers.backends import compile_options
from tests.helpers.gated_formulas import PEEPHOLE, by_class, by_letter, coupled, described, peephole
from tests.helpers.model_checks import check_training, trained
from tests.helpers.reference_cells import FEATURES, UNITS, ReferenceCell, assert_close, inputs

# Letters of the layout, and by letter the gates that are taken from others: f = s(-z_i) = 1 - i, or
# open, s(1000) = 1.
AS_LSTM = {
    PeepholeLSTM: ("ifgo", ""),
    NoPeepholeLSTM: ("ifgo", ""),
    CoupledLSTM: ("igo", "coupled"),
    NoInputGateLSTM: ("fgo", "i"),
    NoForgetGateLSTM: ("igo", "f"),
    NoOutputGateLSTM: ("ifg", "o"),
}


@by_class(AS_LSTM)
def test_becomes_the_lstm_of_keras(tested):
    """Without peepholes, and with peepholes of weight zero; with other activations too."""
    blocks, other = AS_LSTM[tested]
    reference = ReferenceCell(tested, **described(None, blocks))
    weights, x = reference.random_weights(8), inputs()
    names = ("kernel", "recurrent_kernel", "bias")
    parts = [vars(by_letter(blocks, getattr(weights, name))) for name in names]
    for part in parts:
        if other == "coupled":
            part["f"] = -part["i"]
        elif other:
            part[other] = np.zeros_like(part["g"])
    if other in ("i", "f", "o"):
        parts[2][other] += 1000.0
    fused = [np.concatenate([part[letter] for letter in "ifgo"], axis=-1) for part in parts]
    for activations in ({}, {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}):
        lstm = keras.layers.LSTM(UNITS, return_sequences=True, dtype="float64", **activations)
        lstm.build((None, None, FEATURES))
        lstm.set_weights(fused)
        options = {"return_sequences": True, **activations}
        plain = reference.loaded(weights, peepholes=(), **options)
        assert_close(plain(x), lstm(x), 1e-12)
        gates = plain.cell.gates.names
        zeros = SimpleNamespace(**vars(weights), peephole_kernel=np.zeros((len(gates), UNITS)))
        assert_close(reference.loaded(zeros, peepholes=gates, **options)(x), lstm(x), 1e-12)


@pytest.mark.parametrize(
    ("tested", "formula", "blocks", "gates"),
    [(PeepholeLSTM, peephole, "ifgo", "ifo"), (CoupledLSTM, coupled, "igo", "io")],
)
def test_any_gates_may_have_peepholes(tested, formula, blocks, gates):
    letters = {"input": "i", "forget": "f", "output": "o"}
    names = [name for name, letter in letters.items() if letter in gates]
    for count in range(len(names) + 1):
        for chosen in itertools.combinations(names, count):
            letters_chosen = "".join(letters[name] for name in chosen)
            description = described(formula, blocks, letters_chosen)
            reference = ReferenceCell(tested, **description, arguments={"peepholes": chosen[::-1]})
            weights, x = reference.random_weights(9), inputs()
            layer = reference.loaded(weights)
            assert layer.count_params() == sum(array.size for array in vars(weights).values())
            assert_close(layer(x), reference.run(weights, x)[0][:, -1], 1e-9)


@by_class([PeepholeLSTM, CoupledLSTM, PeepholeLSTMCell, CoupledLSTMCell, LSTM1997, FullGateLSTM])
def test_bad_peepholes(tested):
    for peepholes in (("inptu",), ("candidate",), ("output", "output"), [None]):
        with pytest.raises(ValueError, match=r"`peepholes` must name gates out of \('input'"):
            tested(4, peepholes=peepholes)
    for peepholes in ("output", "", 3, True):
        with pytest.raises(TypeError, match="`peepholes` must be a sequence of gate names"):
            tested(4, peepholes=peepholes)


@pytest.mark.parametrize(
    ("tested", "names", "missing"),
    [
        (CoupledLSTM, "'input', 'output'", "forget"),
        (LSTM1997, "'input', 'output'", "forget"),
        (NoForgetGateLSTM, "'input', 'output'", "forget"),
        (NoInputGateLSTM, "'forget', 'output'", "input"),
        (NoOutputGateLSTM, "'input', 'forget'", "output"),
    ],
)
def test_a_gate_that_does_not_exist_has_no_peephole(tested, names, missing):
    message = rf"out of \({names}\), .*Received: peepholes=\['{missing}'\]"
    with pytest.raises(ValueError, match=message):
        tested(4, peepholes=(missing,))


def test_peepholes_may_come_in_any_order_and_type():
    layer = PeepholeLSTM(2, peepholes={"output", "input"})
    assert layer.get_config()["peepholes"] == ["input", "output"]
    assert PeepholeLSTM(np.int64(2)).get_config()["units"] == 2


@pytest.mark.slow
def test_training():
    check_training(ReferenceCell(PeepholeLSTM, **PEEPHOLE))


@pytest.mark.slow
def test_training_under_xla():
    """The same steps as elsewhere; what is dropped is seeded, with random numbers of its own."""
    reference = ReferenceCell(PeepholeLSTM, **PEEPHOLE)
    plain = trained(reference, run_eagerly=True)
    for options in compile_options()[-1:]:
        assert_close(trained(reference, **options), plain, 1e-5)
        first, second = (trained(reference, dropout=0.3, **options) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert np.abs(first - plain).max() > 0.001
