"""Artifacts of every kind of network: they answer without this package, and load bit for bit."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from forecaster import Forecaster, Quantiles, RecurrentNetwork
from forecaster.network.cells import CELLS
from tests.helpers.artifacts import HELPERS, LEVELS, operations_for_every_server
from tests.helpers.tiny import HORIZON, LENGTH, dense, tiny, waves, with_random_weights

GRAPHS = [  # every cell with every encoder, every value of everything else more than once
    {"network": RecurrentNetwork(cell, units=4, encoder=encoder, **network), **parameters}
    for cell, encoder, network, parameters in [
        ("simple_rnn", "steps", {"decoder": "dense"}, {"channels": "joint"}),
        ("simple_rnn", "segments", {}, {"normalization": "none", "output": Quantiles(LEVELS)}),
        ("lstm", "steps", {"num_layers": 2, "dropout": 0.2}, {"normalization": "standard"}),
        ("lstm", "segments", {"decoder": "dense", "segment_length": 3}, {"channels": "joint"}),
        ("gru", "steps", {}, {"output": Quantiles(LEVELS), "channels": "joint"}),
        ("gru", "segments", {"num_layers": 2, "segment_length": 2}, {"normalization": "none"}),
        ("peephole_lstm", "steps", {"decoder": "dense"}, {"normalization": "standard"}),
        ("peephole_lstm", "segments", {"segment_length": 2}, {"output": Quantiles([0.2])}),
        ("coupled_lstm", "steps", {"segment_length": 1}, {"channels": "joint"}),
        ("coupled_lstm", "segments", {"num_layers": 2}, {"output": Quantiles(LEVELS)}),
    ]
] + [{"network": dense}]


def questions():
    """Raw histories (batch, time, 2) by name: of 1 to 3 L steps, with gaps, in a batch."""
    values = waves().to_numpy(np.float32)
    gaps = values.copy()
    gaps[-3, 0] = gaps[-LENGTH:-2, 1] = np.nan
    return {
        **{f"{steps} steps": values[None, -steps:] for steps in (1, 2, LENGTH, 3 * LENGTH)},
        "gaps": gaps[None],
        "batch": np.stack([values[-20:], gaps[-20:], values[-25:-5], 2 * values[-20:]]),
        "nothing": np.full((1, 4, 2), np.nan, np.float32),
    }


def live_answer(model, history):
    """From a forecaster as `serving_default` gives it: (time, 2) -> (H, 2), (H, 2, Q)."""
    frame = waves().iloc[: len(history)].copy()
    frame.iloc[:] = history
    answer = {"prediction": model.predict(frame).to_numpy()}
    if levels := list(model._fitted.config.head.levels):
        answer["quantiles"] = model.predict(frame, quantiles=levels).to_numpy()
        answer["quantiles"] = answer["quantiles"].reshape(HORIZON, 2, len(levels))
    return answer


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """Forecasters, the folders they are saved in, and what these answer without our packages."""
    models, folders = [], []
    for number, parameters in enumerate(GRAPHS):
        models.append(with_random_weights(waves(), seed=number, **parameters))
        folders.append(tmp_path_factory.mktemp("graph"))
        models[-1].save(folders[-1] / "artifact")
        asked = {f"{name}/past_values": histories for name, histories in questions().items()}
        np.savez(folders[-1] / "asked.npz", **asked)
    subprocess.run([sys.executable, HELPERS / "serve_alone.py", *folders], check=True)
    return models, folders


def test_every_usual_cell_and_encoder_is_among_the_graphs():
    networks = [parameters["network"] for parameters in GRAPHS[:-1]]
    assert {(network.cell, network.encoder) for network in networks} == {
        (cell, encoder) for cell in list(CELLS)[:5] for encoder in ("segments", "steps")
    }


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(GRAPHS)))
def test_a_saved_graph_answers_alone_as_the_forecaster_does(number, graphs):
    model, folder = graphs[0][number], graphs[1][number]
    with np.load(folder / "answered.npz") as file:
        answers = dict(file)
    asked = questions()
    blind = asked.pop("nothing")
    for name, histories in asked.items():
        for position, history in enumerate(histories):
            expected = live_answer(model, history)
            for output, values in expected.items():
                answer = answers[f"{name}/{output}"][position]
                assert answer.dtype == np.float32
                assert answer.shape == values.shape
                assert np.abs(answer - values).max() <= 1e-5 * np.abs(values).max()
    assert np.isnan(answers["nothing/prediction"]).all()
    assert answers["nothing/prediction"].shape == (len(blind), HORIZON, 2)
    assert {name.split("/")[1] for name in answers} == expected.keys()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(GRAPHS)))
def test_a_saved_graph_is_for_every_server(number, graphs):
    operations = operations_for_every_server(graphs[1][number])
    assert {"While", "StatelessWhile"} & operations or number == len(GRAPHS) - 1


@pytest.mark.slow
def test_the_signature(graphs):
    for model, folder in zip(*graphs, strict=True):
        serve = tf.saved_model.load(str(folder / "artifact")).signatures
        assert sorted(serve) == ["serving_default", "serving_float64"]
        serve = serve["serving_default"]
        _, named = serve.structured_input_signature
        assert named == {"past_values": tf.TensorSpec((None, None, 2), tf.float32, "past_values")}
        expected = {"prediction": tf.TensorSpec((None, HORIZON, 2), tf.float32)}
        if width := len(model._fitted.config.head.levels):
            expected["quantiles"] = tf.TensorSpec((None, HORIZON, 2, width), tf.float32)
        found = serve.structured_outputs
        assert {
            name: tf.TensorSpec(spec.shape, spec.dtype) for name, spec in found.items()
        } == expected


# Loading


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(GRAPHS)))
def test_what_is_loaded_gives_the_same_bits(number, graphs):
    model, folder = graphs[0][number], graphs[1][number]
    again = Forecaster.load(folder / "artifact")
    levels = list(model._fitted.config.head.levels) or None
    for history in (None, waves().iloc[:20]):
        expected = model.predict(history, quantiles=levels)
        actual = again.predict(history, quantiles=levels)
        pd.testing.assert_frame_equal(actual, expected, check_exact=True)
    for name in ("train_end_", "freq_", "input_length_", "season_length_"):
        assert getattr(again, name) == getattr(model, name)
    # A network of one's own comes back as Keras describes it, all else as it was.
    parameters, before = again.get_params(deep=False), model.get_params(deep=False)
    own = before["network"] is dense
    assert {n for n in before if parameters[n] != before[n]} == ({"network"} if own else set())


@pytest.mark.slow
def test_a_network_of_ones_own_is_loaded_without_its_function(graphs, tmp_path):
    again = Forecaster.load(graphs[1][-1] / "artifact")
    again.save(tmp_path / "again")
    twice = Forecaster.load(tmp_path / "again")
    assert np.array_equal(twice.predict(), graphs[0][-1].predict())
    fresh = tiny().fit(waves(), verbose=0).predict()
    assert np.array_equal(twice.fit(waves(), verbose=0).predict(), fresh)
