"""What is saved: whole at every moment, loaded bit for bit, and answering without this package."""

import errno
import itertools
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from forecaster import Forecaster, Quantiles, RecurrentNetwork
from forecaster.network.cells import CELLS
from forecaster.saving import artifact, serving
from forecaster.utils import files
from tests.helpers.tiny import HORIZON, LENGTH, ROWS, dense, tiny, waves, with_random_weights

HERE = Path(__file__).parent
HELPERS = HERE.parents[1] / "helpers"
LEVELS = [0.1, 0.5, 0.9]
FORMAT_1 = HERE / "format_1"
SIBLINGS = (".artifact.new", ".artifact.previous")


def numbers(folder):
    """Every file below a folder by its path, with its content."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two forecasters and where they are saved."""
    folder = tmp_path_factory.mktemp("two")
    models = [with_random_weights(waves(), seed=seed) for seed in (0, 1)]
    places = [folder / "first", folder / "second"]
    for model, place in zip(models, places, strict=True):
        model.save(place)
    return models, places


@pytest.fixture
def saved(two, tmp_path):
    """A copy of the first of the two, to be damaged."""
    (model, _), (place, _) = two
    return model, Path(shutil.copytree(place, tmp_path / "artifact"))


# The graph, for everybody

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
    if levels := list(model._fitted.output.levels):
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


def every_node(folder):
    """Every node of a SavedModel's graph, those of its functions too."""
    saved = SavedModel()
    saved.ParseFromString((folder / "artifact" / "saved_model.pb").read_bytes())
    for meta in saved.meta_graphs:
        yield from meta.graph_def.node
        for function in meta.graph_def.library.function:
            yield from function.node_def
            yield function  # it has attributes too


def operations_for_every_server(folder):
    """TensorFlow Serving refuses functions only XLA can run, and has no operations of Python."""
    operations = set()
    for node in every_node(folder):
        assert not [name for name in node.attr if "xla" in name.lower()]
        operations.add(getattr(node, "op", "NoOp"))
    assert operations <= set(dir(tf.raw_ops)) | {"Const", "Placeholder", "NoOp"}
    strange = ("Xla", "PyFunc", "EagerPyFunc", "Cudnn", "Collective", "TPU", "_")
    assert not [operation for operation in operations if operation.startswith(strange)]
    return operations


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(GRAPHS)))
def test_a_saved_graph_is_for_every_server(number, graphs):
    operations = operations_for_every_server(graphs[1][number])
    assert {"While", "StatelessWhile"} & operations or number == len(GRAPHS) - 1


@pytest.mark.slow
def test_the_signature(graphs):
    for model, folder in zip(*graphs, strict=True):
        serve = tf.saved_model.load(str(folder / "artifact")).signatures
        assert list(serve) == ["serving_default"]
        serve = serve["serving_default"]
        _, named = serve.structured_input_signature
        assert named == {"past_values": tf.TensorSpec((None, None, 2), tf.float32, "past_values")}
        expected = {"prediction": tf.TensorSpec((None, HORIZON, 2), tf.float32)}
        if width := len(model._fitted.output.levels):
            expected["quantiles"] = tf.TensorSpec((None, HORIZON, 2, width), tf.float32)
        found = serve.structured_outputs
        assert {
            name: tf.TensorSpec(spec.shape, spec.dtype) for name, spec in found.items()
        } == expected


@pytest.mark.slow
def test_tensorflows_own_tool_shows_and_runs_it(saved, tmp_path):
    model, place = saved
    np.save(tmp_path / "asked.npy", waves().to_numpy(np.float32)[None, -20:])
    tool = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]
    what = ["--dir", place, "--tag_set", "serve", "--signature_def", "serving_default"]
    with subprocess.Popen([*tool, "show", *what], stdout=subprocess.PIPE, text=True) as showing:
        asked = ["--inputs", f"past_values={tmp_path / 'asked.npy'}", "--outdir", tmp_path]
        subprocess.run([*tool, "run", *what, *asked], check=True, capture_output=True)
        shown = showing.stdout.read()
    assert "inputs['past_values'] tensor_info:" in shown
    assert "shape: (-1, -1, 2)" in shown
    answer = np.load(tmp_path / "prediction.npy")[0]
    expected = model.predict(waves().iloc[-20:])
    assert np.abs(answer - expected).max(axis=None) <= 1e-5 * expected.abs().max(axis=None)


