"""The serving graph, asked by somebody who knows only manifest.json, answers as the forecaster."""

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from forecaster import Forecaster, Quantiles, RecurrentNetwork
from forecaster.data.frame_checks import FrameWarning
from forecaster.data.table_json import table_arrays, table_to_json
from forecaster.fitted import Fitted, untrained
from forecaster.inputs.covariate_coder import CovariateCoder
from forecaster.network.core import core_inputs
from forecaster.network.model import set_scaling
from forecaster.training.callbacks import FitHistory
from tests.forecaster.saving.test_artifact import operations_for_every_server
from tests.helpers.tiny import HORIZON, LENGTH, engine, tiny

HELPERS = Path(__file__).parents[2] / "helpers"
LEVELS = [0.1, 0.5, 0.9]
TOLERANCE = 1e-5  # of the largest forecast
ROLES = {
    "past_covariates": ["heat", "sky"],
    "future_covariates": ["price", "event", "open"],
    "static_covariates": ["size", "kind"],
}


def flat(spec):
    """A core of one matrix, from everything there is to the horizon."""
    inputs = core_inputs(spec)
    seen = keras.layers.Concatenate()([keras.layers.Flatten()(given) for given in inputs.values()])
    answer = keras.layers.Dense(spec.horizon * spec.width)(seen)
    return keras.Model(inputs, keras.layers.Reshape((spec.horizon, spec.width))(answer))


# Frames: every id with HORIZON rows more than its history, of which only the future is told


def columns(times, seed, *, is_new):
    """Two targets and every kind of covariate; in new ones lie categories not seen before."""
    generator, count = np.random.default_rng(seed), len(times)

    def numbers(*, missing):
        unknown = generator.random(count) < missing
        unknown[-1 - HORIZON] = False  # the newest of the history
        return np.where(unknown, np.nan, generator.normal(20, 5, count))

    def one_of(*categories):
        return generator.choice(np.array(categories, object), count)

    frame = {"time": times, "sold": numbers(missing=0.2), "left": numbers(missing=0.2)}
    frame |= {"heat": numbers(missing=0.3), "price": numbers(missing=0)}
    frame |= {"sky": one_of("sun", "rain", None, *["hail"] * is_new)}
    frame |= {"event": one_of(1, 2, 3, *[4] * is_new), "open": generator.random(count) < 0.5}
    return pd.DataFrame(frame)


def panel(rows, start, freq, zone=None, *, is_new=False):
    """Series of so many rows below each other; of the last one nothing static is known."""
    parts = []
    for number, count in enumerate(rows):
        times = pd.date_range(start, periods=count + number + HORIZON, freq=freq, tz=zone)[number:]
        part = columns(times, number, is_new=is_new)
        is_last = number == len(rows) - 1
        part["size"] = np.nan if is_last else 10.0 * number
        part["kind"] = None if is_last else ("new" if is_new and number == 0 else f"k{number % 2}")
        parts.append(part.assign(series=f"id {number}"))
    return pd.concat(parts, ignore_index=True)


def hours_of_spring(is_new):
    """Across the night in which the clocks change; the last two histories are short."""
    return panel((33, 20, LENGTH, 3, 1), "2024-03-30 10:00", "h", "Europe/Berlin", is_new=is_new)


def days_of_autumn(is_new):
    """Days of 23, 24 and 25 hours that begin at 6; histories before which the clocks change."""
    rows = (20, 12, 6, 5, 3)
    return panel(rows, "2024-10-22 06:00", "D", "Europe/Berlin", is_new=is_new)


def months(is_new):
    return panel((30, 9, 4, 1), "2019-01-01", "MS", is_new=is_new)


def counted(is_new):
    frame = panel((30, 9, 3), "2024-01-01", "D", is_new=is_new)
    return frame.assign(time=(frame["time"] - pd.Timestamp("2024")).dt.days)


CASES = {  # what is asked of, and the forecaster
    "all independent": (
        hours_of_spring,
        {
            "network": RecurrentNetwork("simple_rnn", units=2),
            "time_features": ["hour", "day_of_week"],
            "output": Quantiles(LEVELS),
            **ROLES,
        },
    ),
    "all joint": (
        days_of_autumn,
        {
            "time_features": ["day_of_week", "day_of_year"],
            "channels": "joint",
            "normalization": "standard",
            **ROLES,
        },
    ),
    "times alone": (months, {"time_features": ["month", "day_of_year"], "normalization": "none"}),
    "future and times": (
        months,
        {"time_features": ["day_of_month"], "future_covariates": ["open"], "channels": "joint"},
    ),
    "past": (counted, {"freq": 1, "past_covariates": ["sky", "heat"], "output": Quantiles([0.3])}),
    "static": (counted, {"freq": 1, "static_covariates": ["kind"], "target": "left"}),
}


