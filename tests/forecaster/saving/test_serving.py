"""The serving graph, asked by a client that knows only manifest.json, answers as the forecaster."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from forecaster import Forecaster
from forecaster.data.table_json import table_arrays, table_to_json
from tests.helpers.artifacts import HELPERS, operations_for_every_server
from tests.helpers.serving_cases import (
    CASES,
    ROLES,
    days_of_autumn,
    live,
    parted,
    questions,
    random_forecaster,
)
from tests.helpers.tiny import HORIZON, engine, waves

TOLERANCE = 1e-5  # of the largest forecast


def assert_close(answer, expected):
    assert answer.dtype == np.float32
    assert answer.shape == expected.shape
    assert not np.isnan(expected).all()
    assert np.array_equal(np.isnan(answer), np.isnan(expected))
    assert np.nanmax(np.abs(answer - expected)) <= TOLERANCE * np.nanmax(np.abs(expected))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Case -> forecaster, folder and questions; the answers lie in the folder."""
    cases = {}
    for name, (frame_of, parameters) in CASES.items():
        model = random_forecaster(frame_of(is_new=False), **parameters)
        folder = tmp_path_factory.mktemp("graph")
        model.save(folder / "artifact")
        manifest = json.loads((folder / "artifact" / "manifest.json").read_text())
        asked = questions(model, manifest, frame_of(is_new=True))
        arrays = {
            f"{question}/{given}": array
            for question, (inputs, _) in asked.items()
            for given, array in inputs.items()
        }
        np.savez(folder / "asked.npz", **arrays)
        cases[name] = model, folder, asked
    folders = [folder for _, folder, _ in cases.values()]
    subprocess.run([sys.executable, HELPERS / "serve_alone.py", *folders], check=True)
    return cases


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_graph_answers_alone_as_the_forecaster_does(case, served):
    model, folder, asked = served[case]
    frame = CASES[case][0](is_new=True)
    expected = live(model, frame)
    vary = np.array([len(history) > 1 for history in parted(frame)[0]])  # the others: see below
    with np.load(folder / "answered.npz") as answers:
        assert {name.rpartition("/")[2] for name in answers} == expected.keys()
        for question, (_, ids) in asked.items():
            chosen = vary[ids]
            for output, forecasts in expected.items():
                if chosen.any():
                    answer = answers[f"{question}/{output}"]
                    assert_close(answer[chosen], forecasts[ids][chosen])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["all independent", "all joint", "future and times"])
def test_in_float64_a_window_of_one_row_has_the_spread_of_its_series(case, served):
    model, folder, asked = served[case]
    known = CASES[case][0](is_new=False).groupby("series")[["sold", "left"]].std(ddof=0)
    serve = tf.saved_model.load(str(folder / "artifact")).signatures["serving_float64"]
    inputs, _ = asked["together"]
    exact = {
        name: array.astype(float) if array.dtype == np.float32 else array
        for name, array in inputs.items()
    }
    answers = serve(**exact, spread=known.to_numpy())
    for output, forecasts in live(model, CASES[case][0](is_new=True)).items():
        assert_close(answers[output].numpy().astype(np.float32), forecasts)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_graph_is_for_every_server(case, served):
    operations_for_every_server(served[case][1])


def in_this_process(folder):
    return tf.saved_model.load(str(folder / "artifact")).signatures["serving_default"]


