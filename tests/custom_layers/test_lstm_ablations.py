"""The ablations of the peephole LSTM against their formulas in NumPy."""

from custom_layers import (
    LinearCandidateLSTM,
    LinearOutputLSTM,
    NoForgetGateLSTM,
    NoInputGateLSTM,
    NoOutputGateLSTM,
    NoPeepholeLSTM,
)
from tests.helpers.gated_formulas import by_class, described, peephole, s, tanh


def no_input_gate(z, p, h, c):
    f, g = s(z.f + p.f * c), tanh(z.g)
    c = f * c + g
    o = s(z.o + p.o * c)
    return {"forget": f, "candidate": g, "output": o, "cell": c, "hidden": o * tanh(c)}


def no_forget_gate(z, p, h, c):
    i, g = s(z.i + p.i * c), tanh(z.g)
    c = c + i * g
    o = s(z.o + p.o * c)
    return {"input": i, "candidate": g, "output": o, "cell": c, "hidden": o * tanh(c)}


def no_output_gate(z, p, h, c):
    i, f, g = s(z.i + p.i * c), s(z.f + p.f * c), tanh(z.g)
    c = f * c + i * g
    return {"input": i, "forget": f, "candidate": g, "cell": c, "hidden": tanh(c)}


def linear_candidate(z, p, h, c):
    i, f, g = s(z.i + p.i * c), s(z.f + p.f * c), z.g
    c = f * c + i * g
    o = s(z.o + p.o * c)
    return {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": o * tanh(c)}


def linear_output(z, p, h, c):
    i, f, g = s(z.i + p.i * c), s(z.f + p.f * c), tanh(z.g)
    c = f * c + i * g
    o = s(z.o + p.o * c)
    return {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": o * c}


NO_FORGET_GATE = described(no_forget_gate, "igo", "io") | {"config": {"chrono_lag": None}}
VARIANTS = {
    NoPeepholeLSTM: described(peephole, "ifgo"),
    NoInputGateLSTM: described(no_input_gate, "fgo", "fo"),
    NoForgetGateLSTM: NO_FORGET_GATE,
    NoOutputGateLSTM: described(no_output_gate, "ifg", "if"),
    LinearCandidateLSTM: described(linear_candidate, "ifgo", "ifo"),
    LinearOutputLSTM: described(linear_output, "ifgo", "ifo"),
}
CELLS = {layer.cell_class: description for layer, description in VARIANTS.items()}


@by_class(VARIANTS)
def test_variant(check_variant, tested):
    check_variant(tested, **VARIANTS[tested])


@by_class(CELLS)
def test_cell(check_cell, tested):
    check_cell(tested, **CELLS[tested])
