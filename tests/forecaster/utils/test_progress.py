"""Progress is seen on a terminal, and nowhere else."""

import io

import pytest
from rich.console import Console

from forecaster.utils import progress
from forecaster.utils.executors import run_all
from forecaster.utils.progress import progress_bar
from tests.helpers.tiny import tiny, waves


@pytest.fixture
def terminal(monkeypatch):
    """What is written on a terminal."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    monkeypatch.setattr(progress, "Console", lambda: console)
    return file


def test_a_bar_counts_the_tasks_and_vanishes(terminal):
    with progress_bar("Fits", 3) as advance:
        assert run_all([lambda: 1, lambda: 2, lambda: 3], 0, advance) == [1, 2, 3]
    shown = terminal.getvalue()
    assert "Fits" in shown
    assert "3/3" in shown
    assert shown.endswith("\x1b[2K")  # the line is erased


def test_a_bar_ends_with_an_error(terminal):
    with pytest.raises(ZeroDivisionError), progress_bar("Fits", 2) as advance:
        run_all([lambda: 1, lambda: 1 / 0], 0, advance)
    assert "1/2" in terminal.getvalue()


@pytest.mark.slow
def test_backtests_and_updates_show_one(terminal, capsys):
    model = tiny().fit(waves().iloc[:40], verbose=0)
    model.backtest(waves().iloc[:50], cutoffs=2, refit=True)
    assert "Backtest" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
    model.update(waves().iloc[:50])
    assert "Update" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_elsewhere_nothing_is_shown(capfd):
    tiny().backtest(waves(), cutoffs=1)
    assert capfd.readouterr().out == ""
