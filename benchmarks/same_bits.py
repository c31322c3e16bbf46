"""Digests of forecasts, backtests and searches of a fixed seed, to compare two versions bit by bit.

A change that must not change a number is checked by running this before and after it:

    python benchmarks/same_bits.py --write before.json      # on one version
    python benchmarks/same_bits.py --compare before.json    # on the other, on the same machine

Everything runs on bundled or made-up data and tiny networks. Digests differ between machines: only
those of one machine can be compared.
"""

import argparse
import hashlib
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from forecaster import Folds, Forecaster, ForecasterSearch, Quantiles, RecurrentNetwork, Training
from forecaster import space as search_space
from forecaster.datasets import load_dataset

SHORT = Training(epochs=3, patience=2)
SMALL = RecurrentNetwork(units=8)


def digest(frame: pd.DataFrame) -> str:
    """Compute the SHA-256 of the labels and of the bits of the numbers of a frame."""
    found = hashlib.sha256()
    for values in (frame.index, frame.columns):
        found.update("|".join(map(str, values)).encode())
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        is_float = column.dtype.kind == "f"
        found.update(
            column.to_numpy().tobytes() if is_float else "|".join(map(str, column)).encode()
        )
    return found.hexdigest()


def panel() -> pd.DataFrame:
    """Make three shops of different length with a price, a city, a weight and gaps."""
    generator, parts = np.random.default_rng(1), []
    for number, (shop, rows) in enumerate((("A", 130), ("B", 100), ("C", 75))):
        day = pd.date_range("2024-01-01", periods=rows)
        price = generator.choice([4.0, 5.0], rows)
        sold = 20 * (number + 1) + 5 * (day.day_of_week > 4) - 3 * price
        shown = {"shop": shop, "city": "Rome" if number else "Oslo", "day": day, "price": price}
        sold = sold + generator.normal(size=rows)
        weather = generator.choice(["sun", "rain"], rows)
        weight = generator.integers(1, 4, rows).astype(float)
        parts.append(pd.DataFrame(shown | {"weather": weather, "weight": weight, "sold": sold}))
    return pd.concat(parts).drop(index=[17, 40]).reset_index(drop=True)


def of_single_series() -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield forecasts, scores and an update of models of one series."""
    air = load_dataset("air_passengers")
    for name, parameters in {
        "default": {},
        "peephole quantiles": {"network": "peephole_lstm", "output": Quantiles([0.1, 0.9])},
        "lstm steps dense": {
            "network": RecurrentNetwork("lstm", 8, 2, 0.1, encoder="steps", decoder="dense"),
            "normalization": "standard",
        },
        "simple_rnn mse": {"network": "simple_rnn", "training": Training(epochs=2, loss="mse")},
    }.items():
        model = Forecaster(12, **{"network": SMALL, "training": SHORT, "seed": 3} | parameters)
        model.fit(air.iloc[:132], verbose=0)
        levels = [0.1, 0.5, 0.9] if isinstance(model.output, Quantiles) else None
        yield f"{name}: predict", model.predict(quantiles=levels)
        yield f"{name}: predict shorter", model.predict(air.iloc[:50], quantiles=levels)
        yield f"{name}: backtest", model.backtest(air, cutoffs=5).forecasts
        refitted = model.backtest(air, cutoffs=4, stride=2, refit=2, gap=1)
        yield f"{name}: backtest refit", refitted.forecasts
        yield f"{name}: scores by step", refitted.scores("step")
        model.update(air)
        yield f"{name}: update", model.predict()
        yield f"{name}: artifact", loaded(model).predict()
        yield f"{name}: serving", served(model, air)


def loaded(model: Forecaster) -> Forecaster:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        return Forecaster.load(Path(folder) / "model")


def served(model: Forecaster, frame: pd.DataFrame) -> pd.DataFrame:
    """Ask the SavedModel."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        serve = tf.saved_model.load(Path(folder) / "model").signatures["serving_default"]
        answer = serve(past_values=tf.constant(frame.to_numpy("float32")[None]))
        return pd.DataFrame(answer["prediction"].numpy()[0])


def of_panels() -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the same of ids, covariates, weights, time features and joint channels."""
    shops = panel()
    columns = {"id_column": "shop", "time_column": "day", "target": "sold"}
    model = Forecaster(
        7,
        14,
        **columns,
        future_covariates=["price"],
        past_covariates=["weather"],
        static_covariates=["city"],
        weight_column="weight",
        time_features=["day_of_week"],
        network=SMALL,
        training=SHORT,
    ).fit(shops, verbose=0)
    future = model.future_frame().assign(price=4.5)
    yield "panel: predict", model.predict(future=future)
    yield "panel: missing future", model.missing_future(future=future.iloc[3:])
    result = model.backtest(shops, cutoffs=3, refit=True)
    yield "panel: backtest", result.forecasts
    yield "panel: scores by series", result.scores("series")
    yield "panel: artifact", loaded(model).predict(future=future)
    wide = shops.pivot(index="day", columns="shop", values="sold")
    joint = Forecaster(5, channels="joint", network=SMALL, training=SHORT)
    yield "joint: predict", joint.fit(wide, verbose=0).predict()
    yield "joint: backtest", joint.backtest(wide, cutoffs=3).forecasts


def of_searches() -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the parameters and scores of all trials, and the forecasts of the best."""
    air = load_dataset("air_passengers")
    template = Forecaster(12, network=SMALL, training=Training(epochs=2))
    narrow = search_space(cells=["gru", "peephole_lstm"], units=(4, 8), num_layers=1)
    for tuner, options in {
        "random": {"folds": 2},
        "bayesian": {"folds": Folds(2, cutoffs=3)},
        "hyperband": {"folds": 1, "objective": ["MAE", "skill"]},
    }.items():
        search = ForecasterSearch(template, narrow, tuner=tuner, max_trials=6, seed=2, **options)
        trials = search.fit(air, verbose=0).trials_
        scored = [name for name in trials if name not in ("seconds", "weights", "num_parameters")]
        yield f"search {tuner}: trials", trials[scored]
        yield f"search {tuner}: best", search.best_forecaster_.predict()


PARTS: tuple[Callable[[], Iterator[tuple[str, pd.DataFrame]]], ...] = (
    of_single_series,
    of_panels,
    of_searches,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="file for the digests")
    parser.add_argument("--compare", type=Path, help="file with the digests of another version")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = {name: digest(frame) for part in PARTS for name, frame in part()}
    if options.write:
        options.write.write_text(json.dumps(found, indent=2), encoding="utf-8")
    before = json.loads(options.compare.read_text(encoding="utf-8")) if options.compare else found
    for name in dict.fromkeys([*before, *found]):
        is_same = before.get(name) == found.get(name)
        print(f"{'same' if is_same else 'DIFFERENT':<10}{found.get(name, '')[:16]:<18}{name}")
    equal = sum(before.get(name) == digest for name, digest in found.items())
    print(f"{equal} of {len({*before, *found})} equal")


if __name__ == "__main__":
    main()
