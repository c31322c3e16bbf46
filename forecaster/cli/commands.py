"""Commands of the command line, and its entry point `main`.

Who owns what:

* a command reads files, makes one or two calls of the Python API, and writes the results;
* `options.py` declares the parameters of a `Forecaster`, `data_files.py` reads and writes data
  files, `terminal.py` owns standard error, `messages.py` the words of errors, `help.py` those of
  `--help`, `common.py` what commands share; a long command has a file of its name;
* `main` turns whatever happens into an exit code and at most one line: 0 is success, 1 means that
  data or files are not as they must be, 2 that the command line is not, 130 is Ctrl-C.

Nothing heavy is imported before a command needs it: `forecaster --help` does not wait for
TensorFlow, and a missing file is reported at once.
"""

import os
import re
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer import Argument, Option

from forecaster.cli.backtest import backtest
from forecaster.cli.common import (
    NAME,
    Data,
    Flag,
    History,
    Output,
    check_free,
    load_forecaster,
    program,
    there,
)
from forecaster.cli.data_files import read_like_fit, read_with_keys, resolved, write_csv
from forecaster.cli.help import PlainCommand, PlainGroup, examples
from forecaster.cli.info import info
from forecaster.cli.messages import UsageError, Wording
from forecaster.cli.options import (
    PARAMETER_OF,
    PARAMETERS,
    completions,
    levels,
    new_forecaster,
    reads_files,
    takes_parameters,
)
from forecaster.cli.plot import plot
from forecaster.cli.search import search
from forecaster.cli.terminal import (
    epochs_of,
    one_line_warnings,
    print_table,
    progress_bars,
    say,
    silent_start,
    terminal_width,
)
from forecaster.cli.time_texts import with_typed_times
from forecaster.files.settings import FileOptions

DEBUG = "--debug"
WIDE = 190  # columns that the list of datasets has
EXPECTED = (ValueError, TypeError, OSError, RuntimeError, ImportError)  # shown by message alone

app = typer.Typer(
    cls=PlainGroup,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Forecast time series with recurrent networks, from a CSV file to a SavedModel.",
    epilog=examples(
        f"{NAME} demo                      without data of your own",
        f"{NAME} --install-completion      commands and names by the Tab key",
    ),
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


@app.command(cls=PlainCommand, epilog=examples(f"{NAME} demo --directory air_demo"))
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


@app.command(
    cls=PlainCommand,
    epilog=examples(f"{NAME} fit sales.csv --target sold --horizon 14 --save model"),
)
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


@app.command(
    cls=PlainCommand,
    epilog=examples(
        f"{NAME} predict model sales.csv --output forecast.csv",
        f"{NAME} predict model --quantiles 0.1,0.9",
    ),
)
@reads_files
def predict(
    model: Annotated[Path, Argument(metavar="MODEL", help="Directory that fit saved.")],
    data: History = None,
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
    answer = with_typed_times(answer, history, data, forecaster.time_column)
    write_csv(answer, output, index=forecaster.time_column is None)


app.command(
    cls=PlainCommand,
    epilog=examples(
        f"{NAME} backtest sales.csv --target sold --horizon 14 --cutoffs 20",
        f"{NAME} backtest sales.csv --model model --by step",
    ),
)(takes_parameters(reads_files(backtest)))
app.command(
    cls=PlainCommand,
    epilog=examples(
        f"{NAME} search sales.csv --target sold --horizon 7 --save best --cells gru,lstm"
    ),
)(takes_parameters(reads_files(search)))

app.command(
    cls=PlainCommand,
    epilog=examples(
        f"{NAME} plot model --output forecast.png",
        f"{NAME} plot model sales.csv --series north --quantiles 0.1,0.5,0.9",
        f"{NAME} plot backtest.csv --output backtest.svg",
    ),
)(reads_files(plot))
app.command(
    cls=PlainCommand,
    epilog=examples(f"{NAME} info model", f"{NAME} info model --json"),
)(info)


def _dataset_names(incomplete: str) -> list[str]:
    """List the names of datasets that begin with what is typed."""
    from forecaster.datasets import list_datasets

    return completions(list_datasets()["name"].tolist())(incomplete)


@app.command(cls=PlainCommand, epilog=examples(f"{NAME} datasets air_passengers --output air.csv"))
def datasets(
    name: Annotated[
        str | None,
        Argument(
            metavar="NAME",
            autocompletion=_dataset_names,
            help="Write this one as CSV on standard output.",
        ),
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
    width = terminal_width()
    if width is not None and width < WIDE:
        text = "{description}: {size}, steps of {freq}, horizon {horizon}; {licence}, {source}"
        texts = [text.format(**row) for row in shown.to_dict("records")]
        shown = shown[["name"]].assign(dataset=texts)
    print_table(shown, title="Datasets", styles=[""] * len(shown))


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    for stream in ("stdout", "stderr"):  # closed by who started this, as by `>&-`
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(os.devnull, "w"))  # noqa: SIM115, for the whole process
    words = list(sys.argv[1:] if args is None else args)
    debug = DEBUG in words
    words = [word for word in words if word != DEBUG] or ["--help"]
    command: Any = typer.main.get_command(app)  # a group
    typed_command = next((word for word in words if word in command.commands), None)
    wording = wording_of(command.commands, typed_command, words)
    try:
        with one_line_warnings(wording):
            code = command.main(words, prog_name=NAME, standalone_mode=False) or 0
        sys.stdout.flush()  # a closed pipe is noticed here, and not at exit
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the rest
        code = 1
    except Exception as error:
        code = _report(error, debug, wording, typed_command)
    if code == 130:
        print("Interrupted.", file=sys.stderr)
    sys.exit(code)


def wording_of(commands: dict[str, Any], name: str | None, words: Sequence[str]) -> Wording:
    """Make the wording of a command, whose own options are those that its users can type."""
    options = {
        parameter.name: parameter.opts[0] if parameter.opts[0][0] == "-" else parameter.metavar
        for parameter in (commands[name].params if name else ())
    }
    if any(word.partition("=")[0] == "--model" for word in words):  # it brings its parameters
        options = {name: typed for name, typed in options.items() if name not in PARAMETERS}
    others = {own.name for command in commands.values() for own in command.params}
    return Wording(options, others | {*PARAMETER_OF.values()})


def _report(error: Exception, debug: bool, wording: Wording, command: str | None) -> int:
    """Print an error in one line, or as its traceback; return the exit code."""
    if debug and not hasattr(error, "ctx"):
        traceback.print_exception(error)
    elif hasattr(error, "format_message"):  # a wrong command line
        message = wording(error) if isinstance(error, UsageError) else error.format_message()
        message = message.replace(": Value error, ", ": ")  # of pydantic, by which typer checks
        path = f"{NAME} {command}" if command else NAME
        end = "" if message.endswith("?") else "."
        say("Error", f"{message.removesuffix('.')}{end} See {path} --help.")
    elif isinstance(error, EXPECTED):
        # A note of several lines is the traceback of a trial.
        notes = [note for note in getattr(error, "__notes__", ()) if "\n" not in note]
        message = re.sub(r"^\[Errno \d+\] (.*?)\.?$", r"\1.", str(error))
        say("Error", wording(" ".join([message, *notes])))
    else:
        say("Error", f"{type(error).__name__}: {error} ({DEBUG} shows where.)")
    return getattr(error, "exit_code", 1)
