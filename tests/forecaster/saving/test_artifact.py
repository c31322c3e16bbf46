"""What is saved and loaded: manifest, history, labels, damage, and earlier formats."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from forecaster import Forecaster, FrameWarning, Quantiles
from forecaster.saving import artifact
from forecaster.saving.manifest import ArtifactError, digest
from tests.helpers.artifacts import LEVELS, contents
from tests.helpers.tiny import HORIZON, LENGTH, ROWS, dense, waves, with_random_weights

FORMAT_1 = Path(__file__).parent / "format_1"

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
    names = contents(tmp_path / "artifact").keys()
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
def test_a_new_process_gives_the_same_bits(saved, tmp_path):
    model, folder = saved
    code = (
        "import sys; from forecaster import Forecaster\n"
        "Forecaster.load(sys.argv[1]).predict().to_pickle(sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", code, folder, tmp_path / "answer"], check=True)
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
    assert "history.npz" not in contents(tmp_path / "artifact")
    again = Forecaster.load(tmp_path / "artifact")
    assert again.train_end_ == model.train_end_
    with pytest.raises(ValueError, match=r"saved with keep_history=False.*Call predict\(history"):
        again.predict()
    assert np.array_equal(again.predict(waves()), model.predict())
    again.save(tmp_path / "again")  # nothing more can be kept
    assert np.array_equal(Forecaster.load(tmp_path / "again").predict(waves()), model.predict())


@pytest.mark.parametrize(
    "labels", [[7, 3], [("x", 1), ("y", 2)], ["ä ö", ""], [True, "b"], [0.5, 2.0]]
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
    with pytest.warns(FrameWarning, match="cannot be saved"):
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
    file.write_text(json.dumps(manifest | {"manifest_sha256": digest(manifest)}))
    with pytest.raises(ArtifactError, match=r"must be made of Keras's own layers.*'system' of the"):
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
    _, folder = saved
    for name, content in contents(folder).items():
        file, middle = folder / name, len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        for damaged in (flipped, content[:middle], b""):
            file.write_bytes(damaged)
            with pytest.raises(ValueError, match=rf"file '{name}' (differs|is missing or damaged)"):
                Forecaster.load(folder)
        file.unlink()
        with pytest.raises(ValueError, match=rf"file '{name}' is missing"):
            Forecaster.load(folder)
        file.write_bytes(content)
    Forecaster.load(folder)


# Formats


def test_an_artifact_of_format_1_forecasts_as_it_did(tmp_path):
    """`format_1` is what the last version wrote that knew neither ids nor covariates."""
    model = Forecaster.load(FORMAT_1 / "artifact")
    expected = pd.read_csv(FORMAT_1 / "predicted.csv", index_col=0, parse_dates=True)
    forecast = model.predict()
    # The same bits on the machine that wrote it; others may sum in another order.
    pd.testing.assert_frame_equal(
        forecast, expected, rtol=1e-6, check_freq=False, check_index_type=False
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
    _, folder = saved
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format_version": 3}))
    with pytest.raises(
        ValueError, match=r"artifact of format 2 or earlier.* of format 3\. Load it with"
    ):
        Forecaster.load(folder)


def test_what_is_no_artifact_is_not_loaded(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Nothing is there\. Write one with model\.save"):
        Forecaster.load(tmp_path / "nothing")
    (tmp_path / "file").write_text("text")
    (tmp_path / "manifest.json").write_text('{"name": "an app of the web", "versions": []}')
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(
            ValueError, match=r"must be an artifact\..*'manifest.json' is missing or"
        ):
            Forecaster.load(folder)
