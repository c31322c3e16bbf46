"""The members of the LSTM family, each judged by its formula written down once more in NumPy."""

import doctest
import importlib
import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from custom_layers import (
    JANET,
    LSTM1997,
    MGU,
    CoupledLSTM,
    CoupledLSTMCell,
    FullGateLSTM,
    LayerNormLSTM,
    LinearCandidateLSTM,
    LinearOutputLSTM,
    NoForgetGateLSTM,
    NoInputGateLSTM,
    NoOutputGateLSTM,
    NoPeepholeLSTM,
    PeepholeLSTM,
    PeepholeLSTMCell,
    ProjectedLSTM,
)

from .backends import compile_options
from .checks import check_gradients, check_training, trained
from .judge import FEATURES, UNITS, Member, as_array, assert_close, inputs

tanh = np.tanh


def s(z):
    return 1 / (1 + np.exp(-z))


# Each formula gets z, by letter what a gate sees of x, h and bias; p, by letter the peepholes; and
# the states. It returns all values of the step, by the names under which `trace` shows them.


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


def of_1997(z, p, h, c):
    i, g = s(z.i + p.i * c), 4 / (1 + np.exp(-z.g)) - 2
    c = c + i * g
    o = s(z.o + p.o * c)
    h = o * (2 / (1 + np.exp(-c)) - 1)
    return {"input": i, "candidate": g, "output": o, "cell": c, "hidden": h}


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


def janet(z, p, h, beta=1.0):
    f, g = s(z.f), tanh(z.g)
    return {"forget": f, "candidate": g, "hidden": f * h + (1 - s(z.f - beta)) * g}


def described(formula, blocks, peepholes="", states=("hidden", "cell")):
    """Weights and step of a member, from its formula and the letters of its layout."""

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
    """The description of a member whose states are among its values."""

    def step(w, x, before):
        after = values(w, x, before)
        return after["hidden"], tuple(after[name] for name in states)

    sizes = sizes or (lambda units: (units,) * len(states))
    return {"weights": weights, "step": step, "values": values, "state_sizes": sizes}


PEEPHOLE = described(peephole, "ifgo", "ifo")
COUPLED = described(coupled, "igo", "io")


def mgu():
    def values(w, x, states):
        (h,) = states
        (r_f, r_g), (z_f, z_g) = (
            np.split(fused, 2, axis=-1) for fused in (w.recurrent_kernel, x @ w.kernel + w.bias)
        )
        f = s(z_f + h @ r_f)
        g = tanh(z_g + (f * h) @ r_g)
        return {"input": f, "candidate": g, "hidden": (1 - f) * h + f * g}

    return stepping(described(None, "fg")["weights"], values, ("hidden",))


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


def layer_norm():
    def weights(rng, units, features):
        sizes = {"kernel_gain": 4, "recurrent_gain": 4, "cell_gain": 1, "cell_offset": 1}
        more = {name: rng.normal(size=size * units) for name, size in sizes.items()}
        return PEEPHOLE["weights"](rng, units, features) | more

    def normal(v):
        return (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 0.01)

    def values(w, x, states):
        h, c = states
        z = w.kernel_gain * normal(x @ w.kernel)
        z = z + w.recurrent_gain * normal(h @ w.recurrent_kernel) + w.bias
        after = peephole(by_letter("ifgo", z), letters_of("ifo", w), h, c)
        shown = tanh(w.cell_gain * normal(after["cell"]) + w.cell_offset)
        return after | {"hidden": after["output"] * shown}

    return stepping(weights, values) | {"arguments": {"epsilon": 0.01}}


def projected(width=3):
    def weights(rng, units, features):
        arrays = PEEPHOLE["weights"](rng, units, features)
        arrays["recurrent_kernel"] = rng.normal(size=(width, 4 * units)) / np.sqrt(width)
        return arrays | {"projection_kernel": rng.normal(size=(units, width))}

    def values(w, x, states):
        after = PEEPHOLE["values"](w, x, states)
        return after | {"hidden": after["hidden"] @ w.projection_kernel}

    description = stepping(weights, values, sizes=lambda units: (width, units))
    return description | {"arguments": {"projection_units": width}}


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
NO_FORGET_GATE = described(no_forget_gate, "igo", "io") | {"config": {"chrono_lag": None}}
JANET_ = described(janet, "fg", states=("hidden",)) | {"config": {"beta": 0.5}}