# The manifest


def refuse(token):
    raise AssertionError(f"{token} is no JSON")


def test_the_manifest(fitted, tmp_path):
    model = fitted(output=Quantiles(LEVELS))
    model.save(tmp_path / "artifact")
    text = (tmp_path / "artifact" / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text, parse_constant=refuse)
    assert manifest["format_version"] == 2
    assert manifest["parameters"].keys() == model.get_params(deep=False).keys()
    assert (manifest["freq"], manifest["columns"]) == ("D", ["a", "b"])
    assert manifest["quantiles"] == LEVELS
    libraries = {"keras-forecaster", "tensorflow", "keras", "numpy", "pandas"}
    assert manifest["versions"].keys() == libraries
    assert manifest["versions"]["keras"] == keras.__version__
    names = numbers(tmp_path / "artifact").keys()
    assert manifest["files"].keys() == names - {"manifest.json"}
    assert {"saved_model.pb", "weights.npz", "history.npz"} <= names


def test_a_history_of_fits_that_json_cannot_hold(two, tmp_path):
    model = with_random_weights(waves())
    model.history_.loss[:] = [1.5, np.nan]
    model.history_.validation_score[:] = [0.5, np.inf]
    model.save(tmp_path / "artifact")
    json.loads((tmp_path / "artifact" / "manifest.json").read_text(), parse_constant=refuse)
    history = Forecaster.load(tmp_path / "artifact").history_
    assert (history.loss[0], history.validation_score) == (1.5, [0.5, np.inf])
    assert np.isnan([history.loss[1], history.naive_score]).all()


# Loading


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(GRAPHS)))
def test_what_is_loaded_gives_the_same_bits(number, graphs):
    model, folder = graphs[0][number], graphs[1][number]
    again = Forecaster.load(folder / "artifact")
    levels = list(model._fitted.output.levels) or None
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


@pytest.mark.slow
def test_a_new_process_gives_the_same_bits(saved, tmp_path):
    model, place = saved
    code = (
        "import sys; from forecaster import Forecaster\n"
        "Forecaster.load(sys.argv[1]).predict().to_pickle(sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", code, place, tmp_path / "answer"], check=True)
    answer = pd.read_pickle(tmp_path / "answer")
    pd.testing.assert_frame_equal(answer, model.predict(), check_exact=True)


def test_the_history_is_kept_exactly(tmp_path):
    frame = waves() / 3
    frame.iloc[-2, 0] = np.nan
    with_random_weights(frame).save(tmp_path / "artifact")
    with np.load(tmp_path / "artifact" / "history.npz", allow_pickle=False) as file:
        kept = file["values"]
    assert kept.dtype == np.float64
    assert np.array_equal(kept, frame.to_numpy()[-LENGTH - HORIZON :].T, equal_nan=True)


def test_the_history_may_stay_at_home(two, tmp_path):
    (model, _), _ = two
    model.save(tmp_path / "artifact", keep_history=False)
    assert "history.npz" not in numbers(tmp_path / "artifact")
    again = Forecaster.load(tmp_path / "artifact")
    assert again.train_end_ == model.train_end_
    with pytest.raises(ValueError, match=r"saved with keep_history=False.*Call predict\(history"):
        again.predict()
    assert np.array_equal(again.predict(waves()), model.predict())
    again.save(tmp_path / "again")  # nothing more can be kept
    assert np.array_equal(Forecaster.load(tmp_path / "again").predict(waves()), model.predict())


