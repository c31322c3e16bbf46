"""Progress of a running search: a live table of the best trials and a bar, or lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table, box

from forecaster.search.objective import Objective
from forecaster.search.report import value_text
from forecaster.search.trial import COMPLETED, PRUNED, Trial, best_trial
from forecaster.search.trial_runner import Rules, View

SHOWN = 5  # trials in the live table


@contextmanager
def view_on(console: Console | None, rules: Rules) -> Iterator[View]:
    """Yield the view for a console: a live table in a terminal, lines elsewhere, none for None."""
    if console is None:
        yield Silent()
    elif console.is_terminal:
        view = LiveTable(console, rules)
        with view.live:
            yield view
    else:
        yield Lines(console, rules.objective)


class Silent:
    """View that shows nothing."""

    def show(self, trials: Sequence[Trial], running: Sequence[Trial]) -> None:
        """Do nothing."""


class Lines:
    """View of a line for each trial that is over, in the order in which they end."""

    def __init__(self, console: Console, objective: Objective) -> None:
        self.console, self.objective = console, objective
        self.shown: set[str] = set()

    def show(self, trials: Sequence[Trial], running: Sequence[Trial]) -> None:
        """Print the trials that are over and not printed yet."""
        for trial in trials:
            if trial.is_over and trial.id not in self.shown and trial.duplicate_of is None:
                self.shown.add(trial.id)
                best = best_trial(trials, self.objective)
                line = f"trial {trial.id}  {trial.status:<9}  {score_text(trial, self.objective)}"
                if best is not None:
                    line += f"  best {score_text(best, self.objective)} (trial {best.id})"
                self.console.print(line, highlight=False, markup=False, soft_wrap=True)


class LiveTable:
    """Live view of the best trials so far, and a bar with the time left."""

    def __init__(self, console: Console, rules: Rules) -> None:
        self.objective, self.rules = rules.objective, rules
        self.started = monotonic()
        self.progress = Progress(
            TextColumn("{task.fields[note]}"),
            BarColumn(),
            MofNCompleteColumn() if rules.trials else TextColumn(""),
            TimeRemainingColumn(),
            console=console,
        )
        total = rules.trials * rules.folds if rules.trials else rules.seconds
        self.bar = self.progress.add_task("Search", total=total, note="")
        self.live = Live(self.progress, console=console, refresh_per_second=4, transient=True)

    def show(self, trials: Sequence[Trial], running: Sequence[Trial]) -> None:
        """Update the table and the bar."""
        new = [trial for trial in trials if trial.duplicate_of is None]
        over = sum(trial.is_over for trial in new)
        done = sum(self.rules.folds if trial.is_over else len(trial.folds) for trial in new)
        self.progress.update(
            self.bar,
            completed=done if self.rules.trials else monotonic() - self.started,
            note=f"{over} trials over, {len(running)} running",
        )
        self.live.update(Group(self._table(new), self.progress))

    def _table(self, trials: Sequence[Trial]) -> Table:
        """Make the table, with as many parameters as fit into the terminal."""
        completed = [trial for trial in trials if trial.status == COMPLETED]
        best = sorted(completed, key=lambda trial: np.mean(trial.errors(self.objective)))[:SHOWN]
        names = free_parameters(trials)
        while True:
            table = table_of(best, self.objective, names)
            if not names or self._fits(table):
                return table
            names.pop()

    def _fits(self, table: Table) -> bool:
        console = self.live.console
        unbounded = console.options.update(max_width=10**4)
        return Measurement.get(console, unbounded, table).maximum <= console.width


def table_of(best: Sequence[Trial], objective: Objective, names: Sequence[str]) -> Table:
    """Tabulate trials, with some of their parameters, and the seasonal naive."""
    table = Table(box=box.SIMPLE_HEAD, title="Best trials", title_justify="left")
    for name in ("trial", str(objective), "spread", *names):
        table.add_column(name.split("__")[-1])
    for trial in best:
        errors = trial.errors(objective)
        values = [value_text(trial.parameters.get(name, "")) for name in names]
        table.add_row(trial.id, f"{np.mean(errors):.4g}", f"{np.std(errors):.2g}", *values)
    naive = [objective.of(fold.naive) for fold in best[0].folds] if best else np.nan
    if np.isfinite(np.mean(naive)):  # it has no quantile scores
        table.add_row("naive", f"{np.mean(naive):.4g}", style="dim")
    return table


def free_parameters(trials: Sequence[Trial]) -> list[str]:
    """Return the names of the parameters that are not the same in all trials."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for name, value in trial.parameters.items():
            values.setdefault(name, set()).add(repr(value))
    return [name for name, different in values.items() if len(different) > 1]


def score_text(trial: Trial, objective: Objective) -> str:
    """Format the mean error over the folds that were run, or the error of a failed trial."""
    if trial.error is not None:
        return trial.error.splitlines()[0]
    text = f"{objective} {np.mean(trial.errors(objective)):.4g}"
    return f"{text} up to fold {len(trial.folds)}" if trial.status == PRUNED else text
