"""The command line: the words and defaults of the Python calls, results on standard output.

Who owns what:

* a command reads files, makes one or two calls of the Python face, and writes what comes back;
* `options.py` declares the parameters of a `Forecaster`, `data_files.py` reads and writes files of
  data, `terminal.py` owns standard error, `command_parts.py` what commands share, and
  `search_command.py` the longest command;
* `main` turns whatever happens into an exit code and at most one line: 0 is success, 1 means that
  data or files are not as they must be, 2 that the command line is not, 130 is Ctrl-C.

Nothing heavy is imported before a command needs it: `forecaster --help` does not wait for
TensorFlow, and a file that is not there is told of at once.
"""

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

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
from forecaster.cli.data_files import read_like_fit, read_with_keys, write_csv
from forecaster.cli.options import changed, levels, new_forecaster, takes_parameters, typed
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
from forecaster.utils.executors import Here, spawned

DEBUG = "--debug"
EXPECTED = (ValueError, TypeError, OSError, RuntimeError, ImportError)  # their messages are enough
FUTURE_CALLS = re.compile(r"Call `model\.(future_frame|missing_future)\(.*")  # what Python advises
Flag = partial(Option, metavar="")  # typer would say that it takes a <bool>

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Forecast time series with recurrent networks, from a CSV file to a SavedModel.",
    epilog=f"A first look that needs no data of yours: {NAME} demo",
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
    ] = False,  # that is why `main` takes it out before anything is parsed
) -> None:
    """What holds for all commands; their `help` is in `app`."""


@app.command()
def demo(
    directory: Annotated[
        Path,
        Option(metavar="FOLDER", help="For a SavedModel and a picture, which are replaced."),
    ] = Path("air_demo"),
    seed: Annotated[int, Option(min=0, metavar="N", help="Of weights and order of windows.")] = 0,
) -> None:
    """Compare five recurrent cells on real data, and save the best one with a picture.

    The data are bundled: 144 months of airline passengers.
    It takes about a minute.
    """
    with silent_start():
        from forecaster.cli.demo import run_demo
    check_free(directory / "model", overwrite=True)
    run_demo(directory, seed=seed, program=program())