def random_forecaster(frame, seed=0, **parameters):
    """A forecaster that counts as fitted on `frame`, but whose weights are all distinct noise."""
    keys = {"id_column": "series", "time_column": "time", "time_features": None, "network": flat}
    model = tiny(**{"target": ["sold", "left"]} | keys | parameters)
    driver = engine(model)
    table = driver.read(frame)
    spec = driver.window_spec(table)
    features = driver.config.resolved_time_features(table, spec)
    coder = CovariateCoder.learned(table, table.lengths, features)
    trained = replace(untrained(driver.config, spec, coder), history=FitHistory([1.0]))
    generator = np.random.default_rng(seed)
    network = trained.model
    network.set_weights([generator.normal(0, 0.3, w.shape) for w in network.get_weights()])
    set_scaling(network, coder.scaling(table, table.lengths))
    return model._adopt(Fitted.on(table, driver.config, spec, trained))


def parted(frame):
    """The histories of all ids, and what follows them."""
    parts = [part for _, part in frame.groupby("series")]
    return [part[:-HORIZON] for part in parts], [part[-HORIZON:] for part in parts]


# The outsider


def as_numbers(column, values):
    """The values of a column as its description in manifest.json says."""
    if column["kind"] == "number":
        return np.array(values, float)
    codes = {category: place + 1 for place, category in enumerate(column["categories"])}
    return np.array([codes.get(value, np.nan) for value in values])


def request(manifest, histories, futures):
    """The inputs for some ids: histories of equal length, and the horizons after them."""
    inputs = {}
    for name, described in manifest["serving_default"]["inputs"].items():
        frames = futures if name.startswith("future") else histories
        if name == "static":
            frames = [frame.iloc[-1:] for frame in histories]
        blocks = []
        for frame in frames:
            if described.get("kind") == "time":
                blocks.append([int(time.timestamp()) for time in frame["time"]])
            else:
                numbers = [as_numbers(of, frame[of["name"]]) for of in described["columns"]]
                blocks.append(np.stack(numbers, axis=-1))
        inputs[name] = np.stack(blocks).astype(described["dtype"])
        inputs[name] = inputs[name][:, 0] if name == "static" else inputs[name]
    return inputs


def padded(history, rows, freq):
    """A history with rows before it of which only the times are known."""
    missing = rows - len(history)
    if isinstance(freq, int):
        times = history["time"].iloc[0] - np.arange(missing, 0, -1)
    else:
        times = pd.date_range(end=history["time"].iloc[0], periods=missing + 1, freq=freq)[:-1]
    return pd.concat([history.iloc[:0].reindex(range(missing)).assign(time=times), history])


def questions(model, manifest, frame):
    """Name -> inputs, and the positions of the ids that they are about."""
    histories, futures = parted(frame)
    longest = max(map(len, histories))
    together = [padded(history, longest, model.freq_) for history in histories]
    asked = {"together": (request(manifest, together, futures), range(len(histories)))}
    for id_, (history, future) in enumerate(zip(histories, futures, strict=True)):
        asked[f"id {id_}"] = (request(manifest, [history], [future]), [id_])
    return asked


def live(model, frame):
    """The forecasts of all ids as the graph gives them: (I, H, S), (I, H, S, Q)."""
    histories, futures = map(pd.concat, parted(frame))
    future = futures[["series", "time", *model.future_covariates]]
    known = {"future": future} if model.future_covariates else {}
    shape = (-1, HORIZON, model._fitted.last_rows.num_targets)
    levels = list(model._fitted.output.levels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FrameWarning)  # of categories that are new

        def predict(**asked):
            return model.predict(histories, **known, **asked).iloc[:, 2:].to_numpy(np.float32)

        forecasts = {"prediction": predict().reshape(shape)}
        if levels:
            forecasts["quantiles"] = predict(quantiles=levels).reshape(*shape, len(levels))
    return forecasts


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
    expected = live(model, CASES[case][0](is_new=True))
    with np.load(folder / "answered.npz") as answers:
        assert {name.rpartition("/")[2] for name in answers} == expected.keys()
        for question, (_, ids) in asked.items():
            for output, forecasts in expected.items():
                assert_close(answers[f"{question}/{output}"], forecasts[ids])


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
    table = model._read_like_fit(frame.astype(numeric))
    every = np.arange(table.num_ids)
    expected = model._fitted.forecast(table, every, table.lengths - HORIZON)
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
