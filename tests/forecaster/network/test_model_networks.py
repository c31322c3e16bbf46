"""The user's own networks as cores: what they may take and must return, and how they are saved."""

import json
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest

from forecaster.inputs.spec import NUMBER, UNSCALED, CovariateKinds, WindowSpec
from forecaster.network.heads import Point, Quantiles
from forecaster.network.model import (
    SavedNetwork,
    as_network,
    compile_forward,
    compiles_with_xla,
    set_scaling,
)
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.losses import OutputError
from tests.helpers.cores import KINDS, SPEC, answer, built, raw_inputs, whole_core, windows
from tests.helpers.fits import assert_same_weights, dense_core, same_weights


def test_what_stands_for_a_network():
    assert as_network("gru") == RecurrentNetwork(cell="gru")
    network = RecurrentNetwork(units=3)
    assert as_network(network) is network
    assert as_network(dense_core) is dense_core
    with pytest.raises(ValueError, match=r"`cell` must be one of 'simple_rnn', 'lstm', 'gru', "):
        as_network("gruu")
    for wrong in (5, None, dense_core()(SPEC)):
        with pytest.raises(TypeError, match="`network` must be a cell's name, a RecurrentNetwork"):
            as_network(wrong)


def test_a_network_of_the_user():
    seen = []

    def network(spec):
        seen.append(spec)
        return dense_core()(spec)

    spec = WindowSpec(10, 5, channels=2, head_width=3)
    model = built(network, spec, output=Quantiles([0.1, 0.9]))
    assert seen == [spec]
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "past_values": (None, 10, 2)
    }
    assert model.output_shape == (None, 5, 2, 3)


class Subclassed(keras.Model):
    """A network that has no shapes until it is called."""

    def __init__(self, spec):
        super().__init__()
        self.spec, self.dense = spec, keras.layers.Dense(spec.horizon * spec.width)

    def call(self, inputs):
        flat = keras.ops.reshape(inputs["past"], (-1, self.spec.input_length))
        return keras.ops.reshape(self.dense(flat), (-1, self.spec.horizon, self.spec.width))


def test_a_subclassed_network():
    model = built(Subclassed)
    assert model.output_shape == (None, 5, 1, 1)
    with pytest.raises(TypeError, match="`network` must make a model that Keras can write as its"):
        SavedNetwork.of(model)


def test_a_network_without_xla():
    """Keras's own attribute says so; the forward pass is then a plain graph."""

    def network(spec):
        core = dense_core()(spec)
        core.layers[-1].supports_jit = False
        return core

    plain, compiled = built(network), built()
    assert not compiles_with_xla(plain)
    assert compiles_with_xla(compiled)
    inputs = {"past_values": windows()}
    found, expected = (compile_forward(model)(inputs) for model in (plain, compiled))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_what_a_network_must_return():
    with pytest.raises(TypeError, match=r"`network` must return a keras.Model. Received: int."):
        built(lambda spec: 5)
    message = r"`network` must return a model with output shape \(None, 5, 1\): batch, horizon, "
    for other in (WindowSpec(10, 4), WindowSpec(10, 5, head_width=3)):
        with pytest.raises(ValueError, match=message):
            built(lambda spec, other=other: dense_core()(other))
    core = dense_core()(SPEC)
    built(lambda spec: core)
    with pytest.raises(ValueError, match="`network` must return a new model each time, because"):
        built(lambda spec: core)


@pytest.mark.parametrize(
    ("network", "kinds"),
    [
        (RecurrentNetwork("peephole_lstm", 3, 2, 0.2), KINDS),
        (RecurrentNetwork("peephole_lstm", 3, 2, 0.2), CovariateKinds()),
        (dense_core(0.1), CovariateKinds()),
        (dense_core(0.1), CovariateKinds((UNSCALED,), (UNSCALED,))),
    ],
)
def test_a_saved_network_is_the_same_one_with_fresh_weights(network, kinds):
    model, inputs = built(network, kinds=kinds), raw_inputs(kinds=kinds)
    saved = SavedNetwork(**json.loads(json.dumps(asdict(SavedNetwork.of(model)))))
    again = built(saved, kinds=kinds)
    assert_same_weights(again, model)  # seeds are part of the architecture
    model.set_weights([weight + 1 for weight in model.get_weights()])
    assert not same_weights(built(saved, kinds=kinds), model)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(answer(again, inputs), answer(model, inputs))


