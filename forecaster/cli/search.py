"""`forecaster search`: a search from the command line, which goes on when it is typed again."""

from pathlib import Path
from typing import Annotated, Any, Literal

from rich.console import Console
from typer import Option

from forecaster.cli.common import Data, check_free, load_forecaster, program
from forecaster.cli.data_files import read_with_keys
from forecaster.cli.options import PARAMETER_OF, changed, new_forecaster


def search(
    data: Data,
    save: Annotated[Path, Option(metavar="MODEL", help="Directory for the best, a SavedModel.")],
    overwrite: Annotated[
        bool, Option("--overwrite", metavar="", help="Replace a SavedModel that is there.")
    ] = False,
    keep_history: Annotated[
        bool, Option(metavar="", help="Save the end of the history, so that predict needs no data.")
    ] = True,
    tuner: Annotated[
        Literal["random", "bayesian", "hyperband", "grid"], Option(help="What proposes trials.")
    ] = "bayesian",
    trials: Annotated[
        int | None,
        Option(min=1, metavar="N", help="The most trials.", show_default="30, or all there are"),
    ] = None,
    max_seconds: Annotated[
        float | None,
        Option(metavar="SECONDS", help="After which nothing new begins.", show_default="no limit"),
    ] = None,
    folds: Annotated[
        int, Option(min=1, metavar="N", help="How often each trial is fitted and judged.")
    ] = 3,
    objective: Annotated[
        list[str], Option(metavar="SCORE", help="What is made small. Repeated: the mean of them.")
    ] = ("MASE",),
    cells: Annotated[
        str | None,
        Option(metavar="NAMES", help="Cells to try, set apart by commas.", show_default="all"),
    ] = None,
    prune: Annotated[bool, Option(metavar="", help="Stop hopeless trials after a fold.")] = True,
    directory: Annotated[
        Path, Option(metavar="FOLDER", help="Where the search is kept, and goes on from.")
    ] = Path("search"),
    workers: Annotated[
        int, Option(min=0, metavar="N", help="Processes for the trials; 0 is this one.")
    ] = 0,
    *,
    parameters: dict[str, Any],
) -> None:
    """Search the parameters that forecast best, and save the best one fitted.

    Every trial is fitted and judged on folds ordered by time. What an option
    says is left as it says; the rest is searched. A search that was cut off
    goes on when it is typed again. Where no terminal shows the best trials,
    each writes a line to standard error.
    """
    fixed = [PARAMETER_OF.get(name, name) for name in changed(parameters)]
    parameters, frame = read_with_keys(data, parameters)
    load_forecaster()
    from forecaster.search.search import ForecasterSearch
    from forecaster.search.space import space

    check_free(save, overwrite=overwrite)
    found = ForecasterSearch(
        new_forecaster(parameters),
        space(cells=cells and cells.split(",")).without(fixed),
        tuner=tuner,
        max_trials=trials,
        max_seconds=max_seconds,
        folds=folds,
        objective=list(objective),
        prune=prune,
        directory=directory,
        workers=workers,
        seed=parameters["seed"],
    ).fit_watched(frame, Console(stderr=True))
    found.best_forecaster_.save(save, overwrite=overwrite, keep_history=keep_history)
    print(found.report())
    more = " --missing-future" if found.best_forecaster_.future_covariates else ""
    print(f"\nSaved in {save}. Next: {program()} predict {save}{more}")
