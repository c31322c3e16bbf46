"""Covariates in the whole model: their influence, their scales and embeddings."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from forecaster.inputs.spec import INPUT_OF_ROLE, UNSCALED, CovariateKinds
from forecaster.network.heads import Point
from forecaster.network.model import compile_forward, set_scaling
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.losses import OutputError
from tests.helpers.arrays import NAN
from tests.helpers.cores import (
    KINDS,
    SPEC,
    answer,
    built,
    raw_inputs,
    whole_core,
    with_random_weights,
)
from tests.helpers.fits import assert_same_weights

TWO_CHANNELS = replace(SPEC, channels=2)


@pytest.fixture(scope="module", params=["segments", "dense"])
def with_covariates(request):
    """A network of all kinds of covariates and two channels, whose weights are noise."""
    network = RecurrentNetwork(units=12, decoder=request.param)
    model = with_random_weights(built(network, TWO_CHANNELS, kinds=KINDS))
    return request.param, model, compile_forward(model)


def moved(forward, name, position):
    """(H,) which steps' forecasts move, in both channels, when one value of an input does."""
    inputs = raw_inputs(spec=TWO_CHANNELS)
    before = forward(inputs).numpy()
    [kind] = [
        getattr(KINDS, group)[position[-1]]
        for group in INPUT_OF_ROLE
        if INPUT_OF_ROLE[group] == name
    ]
    value = np.nan_to_num(inputs[name][..., *position])
    inputs[name][..., *position] = (value + 1) % kind if kind > 0 else value + 0.5
    difference = np.abs(forward(inputs).numpy() - before).max(axis=(0, -1))  # (H, S')
    np.testing.assert_array_equal(difference[:, 0] > 0, difference[:, 1] > 0)
    return difference[:, 0] > 0


def test_every_covariate_has_the_influence_that_it_may_have(with_covariates):
    decoder, _, forward = with_covariates
    for column in range(3):
        for step in range(SPEC.input_length):
            assert moved(forward, "past_covariates", (step, column)).all()
        assert moved(forward, "static", (column,)).all()
        for step in range(SPEC.horizon):
            # Segments have 4 steps, and each is asked with its own covariates.
            reached = np.arange(SPEC.horizon) // 4 == step // 4
            expected = reached if decoder == "segments" else np.ones(SPEC.horizon, bool)
            found = moved(forward, "future_covariates", (step, column))
            np.testing.assert_array_equal(found, expected)


def test_missing_covariates(with_covariates):
    _, model, forward = with_covariates
    set_scaling(model, {group: np.full((2, 3), 0.25) for group in INPUT_OF_ROLE})

    def forecast(name, column, value):
        inputs = raw_inputs(spec=TWO_CHANNELS)
        inputs[name][..., column] = value
        return forward(inputs).numpy()

    for group, name in INPUT_OF_ROLE.items():
        for column, kind in enumerate(getattr(KINDS, group)):
            if kind == UNSCALED:
                continue
            missing = forecast(name, column, NAN)
            assert np.isfinite(missing).all()
            if kind > 0:  # a category: as the reserved code, and as codes that there are not
                for code in (0, -1, kind, 1e9):
                    np.testing.assert_array_equal(forecast(name, column, code), missing)
                assert np.abs(forecast(name, column, 1) - missing).max() > 1e-3
            elif group == "past":  # a flag tells a missing number from one at the location
                assert np.abs(forecast(name, column, 0.25) - missing).max() > 1e-3
            else:
                np.testing.assert_array_equal(forecast(name, column, 0.25), missing)


def test_scaling_is_part_of_the_weights_and_is_not_trained():
    model, inputs = built(whole_core, kinds=KINDS), raw_inputs()
    fresh = model.get_weights()
    scaling = {group: np.array([[5.0, 6, 7], [2, 3, 4]]) for group in INPUT_OF_ROLE}
    set_scaling(model, scaling)
    kept = [weight.numpy() for weight in model.non_trainable_weights]
    model.compile("adam", loss=OutputError(Point(), "mse"))
    model.train_on_batch(inputs, np.zeros((6, 5, 1)))
    assert_same_weights([weight.numpy() for weight in model.non_trainable_weights], kept)
    again = built(whole_core, kinds=KINDS)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(answer(again, inputs), answer(model, inputs))
    again.set_weights(fresh)
    assert np.abs(answer(again, inputs) - answer(model, inputs)).max() > 1e-3
    set_scaling(built(), scaling)  # there is nothing to scale


def test_without_covariates_nothing_is_added():
    names = {weight.path.split("/")[0] for weight in built(RecurrentNetwork(units=3)).weights}
    with_them = built(RecurrentNetwork(units=3), kinds=KINDS)
    added = {"encode_past", "encode_future", "encode_static"}
    assert {weight.path.split("/")[0] for weight in with_them.weights} - names >= added
    assert not names & added


def test_a_model_with_covariates_goes_into_a_saved_model(with_covariates, tmp_path):
    """As artifact.py writes it: named inputs, any batch, and no operation that only XLA has."""
    _, model, _ = with_covariates
    set_scaling(model, {group: np.full((2, 3), 0.5) for group in INPUT_OF_ROLE})
    signature = [
        tf.TensorSpec(tensor.shape, tf.float32, name=name) for name, tensor in model.input.items()
    ]
    names = list(model.input)

    def serve(*tensors):
        return {"forecast": model(dict(zip(names, tensors, strict=True)), training=False)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", serve, input_signature=signature)
    archive.write_out(tmp_path / "model", verbose=False)
    served = tf.saved_model.load(tmp_path / "model").signatures["serving_default"]
    graph = served.graph.as_graph_def()
    functions = [node for function in graph.library.function for node in function.node_def]
    assert not [node.op for node in (*graph.node, *functions) if node.op.startswith("Xla")]
    for count in (4, 6):
        inputs = raw_inputs(count, TWO_CHANNELS)
        found = served(**{name: tf.constant(values) for name, values in inputs.items()})
        np.testing.assert_allclose(found["forecast"], answer(model, inputs), rtol=1e-5, atol=1e-5)


def test_seeds_of_embeddings_are_their_own():
    kinds = CovariateKinds((6,), (6,), (6,))

    def tables(seed):
        model = built(whole_core, replace(SPEC, seed=seed), kinds=kinds)
        return [
            w.numpy()[1:] for w in model.weights if w.path.startswith("encode_") and w.trainable
        ]

    assert_same_weights(tables(0), tables(0))
    everything = [*tables(0), *tables(1)]
    for number, table in enumerate(everything):
        for other in everything[:number]:
            assert np.abs(table - other).max() > 1e-3