UNSCALED_ONLY = CovariateKinds(past=(UNSCALED, UNSCALED), future=(UNSCALED,))


def test_a_network_of_the_user_may_leave_unscaled_covariates_out():
    """Features of time come without being asked for."""
    model, without = built(dense_core(), kinds=UNSCALED_ONLY), built(dense_core())
    assert set(model.input) == {"past_values", "past_covariates", "future_covariates"}
    inputs = raw_inputs(kinds=UNSCALED_ONLY)
    expected = answer(without, inputs["past_values"])
    np.testing.assert_array_equal(answer(model, inputs), expected)
    # Another graph, so that the last bit may differ, and on some processors does.
    compiled = compile_forward(model)(inputs)
    np.testing.assert_allclose(compiled, expected, rtol=1e-5, atol=1e-5)
    set_scaling(model, {"past": np.ones((2, 2)), "future": np.ones((2, 1))})
    assert_same_weights(model, without)
    model.compile("adam", loss=OutputError(Point(), "mse"), jit_compile=True)
    model.train_on_batch(inputs, np.zeros((6, 5, 1)))


@pytest.mark.parametrize(
    ("kinds", "name", "shape"),
    [
        (CovariateKinds(static=(UNSCALED, 3)), "static", r"\(4,\)"),
        (CovariateKinds(past=(NUMBER,)), "past_covariates", r"\(10, 2\)"),
        (CovariateKinds(past=(UNSCALED,), future=(NUMBER,)), "future_covariates", r"\(5, 1\)"),
    ],
)
def test_a_network_must_take_the_covariates_of_the_user(kinds, name, shape):
    message = f"`network` must take the input '{name}', because there are such covariates. .*"
    message += f"with the inputs 'past', 'observed'. Add keras.Input\\({shape}, name='{name}'\\)"
    with pytest.raises(ValueError, match=message):
        built(dense_core(), kinds=kinds)
    assert built(whole_core, kinds=kinds).output_shape == (None, 5, 1, 1)
    assert built(Subclassed, kinds=kinds).output_shape == (None, 5, 1, 1)  # it says nothing


@pytest.mark.parametrize("as_list", [False, True])
def test_a_network_must_not_take_what_there_is_not(as_list):
    def network(spec):
        core = whole_core(replace(spec, static=3))
        return keras.Model([*core.input.values()], core.output) if as_list else core

    message = (
        "`network` must take no other inputs than 'past', 'observed', 'past_covariates', which"
    )
    with pytest.raises(ValueError, match=message + ".* with the input 'static'"):
        built(network, kinds=CovariateKinds(past=(NUMBER,)))
    kinds = CovariateKinds(static=(NUMBER,) * 3)
    assert built(network, kinds=kinds).output_shape == (None, 5, 1, 1)


def test_a_network_of_the_user_may_take_less():
    """Keras would hand a dictionary with other keys on by their order."""

    def network(spec):
        inputs = keras.Input((spec.input_length, 1), name="past")
        return keras.Model({"past": inputs}, keras.layers.Cropping1D((5, 0))(inputs))

    values = windows()
    found = answer(built(network, normalization="none"), values)
    np.testing.assert_array_equal(found[..., 0], np.nan_to_num(values[:, 5:]))


class Unregistered(keras.layers.Layer):
    """A layer whose argument its config does not hold."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor


@pytest.mark.parametrize("layer", [lambda: Unregistered(2), lambda: keras.layers.Lambda(abs)])
def test_a_network_that_cannot_be_saved(layer):
    def network(spec):
        core = dense_core()(spec)
        return keras.Model(core.input, layer()(core.output))

    with pytest.raises(TypeError, match="`network` must make a model that Keras can write as its"):
        SavedNetwork.of(built(network))
