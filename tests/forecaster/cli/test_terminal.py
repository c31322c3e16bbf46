"""Messages are one line, tables show labels as they are, and bars follow the work."""

import logging
import re
import warnings
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
import pytest
from rich.progress import Progress

from forecaster.cli import terminal
from forecaster.utils.executors import SerialExecutor


def test_labels_of_the_user_are_printed_as_they_are(capsys):
    scores = pd.DataFrame({"series": ["load [kW]", ":smile:"], "step": [1, 2], "MAE": [2.0, 1.0]})
    terminal.print_table(scores, title="[bold]", styles=["", "dim"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert rows[0] == ["[bold]"]
    assert rows[-2:] == [["load", "[kW]", "1", "2.000"], [":smile:", "2", "1.000"]]


NAMES = ["MAE", "RMSE", "sMAPE", "MASE", "RMSSE", "pinball", "coverage", "skill"]
SERIES = ["a_very_long_name_of_a_series_that_is_one_word_only", "b [kW]"]


def table_of(capsys, monkeypatch, columns):
    """What is printed into a terminal so wide, or into a pipe if None."""
    scores = pd.DataFrame({"series": SERIES, **{name: [1234.5, 2.0] for name in NAMES}})
    if columns is not None:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("NO_COLOR", "1")
    terminal.print_table(scores, title="T", styles=["", ""], caption="C")
    return re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)


@pytest.mark.parametrize("columns", [30, 60, 80, 300])
def test_a_table_in_a_terminal_is_cut_nowhere(capsys, monkeypatch, columns):
    out = table_of(capsys, monkeypatch, columns)
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= columns
    assert [name for name in NAMES if len(re.findall(rf" {name} ", out)) != 1] == []
    cells = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert SERIES[0] in "".join(cells)  # folded, in one piece after the other
    assert out.count("1,234") == 6 and (out.count("T\n") or out.count("T ")) and "C" in out


def test_a_table_in_a_pipe_is_as_wide_as_it_must_be(capsys, monkeypatch):
    lines = table_of(capsys, monkeypatch, None).splitlines()
    (header,) = [line for line in lines if "MAE" in line]
    assert header.split() == ["series", *NAMES]
    assert any(line.split()[:2] == [SERIES[0], "1,234"] for line in lines)


def test_labels_alone_fill_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    frame = pd.DataFrame({"name": ["air_passengers"], "dataset": ["many words " * 10]})
    terminal.print_table(frame, title="Datasets", styles=[""])
    out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert "…" not in out and "air_passengers" in out
    assert 50 < max(map(len, out.splitlines())) <= 60
    assert terminal.terminal_width() == 60


@pytest.mark.parametrize(
    ("name", "scores", "texts"),
    [
        ("MAE", [48.301, 5.2], ["48.30", "5.20"]),
        ("MASE", [0.9123, np.nan], ["0.9123", ""]),
        ("RMSE", [1234567.8, 12.0], ["1,234,568", "12"]),
        ("sMAPE", [0.0, 0.0], ["0.0", "0.0"]),
        ("skill", [0.314, -0.5], ["31 %", "-50 %"]),
        ("coverage", [0.8, np.nan], ["80 %", ""]),
    ],
)
def test_scores_as_texts(name, scores, texts):
    assert terminal.score_texts(name, pd.Series(scores)) == texts


def test_the_bar_follows_the_epochs():
    progress = Progress(disable=True)
    bar = progress.add_task("Fitting", total=None, note="")
    callback = terminal.epochs_of(progress, bar)
    assert isinstance(callback, keras.callbacks.Callback)
    callback.set_params({"epochs": 7})
    callback.on_epoch_end(2, {"loss": 1.0, "validation_score": 0.25, "naive_score": 0.5})
    (task,) = progress.tasks
    assert (task.completed, task.total) == (3, 7)
    assert task.fields["note"] == "validation 0.250, seasonal naive 0.500"
    callback.on_epoch_end(3, {"loss": 1.0})
    assert (task.completed, task.fields["note"]) == (4, "refit on all rows")


@pytest.mark.parametrize("executor", [SerialExecutor(), ThreadPoolExecutor(1)])
def test_a_watched_executor_reports_every_task(executor):
    done = []
    with terminal.Watched(executor, lambda: done.append(1)) as watched:
        futures = [watched.submit(pow, 2, power) for power in range(3)]
        assert [future.result() for future in futures] == [1, 2, 4]
    assert len(done) == 3


@pytest.mark.parametrize("executor", [SerialExecutor(), ThreadPoolExecutor(1)])
def test_a_watched_executor_hands_errors_on(executor):
    with (
        terminal.Watched(executor, lambda: None) as watched,
        pytest.raises(ZeroDivisionError),
    ):
        watched.submit(divmod, 1, 0).result()


def test_a_message_is_one_line_on_standard_error(capsys):
    terminal.say("Error", "No such\n  column:\n'x'")
    assert capsys.readouterr() == ("", "Error: No such column: 'x'\n")


def test_warnings_and_logged_ones_are_a_line_each(capsys):
    shown, logger = warnings.showwarning, logging.getLogger("forecaster")
    handlers = [*logger.handlers]
    with terminal.one_line_warnings():
        warnings.simplefilter("default")
        warnings.warn("first\nof all", stacklevel=1)
        logger.warning("%d workers\nwere lost", 3)
        logger.info("nothing to worry about")
    assert capsys.readouterr() == ("", "Warning: first of all\nWarning: 3 workers were lost\n")
    assert warnings.showwarning is shown
    assert logger.handlers == handlers


def test_bars_are_not_drawn_without_a_terminal(capsys):
    with terminal.progress_bars() as progress:
        progress.update(progress.add_task("Fitting", total=2, note=""), completed=1)
    assert progress.disable
    assert capsys.readouterr() == ("", "")
