"""What is seen of a search is readable in any terminal."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from forecaster.search.fold_task import FoldResult
from forecaster.search.objective import Objective
from forecaster.search.progress import view_on
from forecaster.search.trial import COMPLETED, PRUNED, Trial
from forecaster.search.trial_runner import Rules

MASE = Objective(("MASE",), ())
NAMES = ["cell", "units", "num_layers", "dropout", "encoder", "decoder", "learning_rate"]


def trial(number, errors, status=COMPLETED):
    values = ["no_output_gate_lstm", 64 + number, number, 0.1 * number, "segments", "dense", 0.001]
    return Trial(
        SimpleNamespace(trial_id=f"{number:04}"),
        parameters={f"network__{name}": value for name, value in zip(NAMES, values, strict=True)},
        folds=[FoldResult({"MASE": e}, {"MASE": 1.5}, 5, 10, 0.1) for e in errors],
        status=status,
    )


TRIALS = [
    trial(1, [0.91234, 0.81234]),
    trial(2, [0.71234, 0.61234]),
    trial(3, [0.95], PRUNED),
]


def seen(trials, width, is_terminal=True):
    console = Console(
        file=io.StringIO(), force_terminal=is_terminal, width=width, color_system=None
    )
    with view_on(console, Rules(MASE, 2, 10, None, True)) as view:
        view.show(trials[:1], [])
        view.show(trials, [])
        if is_terminal:
            view.live.refresh()
    return console.file.getvalue()


@pytest.mark.parametrize(("width", "shown"), [(50, 2), (60, 3), (200, 3)])
def test_a_table_shows_whole_columns_only(width, shown):
    """The parameters that differ, as many as there is room for; scores always."""
    text = seen(TRIALS, width)
    last = text[text.rindex("Best trials") :]
    header, _, best, second, naive = [line for line in last.splitlines() if line.strip()][1:6]
    assert header.split() == [
        "trial",
        "MASE",
        "spread",
        *["units", "num_layers", "dropout"][:shown],
    ]
    assert best.split()[:3] == ["0002", "0.6623", "0.05"]
    assert second.split()[0] == "0001"
    assert naive.split() == ["naive", "1.5"]
    assert "…" not in text
    assert "3 trials over, 0 running" in last


def test_a_narrow_terminal_has_the_scores():
    assert "0.6623" in seen(TRIALS, 30)


def test_lines_where_there_is_no_terminal():
    assert seen(TRIALS, 80, is_terminal=False).splitlines() == [
        "trial 0001  completed  MASE 0.8623  best MASE 0.8623 (trial 0001)",
        "trial 0002  completed  MASE 0.6623  best MASE 0.6623 (trial 0002)",
        "trial 0003  pruned     MASE 0.95 up to fold 1  best MASE 0.6623 (trial 0002)",
    ]


def test_nothing_is_shown_without_a_console(capfd):
    with view_on(None, Rules(MASE, 2, 10, None, True)) as view:
        view.show(TRIALS, [])
    assert capfd.readouterr() == ("", "")