@pytest.mark.slow
def test_values_of_the_future_may_be_missing(served):
    """`predict` asks for all of them, but a model takes what there is."""
    frame = days_of_autumn(is_new=True)
    for number, name in enumerate(ROLES["future_covariates"]):
        frame[name] = frame[name].astype(object)
        frame.loc[number :: 2 + number, name] = None
    model, folder, _ = served["all joint"]
    numeric = {name: float for name in ("price", "open")}
    table = engine(model).read_like_fit(frame.astype(numeric), model._fitted)
    every = np.arange(table.num_ids)
    expected = model._fitted.forecast_table(table, every, table.lengths - HORIZON)
    manifest = json.loads((folder / "artifact" / "manifest.json").read_text())
    asked, serve = questions(model, manifest, frame.astype(numeric)), in_this_process(folder)
    inputs, _ = asked["together"]
    assert np.isnan(inputs["future_covariates"]).any((0, 1)).all()
    # (I, S, H, 1) -> (I, H, S)
    assert_close(serve(**inputs)["prediction"].numpy(), expected[..., 0].swapaxes(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["f2", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_arrays_of_every_type_are_taken(dtype, served):
    _, folder, asked = served["future and times"]
    inputs, _ = asked["id 0"]
    whole = {name: np.nan_to_num(array).round() for name, array in inputs.items()}
    holds_times = dtype[1] in "48"
    converted = {
        name: array.astype(dtype) if holds_times or not name.endswith("time") else array
        for name, array in whole.items()
    }
    assert all(np.array_equal(array, whole[name]) for name, array in converted.items())
    serve = in_this_process(folder)
    assert np.array_equal(serve(**converted)["prediction"], serve(**whole)["prediction"])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["all independent", "all joint", "times alone"])
def test_times_that_are_wrong_are_refused(case, served):
    _, folder, asked = served[case]
    inputs, _ = asked["id 0"]
    serve = in_this_process(folder)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must hold seconds since 1970"):
        serve(**inputs | {name: inputs[name] * 1000 for name in ("past_time", "future_time")})
    for wrong in (
        {"past_time": inputs["past_time"][:, ::-1]},
        {"past_time": inputs["past_time"][:, :-1]},
        {"future_time": inputs["future_time"] + 86_400},
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"one step of freq=.* after ano"):
            serve(**inputs | wrong)


NUMBERS, TIMES = tf.float32, tf.int64


SIGNATURES = {
    "all independent": {
        "past_values": ((None, None, 2), NUMBERS),
        "past_time": ((None, None), TIMES),
        "past_covariates": ((None, None, 5), NUMBERS),
        "future_covariates": ((None, HORIZON, 3), NUMBERS),
        "future_time": ((None, HORIZON), TIMES),
        "static": ((None, 2), NUMBERS),
    },
    "times alone": {
        "past_values": ((None, None, 2), NUMBERS),
        "past_time": ((None, None), TIMES),
        "future_time": ((None, HORIZON), TIMES),
    },
    "past": {
        "past_values": ((None, None, 2), NUMBERS),
        "past_covariates": ((None, None, 2), NUMBERS),
    },
    "static": {
        "past_values": ((None, None, 1), NUMBERS),
        "static": ((None, 1), NUMBERS),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SIGNATURES)
def test_a_graph_takes_what_its_model_uses(case, served):
    expected = {
        name: tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in SIGNATURES[case].items()
    }
    _, folder, _ = served[case]
    assert in_this_process(folder).structured_input_signature == ((), expected)
    manifest = json.loads((folder / "artifact" / "manifest.json").read_text())
    assert {
        name: (tuple(given["shape"]), tf.as_dtype(given["dtype"]))
        for name, given in manifest["serving_default"]["inputs"].items()
    } == SIGNATURES[case]


@pytest.mark.slow
def test_the_manifest_describes_every_column(served):
    _, folder, _ = served["all independent"]
    manifest = json.loads((folder / "artifact" / "manifest.json").read_text())["serving_default"]
    inputs, kinds = manifest["inputs"], manifest["kinds"]
    known = [
        {"name": "price", "kind": "number"},
        {"name": "event", "kind": "category", "categories": [1, 2, 3]},
        {"name": "open", "kind": "number"},
    ]
    assert inputs["past_covariates"]["columns"] == [
        {"name": "heat", "kind": "number"},
        {"name": "sky", "kind": "category", "categories": ["rain", "sun"]},
        *known,
    ]
    assert inputs["future_covariates"]["columns"] == known
    assert inputs["static"]["columns"] == [
        {"name": "size", "kind": "number"},
        {"name": "kind", "kind": "category", "categories": ["k0", "k1"]},
    ]
    assert [column["name"] for column in inputs["past_values"]["columns"]] == ["sold", "left"]
    assert inputs["past_time"]["kind"] == inputs["future_time"]["kind"] == "time"
    assert kinds.keys() == {"number", "category", "time"}


# Loading


def assert_same_tables(table, other):
    assert table_to_json(table) == table_to_json(other)
    arrays, others = table_arrays(table), table_arrays(other)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert np.array_equal(array, others[name], equal_nan=True)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_what_is_loaded_gives_the_same_bits(case, served):
    model, folder, _ = served[case]
    again = Forecaster.load(folder / "artifact")
    before, after = model._fitted, again._fitted
    assert after.trained.coder == before.trained.coder
    assert_same_tables(after.history, before.history)
    assert_same_tables(after.last_rows, before.last_rows)
    frame = CASES[case][0](is_new=True)
    for output, forecasts in live(model, frame).items():
        assert np.array_equal(live(again, frame)[output], forecasts, equal_nan=True)


@pytest.mark.slow
def test_the_histories_of_a_panel_may_stay_at_home(served, tmp_path):
    model, _, _ = served["all joint"]
    model.save(tmp_path / "artifact", keep_history=False)
    again = Forecaster.load(tmp_path / "artifact")
    assert again._fitted.history is None
    assert table_to_json(again._fitted.last_rows) == table_to_json(model._fitted.last_rows)
    frame = days_of_autumn(is_new=False)
    expected = live(model, frame)["prediction"]
    assert np.array_equal(live(again, frame)["prediction"], expected)
    table = engine(again).read_like_fit(frame, again._fitted)
    assert np.array_equal(again._fitted.rows_seen(table), table.lengths)


@pytest.mark.slow
def test_tensorflows_own_tool_shows_and_runs_it(saved, tmp_path):
    model, folder = saved
    np.save(tmp_path / "asked.npy", waves().to_numpy(np.float32)[None, -20:])
    tool = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]
    what = ["--dir", folder, "--tag_set", "serve", "--signature_def", "serving_default"]
    with subprocess.Popen([*tool, "show", *what], stdout=subprocess.PIPE, text=True) as showing:
        asked = ["--inputs", f"past_values={tmp_path / 'asked.npy'}", "--outdir", tmp_path]
        subprocess.run([*tool, "run", *what, *asked], check=True, capture_output=True)
        shown = showing.stdout.read()
    assert "inputs['past_values'] tensor_info:" in shown
    assert "shape: (-1, -1, 2)" in shown
    answer = np.load(tmp_path / "prediction.npy")[0]
    expected = model.predict(waves().iloc[-20:])
    assert np.abs(answer - expected).max(axis=None) <= 1e-5 * expected.abs().max(axis=None)