@pytest.mark.parametrize(
    "labels", [[7, 3], [("x", 1), ("y", 2)], ["ä ö", ""], [True, None], [0.5, 2.0]]
)
def test_labels_come_back_as_they_were(labels, tmp_path):
    columns = pd.Index(labels).rename(["k", "n"] if isinstance(labels[0], tuple) else "label")
    model = with_random_weights(waves().set_axis(columns, axis=1), target=labels[::-1])
    model.save(tmp_path / "artifact")
    again = Forecaster.load(tmp_path / "artifact")
    assert again.target == labels[::-1]
    assert list(map(type, again.target)) == list(map(type, labels[::-1]))
    pd.testing.assert_frame_equal(again.predict(), model.predict())


@pytest.mark.parametrize(
    ("freq", "times"),
    [
        (pd.offsets.Hour(6), pd.date_range("2024-01-01", periods=ROWS, freq="6h")),
        (pd.Timedelta(hours=6), pd.date_range("2024-01-01", periods=ROWS, freq="6h")),
        ("W-WED", pd.date_range("2024-01-03", periods=ROWS, freq="W-WED")),
        (np.int64(2), pd.RangeIndex(0, 2 * ROWS, 2)),
    ],
)
def test_every_way_to_give_a_step_can_be_saved(freq, times, tmp_path):
    model = with_random_weights(waves(times), freq=freq)
    model.save(tmp_path / "artifact")
    again = Forecaster.load(tmp_path / "artifact")
    pd.testing.assert_frame_equal(again.predict(), model.predict(), check_freq=True)
    pd.testing.assert_frame_equal(again.predict(waves(times)), model.predict(), check_freq=True)


def test_labels_that_cannot_be_written_are_said_before_anything_is(tmp_path):
    model = with_random_weights(waves().set_axis([pd.Timestamp("2024"), "b"], axis=1))
    with pytest.raises(TypeError, match=r"Labels must be texts.*frame.rename\(columns=str\)"):
        model.save(tmp_path / "artifact")
    assert not list(tmp_path.iterdir())


def test_nothing_is_pickled(two, tmp_path, monkeypatch):
    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, lambda *_, **__: pytest.fail("it pickles"))
    two[0][0].save(tmp_path / "artifact")
    Forecaster.load(tmp_path / "artifact")
    for path in (tmp_path / "artifact").glob("*.npz"):
        with np.load(path, allow_pickle=False) as file:
            assert all(file[name].dtype != object for name in file.files)


@keras.saving.register_keras_serializable(package="tests")
class Twice(keras.layers.Layer):
    """A layer of one's own."""

    def call(self, values):
        return 2 * values


def with_a_layer_of_its_own(spec):
    core = dense(spec)
    return keras.Model(core.input, Twice()(core.output))


def test_nothing_in_an_artifact_is_run_as_code(tmp_path):
    """A network whose config names a function of Python is refused, wherever it comes from."""
    with_random_weights(waves(), network=with_a_layer_of_its_own).save(tmp_path / "artifact")
    Forecaster.load(tmp_path / "artifact")
    file = tmp_path / "artifact" / "manifest.json"
    manifest = json.loads(file.read_text())
    network = manifest["parameters"]["network"]
    for own, evil in (
        ("tests>Twice", "system"),
        ("Twice", "system"),
        ('"module": null', '"module": "os"'),
    ):
        network["config"] = network["config"].replace(own, evil)
    assert "system" in network["config"]
    del manifest["manifest_sha256"]
    file.write_text(json.dumps(manifest | {"manifest_sha256": artifact._digest(manifest)}))
    with pytest.raises(TypeError, match="Could not locate class 'system'"):
        Forecaster.load(tmp_path / "artifact")


def test_a_network_that_could_not_be_loaded_is_not_saved(tmp_path):
    class Unknown(keras.layers.Layer):
        """Not registered with Keras."""

        def call(self, values):
            return 2 * values

    def network(spec):
        core = dense(spec)
        return keras.Model(core.input, Unknown()(core.output))

    model = with_random_weights(waves(), network=network)
    with pytest.raises(TypeError, match="`network` must make a model that Keras can write"):
        model.save(tmp_path / "artifact")
    assert not list(tmp_path.iterdir())


