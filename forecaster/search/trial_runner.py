"""Conducts the trials of a search: asks, runs fold after fold, stops the hopeless, tells.

What happens depends on the numbers alone, never on which worker is faster, so that a search with
the same seed makes the same decisions again:

* results are told to the oracle in the order in which it proposed the trials;
* an oracle that learns from results is asked for no more than as many trials as run at once
  before it has been told; others are asked for more, so that no worker waits;
* whether a trial goes on after a fold is decided from the folds of trials proposed before it, and
  waits for these; a worker that has nothing else to do meanwhile runs a later fold, which does not
  count before its time.

That is why a resumed search needs no code of its own: it is the same search again, in which folds
that have a file answer at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

import numpy as np
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import TrialStatus

from forecaster.evaluation.folds import FoldResult, Objective
from forecaster.search.oracles import Proposer
from forecaster.search.trial import COMPLETED, PRUNED, Journal, Trial
from forecaster.utils.executors import WORKER_LOST, Slot

FEWEST_COMPARED = 5  # trials that one is compared with before it is pruned
MOST_DEATHS = 3  # of workers with the same trial
MOST_REPEATED = 100  # proposals of known trials in a row, after which a space counts as exhausted


class View(Protocol):
    """Who is told what happens."""

    def show(self, trials: Sequence[Trial], running: Sequence[Trial]) -> None:
        """Whenever something happened: all trials so far, and those that run now."""


@dataclass(frozen=True)
class Rules:
    """What is made small, and when a search is over.

    Args:
        objective: what is made small.
        folds: of each trial.
        trials: how many at most; None is as many as the oracle proposes.
        seconds: after which nothing new begins; None is never.
        prune: whether hopeless trials are stopped after a fold.
    """

    objective: Objective
    folds: int
    trials: int | None
    seconds: float | None
    prune: bool


class Conductor:
    """See the top of the file.

    Args:
        proposer: asked for trials, and told their scores.
        prepare: parameters of a proposal, and the forecaster that they make; may raise.
        new_task: the call that runs a fold (its number, from 1) of a trial.
        journal: where finished folds are kept.
        slots: where they run, one at a time in each.
        rules: what is made small, and when it is over.
        view: is told what happens.
        log: is told of each trial that is over.
    """

    def __init__(
        self,
        proposer: Proposer,
        prepare: Callable[[HyperParameters], tuple[dict[str, Any], Any]],
        new_task: Callable[[Trial, int], Callable[[], FoldResult | str]],
        journal: Journal,
        slots: Sequence[Slot],
        rules: Rules,
        view: View,
        log: Callable[[Trial], None],
    ):
        self.proposer, self.prepare, self.new_task = proposer, prepare, new_task
        self.journal, self.rules, self.view, self.log = journal, rules, view, log
        self.trials: list[Trial] = []
        self.idle = list(slots)
        self.running: dict[Future, tuple[Trial, int, Slot]] = {}  # the number is of the fold
        ahead = len(slots) if proposer.needs_results else 2 * len(slots)
        self.most_open = ahead  # trials
        self.told = 0  # so many trials, the first ones
        self.is_waiting = False  # the oracle wants to be told something first
        self.is_exhausted = False
        self.started = monotonic()

    def run(self) -> list[Trial]:
        """Run the search to its end; gives every trial, in the order of proposal."""
        while True:
            while self._go_on():
                pass
            if not self.running:
                return self.trials
            self._collect()

    def _go_on(self) -> bool:
        """Settle, propose and begin what can be; whether anything changed."""
        open_ones = range(self.told, len(self.trials))
        begun = [self._settle(position) or self._begin(position) for position in open_ones]
        is_new = any([*begun, self._propose_and_tell()]) or self._begin_ahead()
        if is_new:
            self.view.show(self.trials, [trial for trial, *_ in self.running.values()])
        return is_new

    def _settle(self, position: int) -> bool:
        """Whether a trial is over by now that was not."""
        trial = self.trials[position]
        if trial.is_over:
            return False
        if (original := trial.original) is not None:
            trial.status, trial.folds, trial.error = original.status, original.folds, original.error
        elif len(trial.folds) == self.rules.folds:
            trial.status = COMPLETED
        elif self._is_hopeless(position):
            trial.status = PRUNED
        return trial.is_over

    def _is_hopeless(self, position: int) -> bool | None:
        """The median rule: whether a trial did worse so far than most before it; None: not known.

        Source: Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization", 3.2.
        """
        trial, before = self.trials[position], self.trials[:position]
        done = len(trial.folds)
        if not done or not self.rules.prune:
            return False
        compared = [other for other in before if other.original is None]
        if any(not other.is_over and len(other.folds) < done for other in compared):
            return None
        so_far = [self._mean(other, done) for other in compared if len(other.folds) >= done]
        is_worse = self._mean(trial, done) > np.median(so_far) if so_far else False
        return len(so_far) >= FEWEST_COMPARED and bool(is_worse)

    def _mean(self, trial: Trial, folds: int) -> float:
        """The mean error of the first so many folds."""
        return float(np.mean(trial.errors(self.rules.objective)[:folds]))

    def _propose_and_tell(self) -> bool:
        """Ask for trials and tell of those that are over, by turns; whether there was one."""
        before = len(self.trials), self.told
        self._propose()
        while self.told < len(self.trials) and self.trials[self.told].is_over:
            self._tell(self.trials[self.told])
            self._propose()
        is_new = (len(self.trials), self.told) != before
        if is_new:
            self.journal.write_oracle(self.proposer.oracle)
        return is_new

    def _tell(self, trial: Trial) -> None:
        """Tell the oracle of the first trial that it has not been told of."""
        score, message = self._told_score(trial), trial.error
        if trial.status == PRUNED:
            message = f"Pruned after {len(trial.folds)} folds; the score is an estimate."
        self.proposer.tell(trial.proposed, score, message)
        self.journal.write_trial(trial)
        self.log(trial)
        self.told += 1
        self.is_waiting = False

    def _told_score(self, trial: Trial) -> float | None:
        """The mean over folds; of a pruned trial, what it would be if folds differ as for others.

        Folds are not equally hard, so that the mean of the first ones is no fair score.
        """
        if trial.status not in (COMPLETED, PRUNED):
            return None
        done = len(trial.folds)
        score = self._mean(trial, done)
        others = [other for other in self.trials[: self.told] if other.status == COMPLETED]
        if trial.status == PRUNED and others:
            whole = np.median([self._mean(other, self.rules.folds) for other in others])
            score *= whole / np.median([self._mean(other, done) for other in others])
        return float(score)

    def _propose(self) -> None:
        """Ask for trials as long as there is room for them."""
        while not self.is_waiting and self._has_room():
            proposed = self.proposer.ask()
            if proposed.status == TrialStatus.RUNNING:
                self.trials.append(trial := self._prepared(proposed))
                self.journal.write_trial(trial)
            self.is_waiting = proposed.status == TrialStatus.IDLE
            self.is_exhausted = proposed.status == TrialStatus.STOPPED

    def _has_room(self) -> bool:
        new = [trial for trial in self.trials if trial.original is None]
        if self.is_exhausted or self._is_late() or len(new) == self.rules.trials:
            return False
        if self.trials[-MOST_REPEATED:] and all(t.original for t in self.trials[-MOST_REPEATED:]):
            self.is_exhausted = True
            return False
        if self.proposer.needs_results:
            return len(self.trials) - self.told < self.most_open
        return sum(not trial.is_over for trial in self.trials[self.told :]) < self.most_open

    def _prepared(self, proposed) -> Trial:
        """A trial of what was proposed; one that the space or the template refuses has failed."""
        trial = Trial(proposed)
        try:
            trial.parameters, trial.forecaster = self.prepare(proposed.hyperparameters)
        except Exception as error:
            trial.fail(f"{type(error).__name__}: {error}")
            return trial
        finally:
            # What a space asked for only now is known to the oracle from the next trial on.
            self.proposer.oracle.update_space(proposed.hyperparameters)
        same = (t for t in self.trials if not t.original and t.parameters == trial.parameters)
        trial.original = next(same, None)
        return trial

    def _begin(self, position: int) -> bool:
        """Take up the next fold of a trial if it is finished, else begin it; whether it could."""
        trial = self.trials[position]
        if trial.is_over or trial.original or self._is_hopeless(position) is None:
            return False
        number = len(trial.folds) + 1
        known = self.journal.fold(trial, number)
        if known is not None:
            self._record(trial, known)
            return True
        return self._start(trial, number)

    def _begin_ahead(self) -> bool:
        """Begin a fold that may turn out not to be needed, if there is nothing else to do."""
        return any(
            self.journal.fold(trial, number) is None and self._start(trial, number)
            for trial in self.trials[self.told :]
            if not trial.is_over and not trial.original
            for number in range(len(trial.folds) + 1, self.rules.folds + 1)
        )

    def _start(self, trial: Trial, number: int) -> bool:
        """Run a fold, if it does not run already and there is a place and time for it."""
        runs = any(trial is other and number == own for other, own, _ in self.running.values())
        if runs or not self.idle or self._is_late():
            return False
        slot = self.idle.pop()
        self.running[slot.submit(self.new_task(trial, number))] = (trial, number, slot)
        return True

    def _collect(self) -> None:
        """Wait for folds that run, and keep what they did."""
        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            trial, number, slot = self.running.pop(future)
            self.idle.append(slot)
            lost = CancelledError() if future.cancelled() else future.exception()
            if lost is None:
                result = future.result()
            elif (deaths := trial.deaths + 1) < MOST_DEATHS:
                trial.deaths = deaths  # and the fold is begun again
                continue
            elif not slot.works():
                raise RuntimeError(WORKER_LOST) from lost
            else:
                result = f"Its worker was lost {MOST_DEATHS} times: {type(lost).__name__}: {lost}"
            self.journal.write_fold(trial, number, result)

    def _record(self, trial: Trial, result: FoldResult | str) -> None:
        """Take up what a trial did in its next fold."""
        if isinstance(result, str):
            trial.fail(result)
        elif not math.isfinite(self.rules.objective.of(result.scores)):
            trial.fail(f"{self.rules.objective} of fold {len(trial.folds) + 1} is not a number.")
        else:
            trial.folds.append(result)

    def _is_late(self) -> bool:
        seconds = self.rules.seconds
        return seconds is not None and monotonic() - self.started > seconds
