"""What a search finds: the best of some trials beside the default network, on rows it never saw.

`air`: 30 trials on the months up to the first of 24 cutoffs of air_passengers; then the best and
the default network are fitted on these months and forecast from the 24 cutoffs.

`etth1`: 20 trials for 96 hours on the training and validation rows of ETTh1, an epoch on 2,048 of
the windows; then the best and the default network are fitted under the protocol of the literature
(etth1.py), with whole epochs, and scored on all test windows.

Both searches run in two processes of one thread each. Trial 0 is the default network. With
`--by-cell` every cell has one trial instead, in the default network, and none is pruned.

    python benchmarks/search.py air [--trials 30] [--by-cell]
    python benchmarks/search.py etth1 [--trials 20] [--by-cell]

`--directory FOLDER` keeps the search, so that it goes on when it was cut off; `--picture FILE`
draws it. The data of ETTh1 are downloaded, or taken from the folder in KERAS_FORECASTER_DATA.
"""

import argparse
import time

import numpy as np
from etth1 import TEST, TRAIN, VALIDATION
from keras_tuner import HyperParameters
from sklearn.base import clone

from forecaster import Forecaster, ForecasterSearch, Training
from forecaster.datasets import load_dataset
from forecaster.network.cells import CELLS

AIR_HORIZON, AIR_CUTOFFS = 12, 24
ETT_HORIZON = 96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=["air", "etth1"])
    parser.add_argument("--trials", type=int)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tuner", default="bayesian")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--by-cell", action="store_true")
    parser.add_argument("--directory")
    parser.add_argument("--picture")
    options = vars(parser.parse_args())
    on = {"air": on_air, "etth1": on_etth1}[options.pop("data")]
    trials = options.pop("trials")
    on(trials, **options)


def on_air(trials: int | None, **how) -> None:
    air = load_dataset("air_passengers")
    known = air.iloc[: 1 - AIR_CUTOFFS - AIR_HORIZON]  # up to the first cutoff
    template = Forecaster(AIR_HORIZON)
    search = searched(template, known, max_trials=trials or 30, **how)
    print(f"\ntest: {AIR_CUTOFFS} cutoffs after the rows of the search")
    for name, model in (("default", template.fit(known, verbose=0)), best_of(search)):
        scores = model.backtest(air, cutoffs=AIR_CUTOFFS).scores()[["MASE", "MAE", "sMAPE"]]
        print(f"{name:<16}{scores.loc['prediction'].round(3).to_dict()}")
    print(f"{'seasonal naive':<16}{scores.loc['naive'].round(3).to_dict()}")


def on_etth1(trials: int | None, **how) -> None:
    frame = load_dataset("ett_h1").iloc[:TEST]
    train = frame.iloc[:TRAIN]
    frame = (frame - train.mean()) / train.std(ddof=0)
    template = Forecaster(
        ETT_HORIZON, training=Training(windows_per_epoch=2048, patience=8, refit=False)
    )
    search = searched(
        template, frame.iloc[:VALIDATION], max_trials=trials or 20, objective="MAE", **how
    )
    windows = TEST - VALIDATION - ETT_HORIZON + 1
    print(f"\ntest: fitted under the protocol of etth1.py, {windows} windows, MSE / MAE")
    protocol = {"windows_per_epoch": None, "patience": 10, "validation": VALIDATION - TRAIN}
    for name, parameters in (("default", {}), ("best", search.best_params_)):
        model = clone(template).set_params(**parameters)
        model.set_params(**{f"training__{field}": value for field, value in protocol.items()})
        model.fit(frame.iloc[:VALIDATION], verbose=0)
        result = model.backtest(frame, cutoffs=windows)
        report(name, result.actual - result.prediction)
    report("repeat last day", result.actual - result.naive)


def searched(
    template: Forecaster, frame, by_cell: bool, picture: str | None, **how
) -> ForecasterSearch:
    if by_cell:
        how |= {"space": every_cell, "tuner": "grid", "max_trials": None, "prune": False}
    started = time.perf_counter()
    search = ForecasterSearch(template, **how).fit(frame)
    print(f"\n{time.perf_counter() - started:.0f} s with {how['workers']} workers\n")
    print(search.report())
    if picture is not None:
        search.plot().savefig(picture, dpi=110)
    return search


def every_cell(hp: HyperParameters) -> dict[str, str]:
    return {"network__cell": hp.Choice("cell", [*CELLS], default="gru")}


def best_of(search: ForecasterSearch) -> tuple[str, Forecaster]:
    return "best", search.best_forecaster_


def report(name: str, error: np.ndarray) -> None:
    print(f"{name:<16}{np.square(error).mean():>7.3f}{np.abs(error).mean():>7.3f}", flush=True)


if __name__ == "__main__":
    main()