# Damage


def test_every_damaged_or_missing_file_is_named(saved):
    _, place = saved
    for name, content in numbers(place).items():
        file, middle = place / name, len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        for damaged in (flipped, content[:middle], b""):
            file.write_bytes(damaged)
            with pytest.raises(ValueError, match=rf"file '{name}' (differs|is missing or damaged)"):
                Forecaster.load(place)
        file.unlink()
        with pytest.raises(ValueError, match=rf"file '{name}' is missing"):
            Forecaster.load(place)
        file.write_bytes(content)
    Forecaster.load(place)


# Formats


def test_an_artifact_of_format_1_forecasts_as_it_did(tmp_path):
    """`format_1` is what the last version wrote that knew neither ids nor covariates."""
    model = Forecaster.load(FORMAT_1 / "artifact")
    expected = pd.read_csv(FORMAT_1 / "predicted.csv", index_col=0, parse_dates=True)
    forecast = model.predict()
    # The same bits on the machine that wrote it; others may sum in another order.
    pd.testing.assert_frame_equal(
        forecast, expected.astype(np.float32), rtol=1e-6, check_freq=False, check_index_type=False
    )
    graph = tf.saved_model.load(str(FORMAT_1 / "artifact")).signatures["serving_default"]
    known = waves().to_numpy(np.float32)[None, -LENGTH:]
    levels = model.predict(quantiles=LEVELS).to_numpy().reshape(1, HORIZON, 2, len(LEVELS))
    assert np.abs(graph(past_values=known)["quantiles"] - levels).max() <= 1e-5 * levels.max()
    assert (model.id_column, model.weight_column, model.time_features) == (None, None, None)
    model.save(tmp_path / "artifact")
    assert json.loads((tmp_path / "artifact" / "manifest.json").read_text())["format_version"] == 2
    pd.testing.assert_frame_equal(Forecaster.load(tmp_path / "artifact").predict(), forecast)


def test_metadata_of_format_1_become_those_of_today():
    metadata, _, _ = artifact.load(FORMAT_1 / "artifact")
    today, _ = Forecaster.load(FORMAT_1 / "artifact")._fitted.to_metadata(keep_history=True)
    for key in ("parameters", "covariates", "layout"):
        assert metadata[key] == today[key]


def test_a_later_format_is_refused(saved):
    _, place = saved
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps(manifest | {"format_version": 3}))
    with pytest.raises(
        ValueError, match=r"artifact of format 2 or earlier.* of format 3\. Load it with"
    ):
        Forecaster.load(place)


