"""Demo of the command line: five recurrent cells on real data, the best one saved and plotted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from sklearn.base import clone

from forecaster.cli.terminal import epochs_of, print_table, progress_bars
from forecaster.datasets import load_dataset
from forecaster.evaluation.plots import plot_forecast
from forecaster.forecaster import Forecaster
from forecaster.network.heads import Quantiles
from forecaster.network.recurrent import Cell, RecurrentNetwork
from forecaster.training.settings import Training

CELLS: tuple[Cell, ...] = ("simple_rnn", "lstm", "gru", "peephole_lstm", "coupled_lstm")
HORIZON, CUTOFFS, SHOWN = 12, 24, 72  # months; SHOWN of them are drawn before the forecast
NETWORKS = tuple(RecurrentNetwork(cell) for cell in CELLS)
LEVELS = [0.1, 0.5, 0.9]
NAIVE = "seasonal naive"
SCORES = ["MAE", "RMSE", "sMAPE", "MASE", "coverage", "skill"]


def run_demo(
    directory: Path,
    *,
    networks: Sequence[RecurrentNetwork] = NETWORKS,
    training: Training | None = None,
    seed: int = 0,
    program: str = "forecaster",
) -> None:
    """Fit and evaluate networks on `air_passengers`; save the best one with a plot.

    The best one is chosen by its validation score, on months before the first cutoff: a choice by
    the scores of the backtest would bias those.

    Args:
        directory: folder for `model`, which is replaced if it exists, and `forecast.png`.
        networks: the networks to compare, each with another cell.
        training: how to fit; None is `Training()`.
        seed: as for `Forecaster`.
        program: name of the command line, to print the command to type next.

    Raises:
        OSError: if something else is at ``directory / "model"``, or it cannot be written.
    """
    air = load_dataset("air_passengers")
    known = air.iloc[: 1 - CUTOFFS - HORIZON]  # up to the first cutoff
    print(
        f"{len(networks)} recurrent cells forecast airline passengers, {HORIZON} months ahead.\n"
        f"Each is fitted once, on the {len(known)} months up to {known.index[-1]:%B %Y}. Then it "
        f"forecasts\nfrom there, and from each of the {CUTOFFS - 1} months that follow.",
        flush=True,
    )
    models: dict[str, Forecaster] = {
        network.cell: Forecaster(
            HORIZON,
            network=network,
            output=Quantiles(LEVELS),
            training=training or Training(),
            seed=seed,
        )
        for network in networks
    }
    _fit(models, known)
    scores = _compare(models, air)
    best = scores["validation"].drop(NAIVE).idxmin()
    _print_comparison(scores, best)

    model, path, picture = clone(models[best]), directory / "model", directory / "forecast.png"
    _fit({f"{best} on all months": model}, air)
    model.save(path, overwrite=True)
    title = f"Airline passengers, thousands a month: forecast by {best}"
    _draw(air, model.predict(quantiles=LEVELS), title, picture)
    print(
        f"\nThen {best} was fitted anew, on all {len(air)} months.\n\n"
        f"  SavedModel  {path}\n"
        f"  picture     {picture}\n"
        f"  next        {program} predict {path} --quantiles 0.1,0.9"
    )


def _fit(models: dict[str, Forecaster], frame: pd.DataFrame) -> None:
    """Fit each model, with a progress bar."""
    with progress_bars() as progress:
        for name, model in models.items():
            bar = progress.add_task(name, total=None, note="")
            model.fit(frame, callbacks=[epochs_of(progress, bar)], verbose=0)
            progress.update(bar, note=f"validation {min(model.history_.validation_score):.3f}")


def _compare(models: dict[str, Forecaster], frame: pd.DataFrame) -> pd.DataFrame:
    """Backtest each model and the seasonal naive on rows that were not fitted on."""
    rows = {}
    for name, model in models.items():
        scores = model.backtest(frame, cutoffs=CUTOFFS, stride=1).scores()[SCORES]
        history = model.history_
        rows[name] = {"validation": min(history.validation_score), **scores.loc["prediction"]}
    rows[NAIVE] = {"validation": history.naive_score, **scores.loc["naive"]}
    return pd.DataFrame.from_dict(rows, orient="index")


def _print_comparison(scores: pd.DataFrame, best: str) -> None:
    styles = {best: "bold green", NAIVE: "dim"}
    print_table(
        scores.reset_index(names="cell"),
        title=f"{CUTOFFS} forecasts of {HORIZON} months, which no cell was fitted on",
        caption="MAE and RMSE in thousand passengers, sMAPE in percent, coverage of the "
        "80 % interval; skill is the reduction of MAE relative to the seasonal naive.",
        styles=[styles.get(name, "") for name in scores.index],
    )
    error = scores["MAE"]
    print(
        f"\n{best} is chosen for its validation score, on the last of the months that it was\n"
        "fitted on. The other scores, on the months that followed, are not used for the choice:\n"
        f"the MAE of {best} is {error[best]:.1f} thousand passengers, that of the seasonal naive "
        f"{error[NAIVE]:.1f};\n{100 * scores.loc[best, 'coverage']:.0f} % of the months lie in "
        "its 80 % interval."
    )
    if (lowest := error.idxmin()) != best:
        print(f"The lowest MAE, {error[lowest]:.1f}, is that of {lowest}: known only afterwards.")


def _draw(history: pd.DataFrame, forecast: pd.DataFrame, title: str, file: Path) -> None:
    figure = Figure((8, 3.8), layout="constrained")  # not pyplot's, which may want a screen
    plot_forecast(history.iloc[-SHOWN:], forecast, ax=figure.subplots(), title=title)
    figure.savefig(file, dpi=200)
