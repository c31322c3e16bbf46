"""What people see of the command line beside its results: short messages, progress, tables.

Who owns what: results go to standard output and nothing else does, so that they can be piped;
everything here but the tables goes to standard error, and progress only where that is a terminal.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.spinner import Spinner
from rich.table import Table, box

from forecaster.utils.processes import held_back_stderr

if TYPE_CHECKING:
    import keras
    import pandas as pd

PIPE_WIDTH = 200  # columns for tables that go into a file, where rich would take 80
SHARES = ("coverage", "skill")  # scores that are fractions


def say(kind: str, message: object) -> None:
    """One line on standard error, however many the message has."""
    print(f"{kind}: {' '.join(str(message).split())}", file=sys.stderr)


@contextmanager
def one_line_warnings() -> Iterator[None]:
    """Python's warnings and what the package logs become a plain line each."""
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: say("Warning", record.getMessage())
    logger = logging.getLogger("forecaster")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: say("Warning", message)
            yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def silent_start() -> Iterator[None]:
    """Load TensorFlow without a word, and whatever else the body imports.

    Its C++ side writes to file descriptor 2 when it is imported and when it looks for devices,
    whatever the settings say; after that it obeys TF_CPP_MIN_LOG_LEVEL, so that errors still come
    through. Should the start fail, all that was said is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors
    with held_back_stderr() as terminal, _waiting(terminal, "Loading TensorFlow"):
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.get_logger().setLevel(logging.ERROR)
        yield


def _waiting(terminal: TextIO, text: str) -> Live:
    """A spinner. `sys.stderr` stays what it is: modules that are loaded meanwhile may keep it."""
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
    """Bars with a note each, which vanish when they are done; none without a terminal."""
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
    """A callback for a fit whose epochs move the bar, and whose scores are its note."""
    import keras  # loaded long ago where there is a fit to watch

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
    """Hands tasks on to an executor, and calls `on_done` after each of them.

    Its futures are its own: one of a process pool that is cancelled while Ctrl-C ends the processes
    makes a thread of Python 3.11 die with a traceback.

    Args:
        executor: what runs them.
        on_done: called without arguments.
    """

    def __init__(self, executor: Executor, on_done: Callable[[], None]):
        self.executor, self.on_done = executor, on_done

    def submit(self, task, /, *args, **kwargs) -> Future:
        future = Future()
        there = self.executor.submit(task, *args, **kwargs)
        there.add_done_callback(partial(self._pass_on, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        self.executor.shutdown(wait, cancel_futures=cancel_futures)

    def _pass_on(self, future: Future, there: Future) -> None:
        self.on_done()
        if not future.set_running_or_notify_cancel():
            return
        if (error := there.exception()) is None:
            future.set_result(there.result())
        else:
            future.set_exception(error)


def print_table(
    scores: pd.DataFrame, *, title: str, styles: Sequence[str], caption: str | None = None
) -> None:
    """Print a frame of labels and scores on standard output.

    Args:
        scores: a column a score, which are the columns of floats; labels in the others.
        title: above the table.
        styles: of rich, one a row.
        caption: below the table.
    """
    console = Console(markup=False, emoji=False, highlight=False)  # labels are the user's
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    table = Table(
        title=title,
        title_style="bold",
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    texts = []
    for name, column in scores.items():
        is_score = column.dtype.kind == "f"
        table.add_column(str(name), justify="right" if column.dtype.kind in "fi" else "left")
        texts.append(score_texts(name, column) if is_score else column.astype(str))
    for row, style in zip(zip(*texts, strict=True), styles, strict=True):
        table.add_row(*row, style=style)
    console.print(table)


def score_texts(name: str, scores: pd.Series) -> list[str]:
    """Scores for people: four digits for the largest, and as many decimals for the others."""
    if name in SHARES:
        return ["" if math.isnan(score) else f"{round(100 * score)} %" for score in scores]
    largest = scores.abs().max()
    decimals = max(0, 3 - math.floor(math.log10(largest))) if 0 < largest < math.inf else 1
    return ["" if math.isnan(score) else f"{score:,.{decimals}f}" for score in scores]
