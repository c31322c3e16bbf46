"""Five cells with default settings on air_passengers, against the seasonal naive.

One fit on the 109 rows up to the first of 24 cutoffs, then 24 forecasts of 12 months (stride 1),
for five seeds. MASE is scaled by the seasonal naive's error before each cutoff.

    python benchmarks/air_passengers.py [--seeds 5]
"""

import argparse

import pandas as pd

from forecaster import Forecaster
from forecaster.datasets import load_dataset

CELLS = ("simple_rnn", "lstm", "gru", "peephole_lstm", "coupled_lstm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)

    air = load_dataset("air_passengers")
    mase = pd.DataFrame(index=pd.Index(CELLS, name="cell"), columns=seeds, dtype=float)
    for cell in CELLS:
        for seed in seeds:
            model = Forecaster(horizon=12, network=cell, seed=seed)
            scores = model.backtest(air, cutoffs=24, stride=1).scores()["MASE"]
            mase.loc[cell, seed] = scores["prediction"]
            print(f"{cell:<14} seed {seed}  MASE {scores['prediction']:.3f}", flush=True)

    naive = scores["naive"]
    table = mase.rename(columns="seed {}".format)
    table["median"] = mase.median(axis=1)
    table["below naive"] = (mase < naive).sum(axis=1).map(f"{{}} of {len(seeds)}".format)
    print(f"\nMASE, 24 cutoffs, horizon 12; the seasonal naive: {naive:.3f}\n")
    print(table.to_string(float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
