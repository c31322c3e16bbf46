"""The default network, and every cell, on ETTh1 under the protocol of the literature.

Rows 0..8639 train, to 11520 validate, to 14400 test; each column standardized by its training
rows; MSE and MAE of the standardized values, mean over every test window (stride 1, the last one
too), every step and all 7 columns. No refit on the validation rows, because papers have none.

    python benchmarks/etth1.py [--horizon 96] [--cells gru lstm ...] [--seed 0]

The data are downloaded, or taken from the folder in KERAS_FORECASTER_DATA.
"""

import argparse
import time

import numpy as np

from forecaster import Forecaster, RecurrentNetwork, Training
from forecaster.datasets import load_dataset

TRAIN, VALIDATION, TEST = 8640, 11520, 14400  # ends, in rows
CELLS = ("gru", "simple_rnn", "lstm", "peephole_lstm", "coupled_lstm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--horizon", type=int, default=96)
    parser.add_argument("--cells", nargs="+", default=CELLS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    frame = load_dataset("ett_h1").iloc[:TEST]
    train = frame.iloc[:TRAIN]
    frame = (frame - train.mean()) / train.std(ddof=0)
    training = Training(validation=VALIDATION - TRAIN, refit=False)
    windows = TEST - VALIDATION - options.horizon + 1

    print(f"ETTh1, horizon {options.horizon}, {windows} test windows, seed {options.seed}")
    print(f"default network: {RecurrentNetwork()}\n")
    print(f"{'cell':<18}{'MSE':>7}{'MAE':>7}{'epochs':>8}{'fit s':>7}")
    for cell in options.cells:
        model = Forecaster(
            options.horizon,
            network=RecurrentNetwork(cell=cell),
            training=training,
            seed=options.seed,
        )
        started = time.perf_counter()
        model.fit(frame.iloc[:VALIDATION], verbose=0)
        seconds = time.perf_counter() - started
        result = model.backtest(frame, cutoffs=windows, stride=1)
        epochs = f"{model.history_.best_epoch}/{len(model.history_.loss)}"
        report(cell, result.actual - result.prediction, f"{epochs:>8}{seconds:>7.0f}")
    report("repeat last day", result.actual - result.naive)


def report(name: str, error: np.ndarray, rest: str = "") -> None:
    print(
        f"{name:<18}{np.square(error).mean():>7.3f}{np.abs(error).mean():>7.3f}{rest}", flush=True
    )


if __name__ == "__main__":
    main()
