"""Command `forecaster backtest`: forecasts from many times in the past, and their scores."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Option

from forecaster.cli.common import Data, Flag, Output, load_forecaster
from forecaster.cli.data_files import read_like_fit, read_with_keys, understood, write_csv
from forecaster.cli.options import changed, new_forecaster, typed
from forecaster.cli.terminal import Watched, print_table, progress_bars, say
from forecaster.files.settings import FileOptions
from forecaster.utils.executors import SerialExecutor, spawned

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.forecaster import Forecaster


def backtest(
    data: Data,
    model: Annotated[
        Path | None,
        Option(metavar="MODEL", help="A saved forecaster, instead of the options for a new one."),
    ] = None,
    horizon: Annotated[
        int | None, Option(min=1, metavar="STEPS", help="Steps to forecast, for a new one.")
    ] = None,
    cutoffs: Annotated[
        int, Option(min=1, metavar="N", help="Number of times in the past to forecast from.")
    ] = 10,
    stride: Annotated[int, Option(min=1, metavar="STEPS", help="Steps between two cutoffs.")] = 1,
    refit: Annotated[bool, Flag("--refit", help="Fit fresh weights at every cutoff.")] = False,
    gap: Annotated[
        int, Option(min=0, metavar="STEPS", help="Steps before a cutoff that are not fitted on.")
    ] = 0,
    train_length: Annotated[
        int | None,
        Option(
            min=1, metavar="STEPS", help="Rows in the rolling training window.", show_default="all"
        ),
    ] = None,
    window: Annotated[int | None, Option(min=1, hidden=True)] = None,  # the former name
    workers: Annotated[
        int, Option(min=0, metavar="N", help="Worker processes for --refit; 0: this process.")
    ] = 0,
    by: Annotated[
        Literal["series", "step", "cutoff"] | None,
        Option(help="Group the scores.", show_default="one score for all"),
    ] = None,
    output: Output = None,
    *,
    reading: FileOptions,
    parameters: dict[str, Any],
) -> None:
    """Forecast from many times in the past, and score against the seasonal naive.

    No row is scored that the weights have seen: a forecaster is fitted up to
    the first cutoff, and with --refit again up to every other one.
    """
    if window is not None:
        if train_length is not None:
            raise typer.BadParameter("is its former name: leave it out.", param_hint="'--window'")
        say("Warning", "--window is now called --train-length, and will be gone later.")
        train_length = window
    if model is None:
        forecaster, frame = _new_for(data, horizon, parameters, reading)
    else:
        forecaster, frame = _saved_for(data, model, horizon, parameters, reading)
    with progress_bars() as progress:
        bar = progress.add_task("Backtest", total=cutoffs if refit else None, note="")
        result = forecaster.backtest(
            frame,
            cutoffs=cutoffs,
            stride=stride,
            refit=refit,
            gap=gap,
            train_length=train_length,
            workers=partial(_watched, workers, partial(progress.advance, bar)),
        )
    scores = result.scores(by).reset_index()
    styles = ["" if forecast == "prediction" else "dim" for forecast in scores["forecast"]]
    title = f"{len(result):,} forecasts of {result.horizon} steps from {cutoffs} cutoffs"
    print_table(scores, title=title, styles=styles, caption=understood(frame))
    if output is not None:
        write_csv(result.forecasts, output, index=False)


def _new_for(
    data: Path, horizon: int | None, parameters: dict[str, Any], reading: FileOptions
) -> tuple["Forecaster", "pd.DataFrame | Path"]:
    """Make a forecaster of the options, and read its data."""
    if horizon is None:
        raise typer.BadParameter("needed without --model.", param_hint="'--horizon'")
    parameters, frame = read_with_keys(data, parameters, reading)
    load_forecaster()
    return new_forecaster(parameters | {"horizon": horizon}), frame


def _saved_for(
    data: Path,
    model: Path,
    horizon: int | None,
    parameters: dict[str, Any],
    reading: FileOptions,
) -> tuple["Forecaster", "pd.DataFrame | Path"]:
    """Load a forecaster, which needs no option of a new one, and read its data."""
    given = [typed(name) for name in changed(parameters)]
    if given := given + ["--horizon"] * (horizon is not None):
        raise typer.BadParameter(
            f"brings its own parameters. Leave out {', '.join(given)}.", param_hint="'--model'"
        )
    forecaster = load_forecaster().load(model)
    return forecaster, read_like_fit(data, forecaster, reading)


def _watched(workers: int, on_done: Callable[[], None]) -> Watched:
    """Make the executor of refits: so many worker processes, or this process."""
    return Watched(spawned(workers) if workers else SerialExecutor(), on_done)