FULLY_CHECKED = {
    PeepholeLSTM: PEEPHOLE,
    CoupledLSTM: COUPLED,
    LSTM1997: OF_1997,
    FullGateLSTM: full_gate(),
    JANET: JANET_,
    MGU: mgu(),
    LayerNormLSTM: layer_norm(),
    ProjectedLSTM: projected(),
}
VARIANTS = {
    NoPeepholeLSTM: described(peephole, "ifgo"),
    NoInputGateLSTM: described(no_input_gate, "fgo", "fo"),
    NoForgetGateLSTM: NO_FORGET_GATE,
    NoOutputGateLSTM: described(no_output_gate, "ifg", "if"),
    LinearCandidateLSTM: described(linear_candidate, "ifgo", "ifo"),
    LinearOutputLSTM: described(linear_output, "ifgo", "ifo"),
}
CELLS = {layer.cell_class: description for layer, description in (FULLY_CHECKED | VARIANTS).items()}


def by_class(classes):
    return pytest.mark.parametrize("tested", classes, ids=lambda tested: tested.__name__)


@by_class(FULLY_CHECKED)
def test_layer(check_layer, tested):
    check_layer(tested, **FULLY_CHECKED[tested])


@by_class(VARIANTS)
def test_variant(check_variant, tested):
    check_variant(tested, **VARIANTS[tested])


@by_class(CELLS)
def test_cell(check_cell, tested):
    check_cell(tested, **CELLS[tested])


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
    member = Member(tested, **described(None, blocks))
    weights, x = member.random_weights(8), inputs()
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
        plain = member.loaded(weights, peepholes=(), **options)
        assert_close(plain(x), lstm(x), 1e-12)
        gates = plain.cell.gates.names
        zeros = SimpleNamespace(**vars(weights), peephole_kernel=np.zeros((len(gates), UNITS)))
        assert_close(member.loaded(zeros, peepholes=gates, **options)(x), lstm(x), 1e-12)


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
            member = Member(tested, **description, arguments={"peepholes": chosen[::-1]})
            weights, x = member.random_weights(9), inputs()
            layer = member.loaded(weights)
            assert layer.count_params() == sum(array.size for array in vars(weights).values())
            assert_close(layer(x), member.run(weights, x)[0][:, -1], 1e-9)


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


def test_complete_gradient_of_1997():
    description = OF_1997 | {"cut_step": None, "arguments": {"truncate_gradient": False}}
    check_gradients(Member(LSTM1997, **description))


def test_truncated_gradient_with_peepholes():
    cut = {"cut_step": cut_peephole, "arguments": {"truncate_gradient": True}}
    check_gradients(Member(PeepholeLSTM, **PEEPHOLE | cut))


@pytest.mark.slow
def test_truncated_gradient_with_full_gate_recurrence():
    def cut(w, x, states, seen, seen_after):
        return description["step"](w, x, (seen[0], states[1], *seen[2:]))

    description = full_gate(peepholes="")
    options = {"peepholes": (), "truncate_gradient": True}
    check_gradients(Member(FullGateLSTM, **description, cut_step=cut, arguments=options))


@pytest.mark.slow
def test_training():
    check_training(Member(PeepholeLSTM, **PEEPHOLE))


