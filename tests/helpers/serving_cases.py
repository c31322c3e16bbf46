"""Forecasters with covariates and times, and requests made from manifest.json alone."""

import warnings
from dataclasses import replace

import keras
import numpy as np
import pandas as pd

from forecaster import Quantiles, RecurrentNetwork
from forecaster.data.frame_checks import FrameWarning
from forecaster.fitted import Fitted, untrained
from forecaster.inputs.covariate_coder import CovariateCoder
from forecaster.inputs.spreads import Spreads
from forecaster.network.core import core_inputs
from forecaster.network.model import set_scaling
from forecaster.training.callbacks import FitHistory
from tests.helpers.artifacts import LEVELS
from tests.helpers.tiny import HORIZON, LENGTH, engine, tiny

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


# Frames: every id with HORIZON rows more than its history, of which only the future is given


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
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(event=frame["event"].astype("category"))  # numbers that are names


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
    spreads = Spreads.learned(table, table.lengths) if model.normalization != "none" else None
    trained = replace(untrained(driver.config, spec, coder, spreads), history=FitHistory([1.0]))
    generator = np.random.default_rng(seed)
    network = trained.model
    network.set_weights([generator.normal(0, 0.3, w.shape) for w in network.get_weights()])
    set_scaling(network, coder.scaling())
    return model._adopt(Fitted.on(table, driver.config, spec, trained))


def parted(frame):
    """The histories of all ids, and what follows them."""
    parts = [part for _, part in frame.groupby("series")]
    return [part[:-HORIZON] for part in parts], [part[-HORIZON:] for part in parts]


# A client that knows only manifest.json


def as_numbers(column, values):
    """The values of a column as its description in manifest.json says."""
    if column["kind"] == "number":
        return np.array(values, float)
    codes = {category: position + 1 for position, category in enumerate(column["categories"])}
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
    levels = list(model._fitted.config.head.levels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FrameWarning)  # of categories that are new

        def predict(**asked):
            return model.predict(histories, **known, **asked).iloc[:, 2:].to_numpy(np.float32)

        forecasts = {"prediction": predict().reshape(shape)}
        if levels:
            forecasts["quantiles"] = predict(quantiles=levels).reshape(*shape, len(levels))
    return forecasts
