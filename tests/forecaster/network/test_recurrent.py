"""The fields of the usual core: every choice builds, and learns; others are refused."""

import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest

from forecaster.inputs.spec import NUMBER, CovariateKinds, WindowSpec
from forecaster.network.cells import CELLS
from forecaster.network.heads import Point
from forecaster.network.model import set_scaling
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.losses import OutputError
from tests.helpers.arrays import CHECKOUT
from tests.helpers.cores import KINDS, answer, built, raw_inputs, windows

# Every choice with every other for five cells; the rest, whose states differ in number, once.
MAIN = ("simple_rnn", "lstm", "gru", "peephole_lstm", "coupled_lstm")
OTHERS = [cell for cell in CELLS if cell not in MAIN]
GRID = [
    *itertools.product(MAIN, ("segments", "steps"), ("segments", "dense"), (1, 2)),
    *itertools.product(OTHERS, ("segments",), ("segments",), (2,)),
]


@pytest.mark.parametrize(("cell", "encoder", "decoder", "num_layers"), GRID)
def test_every_network_builds(cell, encoder, decoder, num_layers):
    network = RecurrentNetwork(cell, 3, num_layers, 0.1, encoder, decoder)
    for widths in ({}, {"past_covariates": 3, "future_covariates": 2, "static": 4}):
        spec = WindowSpec(10, 5, channels=2, head_width=3, season_length=4, **widths)
        core = network(spec)
        assert core.output_shape == (None, 5, 6)
        assert len([layer for layer in core.layers if isinstance(layer, CELLS[cell])]) == num_layers


# Every two of the choices meet in one of these; XLA compiles each.
PAIRS = [
    (cell, encoder, decoder, num_layers)
    for number, cell in enumerate((*MAIN, "slstm", "min_lstm"))
    for encoder, decoder, num_layers in (
        [("segments", "segments", 2), ("steps", "dense", 1)]
        if number % 2
        else [("steps", "segments", 1), ("segments", "dense", 2)]
    )
]


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "encoder", "decoder", "num_layers"), PAIRS)
def test_every_network_learns_under_xla(cell, encoder, decoder, num_layers):
    check_learning(RecurrentNetwork(cell, 3, num_layers, 0.0, encoder, decoder), KINDS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "decoder", "kinds"),
    [
        ("segments", "segments", KINDS),
        ("steps", "dense", CovariateKinds(static=(4,))),
        ("segments", "segments", CovariateKinds()),
    ],
)
def test_networks_learn_under_xla(encoder, decoder, kinds):
    check_learning(RecurrentNetwork("simple_rnn", 3, encoder=encoder, decoder=decoder), kinds)


def check_learning(network, kinds):
    """A few steps of gradient descent lower the loss, and all weights have a part in it."""
    model, inputs = built(network, kinds=kinds), raw_inputs(kinds=kinds)
    before = [weight.numpy() for weight in model.trainable_weights]
    target = np.nan_to_num(windows()[:, :5])
    loss = OutputError(Point(), "mse")
    model.compile(keras.optimizers.SGD(1e-3), loss=loss, jit_compile=True)
    losses = [model.train_on_batch(inputs, target) for _ in range(3)]
    assert losses[2] < losses[0]
    for weight, start in zip(model.trainable_weights, before, strict=True):
        assert not np.array_equal(weight.numpy(), start), weight.path


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["segments", "dense"])
def test_what_only_covariates_know_is_learned(decoder):
    """The target is a sum of four parts, one for each covariate; its own past is noise."""
    kinds = CovariateKinds(past=(NUMBER,), future=(NUMBER, 4), static=(5,))
    generator, count = np.random.default_rng(0), 768
    numbers = generator.normal(-3, 0.1, size=(count, 3))
    codes, static = generator.integers(4, size=(count, 3)), generator.integers(5, size=(count, 1))
    inputs = {
        "past_values": generator.normal(size=(count, 6, 1)),
        "past_covariates": generator.normal(50, 5, size=(count, 6, 1)),
        "future_covariates": np.stack([numbers, codes], -1),
        "static": static,
    }
    inputs = {name: values.astype(np.float32) for name, values in inputs.items()}
    parts = [
        (inputs["past_covariates"][:, 3:, 0] - 50) / 5,
        1.5 * np.abs(numbers + 3) / 0.1,
        np.array([0.0, -1.0, 2.0, 1.0])[codes],
        np.array([0.0, 1.0, -1.0, 2.0, -2.0])[static],
    ]
    target = sum(parts)[..., None]
    assert min(np.var(part) for part in parts) > 0.1 * np.var(target)

    network = RecurrentNetwork(units=16, decoder=decoder, segment_length=3)
    model = built(network, WindowSpec(6, 3), "none", kinds=kinds)
    set_scaling(model, {"past": ([50], [5]), "future": ([-3, 0], [0.1, 1])})
    loss = OutputError(Point(), "mse")
    model.compile(keras.optimizers.Adam(1e-2), loss=loss, steps_per_execution=16)
    train = {name: values[:512] for name, values in inputs.items()}
    model.fit(train, target[:512], epochs=10, batch_size=32, verbose=0)
    error = np.square(answer(model, inputs)[..., 0] - target)[512:]  # of windows never seen
    assert error.mean() < 0.05 * np.var(target)


@pytest.mark.parametrize(
    ("field", "wrong", "kind", "message"),
    [
        ("units", 0, ValueError, "`units` must be at least 1. Received: units=0."),
        ("units", 2.0, TypeError, "`units` must be an integer. Received: units=2.0."),
        ("num_layers", True, TypeError, "`num_layers` must be an integer."),
        ("dropout", 1, ValueError, "`dropout` must be at least 0 and below 1."),
        ("dropout", "0", TypeError, "`dropout` must be a number."),
        ("encoder", "step", ValueError, "`encoder` must be one of 'segments', 'steps'."),
        ("decoder", None, ValueError, "`decoder` must be one of 'segments', 'dense'."),
        ("segment_length", 0, ValueError, "`segment_length` must be at least 1."),
    ],
)
def test_bad_fields(field, wrong, kind, message):
    with pytest.raises(kind, match=message):
        RecurrentNetwork(**{field: wrong})


def test_the_fields_are_read_without_keras_tensorflow_or_numpy():
    """So that the command line can show them at once."""
    code = (
        "import sys\n"
        "from forecaster.network.recurrent import RecurrentNetwork\n"
        "from forecaster.utils.fields import field_kinds\n"
        "print(*field_kinds(RecurrentNetwork))\n"
        "print(*{'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    fields, loaded = run.stdout.split("\n")[:2]
    assert fields.split() == [*RecurrentNetwork.__dataclass_fields__]
    assert loaded == ""
