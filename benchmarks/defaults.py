"""Why the defaults are what they are: each variant differs from them in one thing.

Every dataset is fitted up to the first of its cutoffs and forecast from all of them, for some
seeds; the number is MASE over the seasonal naive's MASE (below 1 is better than the naive). None of
the rows is a test row of another benchmark here: air_passengers ends where its test begins, ETTh1
with its validation part.

    python benchmarks/defaults.py [--seeds 2]

The data are downloaded, or taken from the folder in KERAS_FORECASTER_DATA.
"""

import argparse
import warnings

import numpy as np
import pandas as pd

from forecaster import Forecaster
from forecaster.datasets import load_dataset

VARIANTS = {
    "as it is": {},
    "no refit on all rows": {"training__refit": False},
    "normalization standard": {"normalization": "standard"},
    "decoder dense": {"network__decoder": "dense"},
    "encoder steps": {"network__encoder": "steps"},
    "dropout .3": {"network__dropout": 0.3},
    "learning rate 3e-4": {"training__learning_rate": 3e-4},
    "cell lstm": {"network__cell": "lstm"},
    "no time features": {"time_features": None},
}


def tasks() -> dict[str, tuple[pd.DataFrame, int, int, int]]:
    """Name -> frame, horizon, cutoffs, stride."""
    m4 = load_dataset("m4_hourly", split="train")
    ids = m4["unique_id"].unique()[::60]
    hourly = m4[m4["unique_id"].isin(ids)].pivot(index="ds", columns="unique_id", values="y")
    hourly.index = pd.date_range("2000-01-01", periods=len(hourly), freq="h")
    return {
        "air": (load_dataset("air_passengers").iloc[:109], 12, 24, 1),
        "m4 hourly": (hourly.iloc[:700], 48, 12, 12),
        "temperatures": (load_dataset("min_temperatures"), 14, 60, 7),
        "sunspots": (load_dataset("sunspots"), 12, 60, 6),
        "ett": (load_dataset("ett_h1").iloc[:11520], 96, 60, 24),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    seeds = range(parser.parse_args().seeds)
    warnings.simplefilter("ignore")  # gaps in the data

    frames = tasks()
    print(" " * 24 + "".join(map("{:>14}".format, frames)))
    table = pd.DataFrame(
        index=pd.Index(VARIANTS, name="variant"), columns=list(frames), dtype=float
    )
    for variant, parameters in VARIANTS.items():
        for name, (frame, horizon, cutoffs, stride) in frames.items():
            ratios = []
            for seed in seeds:
                model = Forecaster(horizon, seed=seed).set_params(**parameters)
                mase = model.backtest(frame, cutoffs=cutoffs, stride=stride).scores()["MASE"]
                ratios.append(mase["prediction"] / mase["naive"])
            table.loc[variant, name] = np.mean(ratios)
        print(f"{variant:<24}" + "".join(map("{:>14.3f}".format, table.loc[variant])), flush=True)

    table["geometric mean"] = np.exp(np.log(table).mean(axis=1))
    print(f"\nMASE over the seasonal naive's, mean of {len(seeds)} seeds\n")
    print(table.to_string(float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