@pytest.mark.slow
def test_training_under_xla():
    """The same steps as elsewhere; what is dropped is seeded, with random numbers of its own."""
    member = Member(PeepholeLSTM, **PEEPHOLE)
    plain = trained(member, run_eagerly=True)
    for options in compile_options()[-1:]:
        assert_close(trained(member, **options), plain, 1e-5)
        first, second = (trained(member, dropout=0.3, **options) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert np.abs(first - plain).max() > 0.001


@pytest.mark.parametrize(
    ("tested", "biases"),
    [
        (PeepholeLSTM, [0.5, 1.0, 0.5, 0.5]),
        (CoupledLSTM, [-1.0, 0.5, 0.5]),
        (LSTM1997, [0.5, 0.5, 0.5]),
        (NoInputGateLSTM, [1.0, 0.5, 0.5]),
        (NoForgetGateLSTM, [0.5, 0.5, 0.5]),
        (NoOutputGateLSTM, [0.5, 1.0, 0.5]),
        (FullGateLSTM, [0.5, 1.0, 0.5, 0.5]),
        (JANET, [1.0, 0.5]),
        (MGU, [-1.0, 0.5]),
    ],
)
def test_untrained_layer_remembers(tested, biases):
    layer = tested(2, bias_initializer=keras.initializers.Constant(0.5))
    layer.build((None, None, 3))
    np.testing.assert_array_equal(as_array(layer.cell.bias), np.repeat(biases, 2))
    plain = tested(2, bias_initializer="zeros", unit_forget_bias=False)
    plain.build((None, None, 3))
    np.testing.assert_array_equal(as_array(plain.cell.bias), np.zeros(2 * len(biases)))


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


def test_layer_norm_learns_from_sequences_that_begin_with_nothing():
    """Short histories are padded with zeros: gradients through them must not overflow."""
    sequences = np.zeros((8, 100, 3), "float32")
    sequences[:, 80:] = np.random.default_rng(0).normal(size=(8, 20, 3))
    layer = LayerNormLSTM(
        6,
        kernel_initializer=keras.initializers.GlorotUniform(seed=1),
        recurrent_initializer=keras.initializers.Orthogonal(seed=2),
    )
    model = keras.Sequential([layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.build(sequences.shape)
    before = model.get_weights()
    loss = model.train_on_batch(sequences, np.ones((8, 1), "float32"))
    assert np.isfinite(loss)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(new - old).max() < 1


def bias_blocks(layer):
    layer.build((None, None, 1))
    blocks = layer.cell.gates.blocks
    return dict(zip(blocks, np.split(as_array(layer.cell.bias), len(blocks)), strict=True))


@by_class([PeepholeLSTM, NoPeepholeLSTM, LinearOutputLSTM, FullGateLSTM, LayerNormLSTM])
def test_chrono_initialization(tested):
    """b_f = log(u), u uniform in [1, lag - 1], and b_i = -b_f; seeded."""
    found = bias_blocks(tested(500, chrono_lag=100, seed=1))
    lags = np.exp(found["forget"])
    assert 0.999 < lags.min() < 3
    assert 97 < lags.max() < 99.001
    assert abs(lags.mean() - 50) < 4
    np.testing.assert_array_equal(found["input"], -found["forget"])
    np.testing.assert_array_equal(found["candidate"], np.zeros(500))
    again = bias_blocks(tested(500, chrono_lag=100, seed=1))
    np.testing.assert_array_equal(again["forget"], found["forget"])
    other = bias_blocks(tested(500, chrono_lag=100, seed=2))
    assert np.abs(other["forget"] - found["forget"]).max() > 0.1


@pytest.mark.parametrize(
    ("tested", "gate", "sign"),
    [
        (CoupledLSTM, "input", -1),
        (MGU, "input", -1),
        (JANET, "forget", 1),
        (NoInputGateLSTM, "forget", 1),
    ],
)
def test_chrono_initialization_of_one_gate(tested, gate, sign):
    found = bias_blocks(tested(200, chrono_lag=20, seed=1, bias_initializer="ones"))
    lags = np.exp(sign * found.pop(gate))
    assert 0.999 < lags.min() < 2
    assert 18 < lags.max() < 19.001
    for others in found.values():
        np.testing.assert_array_equal(others, np.ones(200))


def test_bad_chrono_lags():
    for lag in (2, 0, -5, 10.0, True, "100"):
        with pytest.raises(ValueError, match=r"`chrono_lag` must be an int above 2. Received: chr"):
            PeepholeLSTM(4, chrono_lag=lag)
    for tested in (LSTM1997, NoForgetGateLSTM):
        with pytest.raises(ValueError, match=r"`chrono_lag` must be None for .* chrono_lag=10\."):
            tested(4, chrono_lag=10)


def test_bad_arguments_of_single_members():
    for beta in ("1", None, True):
        with pytest.raises(TypeError, match=r"`beta` must be a number. Received: beta="):
            JANET(4, beta=beta)
    for epsilon in (0.0, -1, float("nan"), "1", None):
        with pytest.raises(ValueError, match=r"`epsilon` must be a float above 0. Received: eps"):
            LayerNormLSTM(4, epsilon=epsilon)
    for width in (0, 2.0, True):
        with pytest.raises(ValueError, match=r"`projection_units` must be a positive int. Rec"):
            ProjectedLSTM(4, projection_units=width)


def test_squashing_of_1997_stays_within_the_bounds_of_the_paper():
    z = np.linspace(-40.0, 40.0, 81)
    g, h = (
        as_array(LSTM1997(1).cell.activation(z)),
        as_array(LSTM1997(1).cell.output_activation(z)),
    )
    assert_close([g.min(), g.max(), h.min(), h.max()], [-2.0, 2.0, -1.0, 1.0], 1e-9)
    assert g[40] == h[40] == 0.0


def test_seeded_bias_initializer_gives_every_unit_another_value():
    layer = CoupledLSTM(3, bias_initializer=keras.initializers.RandomNormal(seed=0))
    layer.build((None, None, 1))
    values = as_array(layer.cell.bias)
    assert len(np.unique(values[3:])) == 6


def test_peepholes_may_come_in_any_order_and_type():
    layer = PeepholeLSTM(2, peepholes={"output", "input"})
    assert layer.get_config()["peepholes"] == ["input", "output"]
    assert PeepholeLSTM(np.int64(2)).get_config()["units"] == 2


def test_coupled_cell_state_stays_an_average_of_candidates():
    wide = [keras.initializers.RandomNormal(0, 5, seed=seed) for seed in (1, 2)]
    layer = CoupledLSTM(
        6, kernel_initializer=wide[0], recurrent_initializer=wide[1], return_state=True
    )
    _, _, c = layer(np.random.default_rng(0).normal(size=(4, 50, 3)))
    assert 0.5 < np.abs(as_array(c)).max() <= 1.0


def test_projection_is_half_as_wide_unless_told_otherwise():
    assert ProjectedLSTM(5).cell.projection_units == 3
    assert ProjectedLSTM(5, projection_units=np.int64(7)).get_config()["projection_units"] == 7


def test_summary_and_units(capsys):
    model = keras.Sequential([keras.Input((None, 3)), PeepholeLSTM(8, name="first")])
    model.summary()
    assert "first (PeepholeLSTM)" in capsys.readouterr().out
    assert model.layers[0].units == 8


def test_a_member_of_ones_own():
    """What is written down is completed; what is not is no error."""

    class BareCell(PeepholeLSTMCell):
        pass

    class Bare(PeepholeLSTM):
        cell_class = BareCell

    class OwnCell(PeepholeLSTMCell):
        pass

    class Own(PeepholeLSTM):
        """An own one.

            h' = h

        Args:
            units: Number of units.

        Example:
            None.
        """

        cell_class = OwnCell

    assert Bare.__doc__ is None
    assert OwnCell.__doc__.startswith("One step of `Own`.\n")
    for docstring in (Own.__doc__, OwnCell.__doc__):
        assert "    h' = h\n\nArgs:\n    units: Number of units.\n    output_act" in docstring
    for layer in (Bare, Own):
        assert layer(2).cell.name == "cell"


MODULES = ["full_gate_lstm", "gated", "gates", "janet", "layer_norm_lstm"]
MODULES += ["lstm_ablations", "lstm_family", "mgu", "projected_lstm", "recurrent"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(f"custom_layers.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
