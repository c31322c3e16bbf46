"""Commands of the command line, and its entry point `main`.

Who owns what:

* a command reads files, makes one or two calls of the Python API, and writes the results;
* `options.py` declares the parameters of a `Forecaster`, `data_files.py` reads and writes data
  files, `terminal.py` owns standard error, `common.py` what commands share, and `search.py` the
  longest command;
* `main` turns whatever happens into an exit code and at most one line: 0 is success, 1 means that
  data or files are not as they must be, 2 that the command line is not, 130 is Ctrl-C.

Nothing heavy is imported before a command needs it: `forecaster --help` does not wait for
TensorFlow, and a missing file is reported at once.
"""

import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Argument, Option

from forecaster.cli.common import (
    NAME,
    Data,
    Output,
    check_free,
    load_forecaster,
    program,
    there,
)
from forecaster.cli.data_files import (
    read_like_fit,
    read_with_keys,
    resolved,
    understood,
    write_csv,
)
from forecaster.cli.options import (
    changed,
    levels,
    new_forecaster,
    reads_files,
    takes_parameters,
    typed,
)
from forecaster.cli.search import search
from forecaster.cli.terminal import (
    Watched,
    epochs_of,
    one_line_warnings,
    print_table,
    progress_bars,
    say,
    silent_start,
)
from forecaster.files.settings import FileOptions
from forecaster.utils.executors import SerialExecutor, spawned

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.forecaster import Forecaster

DEBUG = "--debug"
EXPECTED = (ValueError, TypeError, OSError, RuntimeError, ImportError)  # shown by message alone
FUTURE_CALLS = re.compile(r"Call `model\.(future_frame|missing_future)\(.*")  # advice for Python
Flag = partial(Option, metavar="")  # else typer shows a <bool>

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Forecast time series with recurrent networks, from a CSV file to a SavedModel.",
    epilog=f"To start without data of your own: {NAME} demo",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"keras-forecaster {version('keras-forecaster')}")
        raise typer.Exit