def test_what_is_no_artifact_is_not_loaded(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Nothing is there\. Write one with model\.save"):
        Forecaster.load(tmp_path / "nothing")
    (tmp_path / "file").write_text("text")
    (tmp_path / "manifest.json").write_text('{"name": "an app of the web", "versions": []}')
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(
            ValueError, match=r"must be an artifact\..*'manifest.json' is missing or"
        ):
            Forecaster.load(place)


# Places


def test_a_place_that_is_taken_is_not_overwritten(saved):
    model, place = saved
    before = numbers(place)
    with pytest.raises(FileExistsError, match=r"must not exist yet\..* Call save\(path, overwrite"):
        model.save(place)
    assert numbers(place) == before


@pytest.mark.parametrize("content", [None, "text", '{"format_version": 1, "files": {}}'])
def test_a_folder_that_is_no_artifact_is_never_deleted(content, two, tmp_path):
    place = tmp_path / "artifact"
    place.mkdir()
    if content is not None:
        (place / "manifest.json").write_text(content)  # other programs write files of that name
    (place / "thesis.txt").write_text("years of work")
    before = numbers(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="must not exist yet"):
            two[0][0].save(place, overwrite=overwrite)
    with pytest.raises(FileExistsError, match="It is no artifact, so it is never replaced: choose"):
        two[0][0].save(place / "thesis.txt", overwrite=True)
    assert numbers(tmp_path) == before


def test_an_artifact_is_replaced(two, saved):
    (first, second), _ = two
    _, place = saved
    second.save(place, overwrite=True)
    assert np.array_equal(Forecaster.load(place).predict(), second.predict())
    assert [path.name for path in place.parent.iterdir()] == ["artifact"]
    first.save(place, overwrite=True)
    assert np.array_equal(Forecaster.load(place).predict(), first.predict())


def test_ways_to_name_a_place(two, tmp_path, monkeypatch):
    (model, _), _ = two
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    for written, place in {
        "relative": "here/relative",
        "./with/parents/": "here/with/parents",
        "../beside": "beside",
        "~/at home": "at home",
    }.items():
        model.save(written)
        assert (tmp_path / place / "saved_model.pb").is_file()
        assert np.array_equal(Forecaster.load(written).predict(), model.predict())
    assert not (tmp_path / "here" / "~").exists()
    with pytest.raises(FileExistsError, match="must not exist yet"):
        model.save(".")
    monkeypatch.chdir("relative")
    for written in (".", "../relative/", Path()):
        assert np.array_equal(Forecaster.load(written).predict(), model.predict())


def test_a_link_is_followed_and_stays(two, saved):
    (_, second), _ = two
    _, place = saved
    link = place.with_name("latest")
    link.symlink_to(place)
    second.save(link, overwrite=True)
    assert link.is_symlink()
    assert sorted(path.name for path in place.parent.iterdir()) == ["artifact", "latest"]
    for path in (link, place):
        assert np.array_equal(Forecaster.load(path).predict(), second.predict())


# Saves that fail or are killed


def fails_at(monkeypatch, name, owner=artifact):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(owner, name, fail)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("write", serving.Serving),
        ("write_arrays", artifact),
        ("sha256", artifact),
        ("write_whole", artifact),
        ("fsync", files.os),
    ],
)
def test_a_disk_that_is_full(name, owner, overwrite, two, saved, monkeypatch):
    (_, second), _ = two
    first, place = saved
    if not overwrite:
        shutil.rmtree(place)
    before = numbers(place.parent)
    fails_at(monkeypatch, name, owner)
    with pytest.raises(OSError, match="No space left on device"):
        second.save(place, overwrite=overwrite)
    monkeypatch.undo()
    assert numbers(place.parent) == before
    assert [path.name for path in place.parent.iterdir()] == ["artifact"] * overwrite
    if overwrite:
        assert np.array_equal(Forecaster.load(place).predict(), first.predict())


@pytest.mark.parametrize("moment", [1, 2])
def test_a_move_that_fails_is_undone(moment, two, saved, monkeypatch):
    (_, second), _ = two
    first, place = saved
    before, moves, rename = numbers(place.parent), [], Path.rename

    def move(self, target):
        moves.append(target)
        if len(moves) == moment:
            raise PermissionError("not yours")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", move)
    with pytest.raises(PermissionError, match="not yours"):
        second.save(place, overwrite=True)
    assert numbers(place.parent) == before
    assert np.array_equal(Forecaster.load(place).predict(), first.predict())


