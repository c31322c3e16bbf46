"""What a core sees of the covariates, against NumPy, value by value."""

import json
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.inputs.spec import INPUT_OF_ROLE, NUMBER, UNSCALED, CovariateKinds, WindowSpec
from forecaster.network.covariate_encoder import CovariateEncoder, core_spec, embedding_width
from tests.helpers.arrays import NAN
from tests.helpers.cores import KINDS, columns, encoded, with_random_weights
from tests.helpers.fits import assert_same_weights

KIND = st.sampled_from([NUMBER, UNSCALED, 1, 2, 3, 7])


@given(st.lists(KIND, min_size=1, max_size=5), st.booleans(), st.integers(0, 2))
@settings(max_examples=40, deadline=None)
def test_encoding_is_numpy(kinds, flags, dimensions):
    shape = (4, 3)[:dimensions]
    raw = columns(shape, kinds, seed=len(kinds))
    generator = np.random.default_rng(0)
    unknown = (generator.random(raw.shape) < 0.2) & (np.array(kinds) > 0)
    raw = np.where(unknown, generator.choice([-1, 7, 1e9, np.inf], raw.shape), raw)
    layer = CovariateEncoder(kinds, seed=0, flags=flags)
    layer.build(None)
    location, scale = generator.normal(size=(2, len(kinds)))
    layer.set_scaling(location, np.exp(scale))
    with_random_weights(layer)
    found = layer(raw.astype(np.float32)).numpy()
    for position in np.ndindex(shape):
        arguments = location, np.exp(scale), [np.asarray(t) for t in layer.tables]
        expected = encoded(raw[position], kinds, *arguments, flags)
        np.testing.assert_allclose(found[position], expected, rtol=1e-5, atol=1e-6)


def test_a_constant_or_empty_column_has_the_scale_1():
    layer = CovariateEncoder([NUMBER] * 5 + [UNSCALED, 3], seed=0)
    layer.build(None)
    location, scale = [5, NAN, NAN, 5, 0.1, 5, 5], [0, NAN, 2, np.inf, 1e-17, 2, 2]
    layer.set_scaling(location, scale)
    np.testing.assert_array_equal(layer.location, np.float32([5, 0, 0, 5, 0.1, 0, 0]))
    np.testing.assert_array_equal(layer.scale, [1, 1, 2, 1, 1, 1, 1])
    assert {weight.path.split("/")[-1] for weight in layer.trainable_weights} == {"embedding_6"}


def test_before_it_is_scaled_a_number_is_itself():
    raw = np.array([[3.0, NAN, -2.0]], np.float32)
    found = CovariateEncoder([NUMBER] * 3, seed=0, flags=True)(raw)
    np.testing.assert_array_equal(found, [[3, 1, 0, 0, -2, 1]])


def test_unknown_codes_begin_at_zero_and_others_do_not():
    layer = CovariateEncoder([1, 5, 5], seed=0)
    layer.build(None)
    for table in layer.tables:
        rows = np.abs(np.asarray(table)).max(axis=1)
        assert rows[0] == 0
        assert (rows[1:] > 1e-3).all()
    assert np.abs(layer.tables[1] - layer.tables[2]).max() > 1e-3  # each has a seed of its own


def test_seeds_decide_the_embeddings():
    def weights(seed):
        layer = CovariateEncoder([4, NUMBER, 4], seed)
        layer.build(None)
        return layer.get_weights()

    assert_same_weights(weights(3), weights(3))
    assert not np.array_equal(weights(3)[0], weights(4)[0])


@pytest.mark.slow
def test_embeddings_train_like_dense_layers():
    """Their gradients have rows only for the codes of a batch, by XLA and as a graph."""
    generator = np.random.default_rng(0)
    codes, target = generator.integers(5, size=(6, 16)), generator.normal(size=(6, 16, 1))
    codes[:, :4] = 2  # one of them often
    table = generator.normal(size=(5, embedding_width(5)))

    def trained(layer, inputs, jit_compile):
        head = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(0))
        model = keras.Sequential([keras.Input(inputs.shape[2:]), layer, head])
        layer.trainable_weights[0].assign(table)
        model.compile(keras.optimizers.Adam(0.1), "mse", jit_compile=jit_compile)
        for batch, goal in zip(inputs.astype(np.float32), target, strict=True):
            model.train_on_batch(batch, goal)
        return [weight.numpy() for weight in model.trainable_weights]

    one_hot = np.eye(5)[codes]
    expected = trained(keras.layers.Dense(embedding_width(5), use_bias=False), one_hot, False)
    for jit_compile in (True, False):
        found = trained(CovariateEncoder([5], seed=0), codes[..., None], jit_compile)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("codes", "width"), [(1, 2), (2, 2), (3, 3), (8, 5), (13, 7), (25, 10), (60, 16), (9000, 16)]
)
def test_width_of_an_embedding(codes, width):
    assert embedding_width(codes) == width


@given(st.tuples(*[st.lists(KIND, max_size=4)] * 3))
@settings(max_examples=20, deadline=None)
def test_the_spec_of_the_core_has_the_widths_that_it_gets(groups):
    kinds = CovariateKinds(*groups)
    spec = WindowSpec(7, 3, seed=5, static=9)
    found = core_spec(spec, kinds)
    assert replace(found, past_covariates=0, future_covariates=0, static=9) == spec
    for group, name in INPUT_OF_ROLE.items():
        own = getattr(kinds, group)
        width = 0
        if own:
            layer = CovariateEncoder(own, seed=0, flags=group == "past")
            width = layer(columns((2, 4), own)).shape[-1]
        assert getattr(found, name) == width


def test_kinds_are_json():
    assert CovariateKinds(**json.loads(json.dumps(asdict(KINDS)))) == KINDS
    kinds = CovariateKinds(np.array([3, -1]), [np.int64(0)])
    assert kinds == CovariateKinds((3, -1), (0,))
    assert json.loads(json.dumps(asdict(kinds)))["past"] == [3, -1]


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (
            -2,
            ValueError,
            "`past` must hold 0 for a number, -1 for an unscaled one, or a category's",
        ),
        (2.0, TypeError, "`past` must hold integers. Received: 2.0."),
        (True, TypeError, "`past` must hold integers. Received: True."),
    ],
)
def test_bad_kinds(wrong, kind, message):
    with pytest.raises(kind, match=message):
        CovariateKinds(past=(0, wrong))


def test_the_layer_comes_back_from_its_config():
    layer = CovariateEncoder(KINDS.past, seed=5, flags=True, name="encode")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    raw = columns((2, 3), KINDS.past)
    np.testing.assert_array_equal(again(raw), layer(raw))
    assert_same_weights(again.get_weights(), layer.get_weights())
