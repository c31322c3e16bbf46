"""Terminal output of the command line: short messages, progress bars, tables.

Who owns what: only results, tables among them, go to standard output, so that they can be piped.
Messages go to standard error, and progress too, if that is a terminal.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.spinner import Spinner
from rich.table import Table, box

from forecaster.utils.processes import held_back_stderr

if TYPE_CHECKING:
    import keras
    import pandas as pd

GAP, EDGES = 3, 2  # columns between two columns of a table, and around them
SHORTEST_LABEL = 15  # columns that labels have at least
SHARES = ("coverage", "skill")  # scores that are fractions


def say(kind: str, message: object) -> None:
    """Print a message on standard error, in one line however many it has.

    Where standard error cannot be written (a full disk), the message is lost, not the exit code.
    """
    with suppress(OSError):
        print(f"{kind}: {' '.join(str(message).split())}", file=sys.stderr, flush=True)


@contextmanager
def one_line_warnings(wording: Callable[[object], str] = str) -> Iterator[None]:
    """Print Python's warnings, and those that the package logs, in a line and a wording each."""
    handler = _SayingHandler(wording)
    logger = logging.getLogger("forecaster")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: say("Warning", wording(message))
            yield
    finally:
        logger.removeHandler(handler)


class _SayingHandler(logging.Handler):
    """Log handler that prints a record as a warning of one line, in a wording."""

    def __init__(self, wording: Callable[[object], str]) -> None:
        super().__init__(logging.WARNING)
        self.wording = wording

    def emit(self, record: logging.LogRecord) -> None:
        say("Warning", self.wording(record.getMessage()))


@contextmanager
def silent_start() -> Iterator[None]:
    """Import TensorFlow, and what the body imports, with start-up messages suppressed.

    Its C++ side writes to file descriptor 2 when it is imported and when it looks for devices,
    whatever the settings; after that it obeys TF_CPP_MIN_LOG_LEVEL, so that errors are still shown.
    If the start fails, all messages are shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors
    with held_back_stderr() as terminal, _waiting(terminal, "Loading TensorFlow"):
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.get_logger().setLevel(logging.ERROR)
        yield


def _waiting(terminal: TextIO, text: str) -> Live:
    """Make a spinner. It leaves `sys.stderr` as it is: modules imported meanwhile may keep it."""
    console = Console(file=terminal)
    return Live(
        Spinner("dots", text) if console.is_terminal else "",
        console=console,
        transient=True,
        refresh_per_second=12,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def progress_bars() -> Progress:
    """Make progress bars with a note each, which vanish when done; none without a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=False,
    )


def epochs_of(progress: Progress, bar: TaskID) -> keras.callbacks.Callback:
    """Make a Keras callback that moves a bar with the epochs of a fit, and notes its scores."""
    import keras  # already imported where there is a fit to watch

    def show(epoch: int, logs: dict[str, float]) -> None:
        note = "refit on all rows"
        if "validation_score" in logs:
            score, naive = logs["validation_score"], logs["naive_score"]
            note = f"validation {score:.3f}, seasonal naive {naive:.3f}"
        total = callback.params["epochs"]
        progress.update(bar, completed=epoch + 1, total=total, note=note, refresh=True)

    callback = keras.callbacks.LambdaCallback(on_epoch_end=show)
    return callback


class Watched(Executor):
    """Executor that passes tasks on to another one, and calls `on_done` after each of them.

    It makes futures of its own: cancelling one of a process pool while Ctrl-C ends the processes
    makes a thread of Python 3.11 die with a traceback.

    Args:
        executor: runs the tasks.
        on_done: called without arguments.
    """

    def __init__(self, executor: Executor, on_done: Callable[[], None]) -> None:
        self.executor, self.on_done = executor, on_done

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        future: Future = Future()
        inner = self.executor.submit(task, *args, **kwargs)
        inner.add_done_callback(partial(self._pass_on, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        self.executor.shutdown(wait, cancel_futures=cancel_futures)

    def _pass_on(self, future: Future, inner: Future) -> None:
        self.on_done()
        if not future.set_running_or_notify_cancel():
            return
        if (error := inner.exception()) is None:
            future.set_result(inner.result())
        else:
            future.set_exception(error)


def print_table(
    scores: pd.DataFrame, *, title: str, styles: Sequence[str], caption: str | None = None
) -> None:
    """Print a frame of labels and scores on standard output, with nothing cut.

    Where the terminal is too narrow for all scores, those that do not fit follow in further tables
    with the same labels.

    Args:
        scores: columns of floats are scores, the others labels.
        title: text above the table.
        styles: style of rich for each row.
        caption: text below the table.
    """
    console = Console(markup=False, emoji=False, highlight=False)  # labels are the user's
    texts = {
        str(name): score_texts(name, column) if _is_score(column) else column.astype(str).tolist()
        for name, column in scores.items()
    }
    labels = [str(name) for name, column in scores.items() if not _is_score(column)]
    right = {str(name) for name, column in scores.items() if column.dtype.kind in "fi"}
    rest = [name for name in texts if name not in labels]
    widths = {name: GAP + max(map(len, [name, *texts[name]])) for name in texts}
    if not console.is_terminal:
        console.width = max(EDGES + sum(widths.values()), len(title), len(caption or ""))
    room = (console.width - EDGES) // (2 if rest else 1)  # for labels
    if sum(widths[name] for name in labels) > room:  # the longest of which are folded
        longest = max(labels, key=widths.__getitem__)
        others = sum(widths[name] for name in labels if name != longest)
        widths[longest] = max(SHORTEST_LABEL, room - others)
    for shown in _fitting(
        rest, widths, console.width - EDGES - sum(widths[name] for name in labels)
    ):
        table = Table(
            title=title if shown == rest[: len(shown)] else None,
            title_style="bold",
            title_justify="left",
            caption=caption if shown == rest[len(rest) - len(shown) :] else None,
            caption_justify="left",
            box=box.SIMPLE_HEAD,
        )
        for name in labels + shown:
            justify: Any = "right" if name in right else "left"
            width = widths[name] - GAP
            table.add_column(name, justify=justify, overflow="fold", max_width=width)
        rows = zip(*(texts[name] for name in labels + shown), strict=True)
        for row, style in zip(rows, styles, strict=True):
            table.add_row(*row, style=style)
        console.print(table)


def _fitting(names: list[str], widths: dict[str, int], room: int) -> Iterator[list[str]]:
    """Yield names in groups that fit into a room, or that have one name."""
    group: list[str] = []
    for name in names:
        if group and sum(widths[other] for other in [*group, name]) > room:
            yield group
            group = []
        group.append(name)
    yield group


def terminal_width() -> int | None:
    """Return the columns of the terminal that standard output is; None where it is none."""
    console = Console()
    return console.width if console.is_terminal else None


def _is_score(column: pd.Series) -> bool:
    return column.dtype.kind == "f"


def score_texts(name: str, scores: pd.Series) -> list[str]:
    """Format scores: four digits for the largest, and as many decimals for the others."""
    if name in SHARES:
        return ["" if math.isnan(score) else f"{round(100 * score)} %" for score in scores]
    largest = scores.abs().max()
    decimals = max(0, 3 - math.floor(math.log10(largest))) if 0 < largest < math.inf else 1
    return ["" if math.isnan(score) else f"{score:,.{decimals}f}" for score in scores]