@app.command()
@takes_parameters
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
        Path | None, Option(metavar="FOLDER", help="Where a fit that was killed goes on from.")
    ] = None,
    *,
    parameters: dict[str, Any],
) -> None:
    """Fit a forecaster on a CSV file and save it as a SavedModel.

    The newest rows judge: training stops when they are no longer forecast
    better. Then fresh weights are fitted on all rows for as many epochs.
    """
    parameters, frame = read_with_keys(data, parameters)
    load_forecaster()
    check_free(save, overwrite=overwrite)
    model = new_forecaster(parameters)
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
            help="The future covariates, a row for each step of the horizon of each series.",
        ),
    ] = None,
    missing_future: Annotated[
        bool,
        Flag(
            "--missing-future",
            help="Write the rows that --future needs and lacks, to be filled in, and no forecast.",
        ),
    ] = False,
    quantiles: Annotated[
        str | None,
        Option(
            parser=levels,
            metavar="LEVELS",
            help="Quantiles, such as 0.1,0.9, among those of the fit.",
            show_default="none, but the point forecast",
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Forecast what follows a history, as CSV on standard output.

    Where there are future covariates: --missing-future writes the rows to fill
    in, and --future takes them.
    """
    forecaster = load_forecaster().load(model)
    history, known = (read_like_fit(file, forecaster) for file in (data, future))
    if missing_future:
        answer = forecaster.missing_future(history, known)
    else:
        answer = forecaster.predict(history, future=known, quantiles=quantiles)
    write_csv(answer, output, index=forecaster.time_column is None)


@app.command()
@takes_parameters
def backtest(
    data: Data,
    model: Annotated[
        Path | None,
        Option(metavar="MODEL", help="A saved forecaster, in place of the options for a new one."),
    ] = None,
    horizon: Annotated[
        int | None, Option(min=1, metavar="STEPS", help="Steps to forecast, for a new one.")
    ] = None,
    cutoffs: Annotated[
        int, Option(min=1, metavar="N", help="How many times in the past to forecast from.")
    ] = 10,
    stride: Annotated[
        int, Option(min=1, metavar="STEPS", help="Steps between two of these cutoffs.")
    ] = 1,
    refit: Annotated[bool, Flag("--refit", help="Fit fresh weights at every cutoff.")] = False,
    gap: Annotated[
        int, Option(min=0, metavar="STEPS", help="Steps before a cutoff that are not fitted on.")
    ] = 0,
    window: Annotated[
        int | None,
        Option(min=1, metavar="STEPS", help="Newest rows to fit on.", show_default="all"),
    ] = None,
    workers: Annotated[
        int, Option(min=0, metavar="N", help="Processes for --refit; 0 is this one.")
    ] = 0,
    by: Annotated[
        Literal["series", "step", "cutoff"] | None,
        Option(help="Give scores for each of these.", show_default="one score for all"),
    ] = None,
    output: Output = None,
    *,
    parameters: dict[str, Any],
) -> None:
    """Forecast from many times in the past, and score that beside the seasonal naive.

    No row is scored that the weights have seen: a forecaster is fitted up to
    the first cutoff, and with --refit again up to every other one.
    """
    if model is None:
        if horizon is None:
            raise typer.BadParameter("needed without --model.", param_hint="'--horizon'")
        parameters, frame = read_with_keys(data, parameters)
        load_forecaster()
        forecaster = new_forecaster(parameters | {"horizon": horizon})
    else:
        given = [typed(name) for name in changed(parameters)]
        if given := given + ["--horizon"] * (horizon is not None):
            raise typer.BadParameter(
                f"brings its own parameters. Leave out {', '.join(given)}.", param_hint="'--model'"
            )
        forecaster = load_forecaster().load(model)
        frame = read_like_fit(data, forecaster)
    with progress_bars() as progress:
        bar = progress.add_task("Backtest", total=cutoffs if refit else None, note="")
        result = forecaster.backtest(
            frame,
            cutoffs=cutoffs,
            stride=stride,
            refit=refit,
            gap=gap,
            window=window,
            workers=partial(_watched, workers, partial(progress.advance, bar)),
        )
    scores = result.scores(by).reset_index()
    styles = ["" if forecast == "prediction" else "dim" for forecast in scores["forecast"]]
    title = f"{len(result):,} forecasts of {result.horizon} steps from {cutoffs} cutoffs"
    print_table(scores, title=title, styles=styles)
    if output is not None:
        write_csv(result.forecasts, output, index=False)


app.command()(takes_parameters(search))


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
    """List the datasets there are, or write one of them as CSV."""
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
    """Run the command line and leave with its exit code."""
    words = list(sys.argv[1:] if args is None else args)
    debug = DEBUG in words
    words = [word for word in words if word != DEBUG] or ["--help"]
    try:
        with one_line_warnings():
            command = typer.main.get_command(app)
            code = command.main(words, prog_name=NAME, standalone_mode=False) or 0
        sys.stdout.flush()  # a reader that has gone is noticed here, and not at exit
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left
        code = 1
    except Exception as error:
        code = _report(error, debug)
    if code == 130:
        print("Interrupted.", file=sys.stderr)
    sys.exit(code)


def _report(error: Exception, debug: bool) -> int:
    """Tell of an error in one line, or as its traceback; the exit code."""
    if hasattr(error, "exit_code"):  # of the command line itself
        context = getattr(error, "ctx", None)
        path = context.command_path if context else NAME
        say("Error", f"{error.format_message()} See {path} --help.")
        return error.exit_code
    if debug:
        traceback.print_exception(error)
    elif isinstance(error, EXPECTED):
        advice = "Add --missing-future for the rows to fill in, and pass them by --future."
        say("Error", FUTURE_CALLS.sub(advice, str(error)))
    else:
        say("Error", f"{type(error).__name__}: {error} ({DEBUG} shows where.)")
    return 1


def _watched(workers: int, on_done: Callable[[], None]) -> Watched:
    """Where refits run: in so many processes, or here."""
    return Watched(spawned(workers, _start_worker) if workers else Here(), on_done)


def _start_worker() -> None:
    """A worker starts as silently as this process, and ends at once after Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    load_forecaster()