@pytest.mark.slow
def test_files_that_may_not_grow(saved, tmp_path):
    """The system itself refuses to write on, in the middle of every file that is large enough."""
    model, place = saved
    sizes = sorted({len(content) for content in numbers(place).values()})
    code = (
        "import resource, signal, sys\n"
        "from forecaster import Forecaster\n"
        "model = Forecaster.load(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "for size in map(int, sys.argv[2:]):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))\n"
        "    try:\n"
        "        model.save(sys.argv[1], overwrite=True)\n"
        "    except OSError as error:\n"
        "        print('OSError', flush=True)\n"
    )
    limits = [str(size // 2) for size in sizes if size > 100]
    before = numbers(place)
    done = subprocess.run(
        [sys.executable, "-c", code, place, *limits], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["OSError"] * len(limits)
    assert len(limits) >= 3
    assert numbers(place) == before
    assert [path.name for path in place.parent.iterdir()] == ["artifact"]
    assert np.array_equal(Forecaster.load(place).predict(), model.predict())


def test_a_save_that_was_killed_between_its_moves(two, saved):
    """Loading finds what was moved aside, and the next save clears up."""
    (_, second), (_, other) = two
    first, place = saved
    fresh, previous = (place.with_name(name) for name in SIBLINGS)
    place.rename(previous)
    shutil.copytree(other, fresh)
    assert np.array_equal(Forecaster.load(place).predict(), first.predict())
    with pytest.raises(FileExistsError, match="must not exist yet"):
        second.save(place)
    assert [path.name for path in place.parent.iterdir()] == ["artifact"]
    shutil.copytree(other, previous)  # killed after the second move
    fresh.mkdir()  # and once more, while it wrote
    assert np.array_equal(Forecaster.load(place).predict(), first.predict())
    second.save(place, overwrite=True)
    assert [path.name for path in place.parent.iterdir()] == ["artifact"]
    assert np.array_equal(Forecaster.load(place).predict(), second.predict())


def test_at_every_moment_of_a_save_a_whole_artifact_can_be_loaded(two, saved, monkeypatch):
    """Copies the folder before and after every operation on files: what a kill would leave."""
    (first, second), _ = two
    _, place = saved
    moments = []

    def copy_of_the_moment():
        moments.append(place.parent.with_name(f"moment {len(moments)}"))
        shutil.copytree(place.parent, moments[-1])

    def watched(operation):
        def call(*arguments, **options):
            copy_of_the_moment()
            result = operation(*arguments, **options)
            copy_of_the_moment()
            return result

        return call

    for name in ("rename", "replace", "unlink", "rmdir", "fsync"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    second.save(place, overwrite=True)
    monkeypatch.undo()
    found = []
    for moment in moments:
        for _ in range(2):
            _, weights, _ = artifact.load(moment / "artifact")
            found.append([np.array_equal(weights[0], first_weights(m)) for m in (first, second)])
            artifact._finish_interrupted(moment / "artifact")  # with which the next save begins
        assert [path.name for path in moment.iterdir()] == ["artifact"]
    switch = found.index([False, True])
    assert 20 < switch < len(found)
    assert found == [[True, False]] * switch + [[False, True]] * (len(found) - switch)


def test_loading_never_notices_a_save(two, saved, monkeypatch):
    """Artifacts take turns in one place, a hundred a second."""
    models, places = two
    _, place = saved
    turns, done = itertools.cycle(places), threading.Event()

    def write(place, *_):
        time.sleep(0.01)
        shutil.copytree(next(turns), place)

    monkeypatch.setattr(artifact, "_write", write)

    def save():
        while not done.is_set():
            artifact.save(place, *[None] * 4, overwrite=True)

    seen = set()
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(save)
        try:
            for _ in range(300):
                _, weights, _ = artifact.load(place)
                seen.add([np.array_equal(weights[0], first_weights(m)) for m in models].index(True))
        finally:
            done.set()
        saving.result()
    assert seen == {0, 1}


def first_weights(model):
    return model.model_.get_weights()[0]


@pytest.mark.slow
def test_loading_while_it_is_saved_and_after_saves_were_killed(two, saved):
    models, places = two
    _, place = saved
    answers, seen = [model.predict() for model in models], set()

    def load():
        forecast = Forecaster.load(place).predict()
        seen.add([forecast.equals(answer) for answer in answers].index(True))

    generator = np.random.default_rng(0)
    for _ in range(3):
        command = [sys.executable, HELPERS / "save_forever.py", *places, place]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "saved\n"
            for _ in range(3):
                load()
                time.sleep(generator.uniform(0, 0.1))
            process.kill()
        load()
    assert seen == {0, 1}
    models[0].save(place, overwrite=True)
    assert [path.name for path in place.parent.iterdir()] == ["artifact"]
