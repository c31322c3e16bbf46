"""Command `forecaster search`, which resumes its search when it is typed again."""

import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

from rich.console import Console
from typer import Option

from forecaster.cli.common import Data, check_free, load_forecaster, program
from forecaster.cli.data_files import read_with_keys, resolved
from forecaster.cli.options import (
    PARAMETER_OF,
    changed,
    choice,
    choices,
    completions,
    new_forecaster,
    positive,
    typed,
)
from forecaster.cli.terminal import say
from forecaster.files.settings import FileOptions
from forecaster.network.recurrent import Cell

if TYPE_CHECKING:
    from forecaster.evaluation.metrics import Metric

OBJECTIVE = ["MASE"]
SCORES = ("MAE", "RMSE", "sMAPE", "MASE", "RMSSE", "skill", "pinball", "coverage")
CELLS = get_args(Cell)


def search(
    data: Data,
    save: Annotated[
        Path, Option(metavar="MODEL", help="Directory for the SavedModel of the best.")
    ],
    overwrite: Annotated[
        bool, Option("--overwrite", metavar="", help="Replace a SavedModel that is there.")
    ] = False,
    keep_history: Annotated[
        bool, Option(metavar="", help="Save the end of the history, so that predict needs no data.")
    ] = True,
    tuner: Annotated[
        Literal["random", "bayesian", "hyperband", "grid"],
        Option(help="Algorithm that proposes trials."),
    ] = "bayesian",
    trials: Annotated[
        int | None,
        Option(
            min=1,
            metavar="N",
            help="Maximum number of trials.",
            show_default="30, or all there are",
        ),
    ] = None,
    max_seconds: Annotated[
        float | None,
        Option(
            parser=positive,
            metavar="SECONDS",
            help="Time after which no fold is started.",
            show_default="no limit",
        ),
    ] = None,
    folds: Annotated[
        int, Option(min=1, metavar="N", help="Folds of the time-series cross-validation.")
    ] = 3,
    objective: Annotated[
        list[str],
        Option(
            parser=partial(choice, SCORES),
            autocompletion=completions(SCORES),
            metavar="SCORE",
            help=f"Score to minimize: {', '.join(SCORES)}. May be repeated: their mean.",
        ),
    ] = OBJECTIVE,
    cells: Annotated[
        Sequence[str] | None,
        Option(
            parser=partial(choices, CELLS),
            autocompletion=completions(CELLS),
            metavar="NAMES",
            help="Cells to try, separated by commas; the names are those of --cell.",
            show_default="all",
        ),
    ] = None,
    prune: Annotated[bool, Option(metavar="", help="Prune trials by the median rule.")] = True,
    directory: Annotated[
        Path, Option(metavar="FOLDER", help="Folder from which the search is resumed.")
    ] = Path("search"),
    workers: Annotated[
        int, Option(min=0, metavar="N", help="Worker processes for the folds; 0: this process.")
    ] = 0,
    *,
    reading: FileOptions,
    parameters: dict[str, Any],
) -> None:
    """Search hyperparameters by time-series cross-validation, and save the best.

    Parameters that are given as options are fixed; the others are searched. A
    search that was killed is resumed when it is typed again. Without a
    terminal, each trial writes a line to standard error.
    """
    fixed = [PARAMETER_OF.get(name, name) for name in changed(parameters)]
    parameters, frame = read_with_keys(data, parameters, reading)
    load_forecaster()
    from forecaster.search.search import ForecasterSearch
    from forecaster.search.space import space

    check_free(save, overwrite=overwrite)
    template = new_forecaster(parameters)
    read = resolved(template, frame)
    if sys.stderr.isatty():  # a log has it in the report
        say("Read", read)
    found = ForecasterSearch(
        template,
        space(cells=None if cells is None else list(cells)).without(fixed),
        tuner=tuner,
        max_trials=trials,
        max_seconds=max_seconds,
        folds=folds,
        objective=cast("list[Metric]", objective),  # checked there, with the advice of Python
        prune=prune,
        directory=directory,
        workers=workers,
        seed=parameters["seed"],
    ).fit_watched(frame, Console(stderr=True))
    found.best_forecaster_.save(save, overwrite=overwrite, keep_history=keep_history)
    print(in_options(found.report()))
    more = " --missing-future" if found.best_forecaster_.future_covariates else ""
    print(f"\nRead: {read}")
    print(f"Saved in {save}. Next: {program()} predict {save}{more}")


def in_options(report: str) -> str:
    """Name the parameters in a report as the options that they are, in columns as wide."""

    def option(found: re.Match[str]) -> str:
        return typed(found[1]).ljust(len(found[0]))

    return re.sub(r"\b(?:network|training)__(\w+)", option, report)