@app.callback()
def _for_all_commands(
    version: Annotated[
        bool, Flag("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, Flag(DEBUG, help="Show the traceback of an error. May stand anywhere.")
    ] = False,  # `main` removes it before the arguments are parsed
) -> None:
    """Declare the options of all commands; the help text is in `app`."""


@app.command()
def demo(
    directory: Annotated[
        Path,
        Option(metavar="FOLDER", help="Folder for a SavedModel and a plot, which are replaced."),
    ] = Path("air_demo"),
    seed: Annotated[
        int, Option(min=0, metavar="N", help="Seed of weights and order of windows.")
    ] = 0,
) -> None:
    """Compare five recurrent cells on real data, and save the best one with a plot.

    The data are bundled: 144 months of airline passengers.
    It takes about a minute.
    """
    with silent_start():
        from forecaster.cli.demo import run_demo
    check_free(directory / "model", overwrite=True)
    run_demo(directory, seed=seed, program=program())


@app.command()
@takes_parameters
@reads_files
def fit(
    data: Data,
    save: Annotated[Path, Option(metavar="MODEL", help="Directory for the SavedModel.")],
    overwrite: Annotated[
        bool, Flag("--overwrite", help="Replace a SavedModel that is there.")
    ] = False,
    keep_history: Annotated[
        bool, Flag(help="Save the end of the history, so that predict needs no data.")
    ] = True,
    resume_dir: Annotated[
        Path | None, Option(metavar="FOLDER", help="Folder from which a killed fit is resumed.")
    ] = None,
    *,
    reading: FileOptions,
    parameters: dict[str, Any],
) -> None:
    """Fit a forecaster on a CSV file and save it as a SavedModel.

    Early stopping on the last rows; then retrain from scratch on all rows
    for the best number of epochs.
    """
    parameters, frame = read_with_keys(data, parameters, reading)
    load_forecaster()
    check_free(save, overwrite=overwrite)
    model = new_forecaster(parameters)
    say("Read", resolved(model, frame))
    with progress_bars() as progress:
        bar = progress.add_task("Fitting", total=None, note="")
        callbacks = [epochs_of(progress, bar)]
        model.fit(frame, callbacks=callbacks, resume_dir=resume_dir, verbose=0)
        progress.update(bar, description="Saving", note="")
        model.save(save, overwrite=overwrite, keep_history=keep_history)
    history, end = model.history_, str(model.train_end_).removesuffix(" 00:00:00")
    print(
        f"Fitted up to {end}, best epoch {history.best_epoch} of {len(history.loss)}: validation "
        f"{min(history.validation_score):.3f}, seasonal naive {history.naive_score:.3f}.\n"
        f"Saved in {save}. Next: {program()} predict {save}"
        f"{' --missing-future' if model.future_covariates else ''}"
    )


@app.command()
@reads_files
def predict(
    model: Annotated[Path, Argument(metavar="MODEL", help="Directory that fit saved.")],
    data: Annotated[
        Path | None,
        Argument(
            metavar="DATA.CSV",
            callback=there,
            help="History to forecast from.",
            show_default="the one that was saved with the model",
        ),
    ] = None,
    future: Annotated[
        Path | None,
        Option(
            metavar="FILE.CSV",
            callback=there,
            help="Future covariates, a row for each step of the horizon of each series.",
        ),
    ] = None,
    missing_future: Annotated[
        bool,
        Flag(
            "--missing-future",
            help="Instead of a forecast, write the rows missing from --future, to be filled in.",
        ),
    ] = False,
    quantiles: Annotated[
        Sequence[float] | None,
        Option(
            parser=levels,
            metavar="LEVELS",
            help="Quantiles, such as 0.1,0.9, among those of the fit.",
            show_default="the point forecast",
        ),
    ] = None,
    output: Output = None,
    *,
    reading: FileOptions,
) -> None:
    """Forecast the steps after a history, as CSV on standard output.

    With future covariates: --missing-future writes the rows to fill in, and
    --future reads them.
    """
    forecaster = load_forecaster().load(model)
    history = None if data is None else read_like_fit(data, forecaster, reading)
    known = None if future is None else read_like_fit(future, forecaster, reading)
    if missing_future:
        answer = forecaster.missing_future(history, known)
    else:
        answer = forecaster.predict(history, future=known, quantiles=quantiles)
    write_csv(answer, output, index=forecaster.time_column is None)


@app.command()
@takes_parameters
@reads_files
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


app.command()(takes_parameters(reads_files(search)))


@app.command()
def datasets(
    name: Annotated[
        str | None, Argument(metavar="NAME", help="Write this one as CSV on standard output.")
    ] = None,
    split: Annotated[
        Literal["train", "test"] | None, Option(help="Only this part.", show_default="both")
    ] = None,
    output: Output = None,
) -> None:
    """List the datasets, or write one of them as CSV."""
    from forecaster.datasets import list_datasets, load_dataset

    if name is not None:
        frame = load_dataset(name, split)
        write_csv(frame, output, index=frame.index.name is not None)
        return
    known = list_datasets()
    known["source"] = known["bundled"].map({True: "bundled", False: "download"})
    shown = known[["name", "description", "size", "freq", "horizon", "licence", "source"]]
    print_table(shown, title="Datasets", styles=[""] * len(shown))


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    words = list(sys.argv[1:] if args is None else args)
    debug = DEBUG in words
    words = [word for word in words if word != DEBUG] or ["--help"]
    try:
        with one_line_warnings():
            command = typer.main.get_command(app)
            code = command.main(words, prog_name=NAME, standalone_mode=False) or 0
        sys.stdout.flush()  # a closed pipe is noticed here, and not at exit
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the rest
        code = 1
    except Exception as error:
        code = _report(error, debug)
    if code == 130:
        print("Interrupted.", file=sys.stderr)
    sys.exit(code)


def _report(error: Exception, debug: bool) -> int:
    """Print an error in one line, or as its traceback; return the exit code."""
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):  # a wrong command line
        context = getattr(error, "ctx", None)
        path = context.command_path if context else NAME
        say("Error", f"{error.format_message().removesuffix('.')}. See {path} --help.")
        return error.exit_code
    if debug:
        traceback.print_exception(error)
    elif isinstance(error, EXPECTED):
        advice = "Add --missing-future for the rows to fill in, and pass them by --future."
        # A note of several lines is the traceback of a trial.
        notes = [note for note in getattr(error, "__notes__", ()) if "\n" not in note]
        say("Error", FUTURE_CALLS.sub(advice, " ".join([str(error), *notes])))
    else:
        say("Error", f"{type(error).__name__}: {error} ({DEBUG} shows where.)")
    return 1


def _watched(workers: int, on_done: Callable[[], None]) -> Watched:
    """Make the executor of refits: so many worker processes, or this process."""
    return Watched(spawned(workers) if workers else SerialExecutor(), on_done)
