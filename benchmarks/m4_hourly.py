"""One global network with default settings on the 414 hourly series of the M4 competition.

Fitted on the training parts alone, whose last rows are held out inside the fit; then 48 hours after
each series, scored as the competition did: sMAPE and MASE (scaled by the seasonal naive's error in
the training part) of each series, their means over series, and OWA, the mean of both relative to
the competition's Naive2 (18.383 and 2.395).

    python benchmarks/m4_hourly.py [--seeds 3] [--cell gru]

The data are downloaded, or taken from the folder in KERAS_FORECASTER_DATA.
"""

import argparse
import time

import numpy as np
import pandas as pd

from forecaster import Forecaster
from forecaster.datasets import load_dataset

SEASON, HORIZON = 24, 48
NAIVE2 = {"sMAPE": 18.383, "MASE": 2.395}
PUBLISHED = {  # Makridakis et al. 2020, "The M4 Competition"
    "ES-RNN (winner)": (9.328, 0.893),
    "seasonal naive": (13.912, 1.193),
    "Keras RNN (benchmark)": (14.698, 3.048),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cell", default="gru")
    options = parser.parse_args()

    train, test = (load_dataset("m4_hourly", split) for split in ("train", "test"))
    print(f"{'':<24}{'sMAPE':>8}{'MASE':>8}{'OWA':>8}{'epochs':>9}{'fit s':>7}")
    report("seasonal naive", *scores(train, test, seasonal_naive(train)))
    for seed in range(options.seeds):
        model = Forecaster(
            HORIZON,
            target="y",
            id_column="unique_id",
            time_column="ds",
            freq=1,
            season_length=SEASON,
            network=options.cell,
            seed=seed,
        )
        started = time.perf_counter()
        model.fit(train, verbose=0)
        seconds = time.perf_counter() - started
        epochs = f"{model.history_.best_epoch}/{len(model.history_.loss)}"
        name = f"{options.cell}, seed {seed}"
        report(name, *scores(train, test, model.predict()), f"{epochs:>9}{seconds:>7.0f}")
    for name, published in PUBLISHED.items():
        report(f"published: {name}", *published)


def seasonal_naive(train: pd.DataFrame) -> pd.DataFrame:
    """Repeat the last day of each series, twice."""
    last_day = train.groupby("unique_id").tail(SEASON)
    days = [last_day.assign(ds=last_day["ds"] + SEASON * day) for day in (1, 2)]
    return pd.concat(days).rename(columns={"y": "prediction"})


def scores(train: pd.DataFrame, test: pd.DataFrame, forecast: pd.DataFrame) -> tuple[float, float]:
    """Mean sMAPE and mean MASE over series."""
    scale = train.groupby("unique_id")["y"].apply(lambda y: y.diff(SEASON).abs().mean())
    both = test.merge(forecast, on=["unique_id", "ds"], validate="one_to_one")
    assert len(both) == len(test)
    error = (both["y"] - both["prediction"]).abs()
    relative = 200 * error / (both["y"].abs() + both["prediction"].abs())
    mase = error.groupby(both["unique_id"]).mean() / scale
    return relative.mean(), mase.mean()


def report(name: str, smape: float, mase: float, rest: str = "") -> None:
    owa = np.mean([smape / NAIVE2["sMAPE"], mase / NAIVE2["MASE"]])
    print(f"{name:<24}{smape:>8.3f}{mase:>8.3f}{owa:>8.3f}{rest}", flush=True)


if __name__ == "__main__":
    main()
