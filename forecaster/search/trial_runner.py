"""Run the trials of a search: ask the oracle, evaluate fold by fold, prune, report the score.

A search is deterministic: decisions depend on scores alone, never on which worker is faster.

* Results are reported to the oracle in the order in which it proposed the trials.
* An oracle that learns from results is asked for no more trials than run at once before the first
  of them is reported; others are asked for more, so that no worker waits.
* A trial is pruned, or not, by the folds of trials proposed before it, and waits for these; a
  worker that would be idle meanwhile runs a later fold, whose result is not used before its time.

So resuming needs no code of its own: the same search runs again, and folds in the trial store are
read instead of run.
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
from keras_tuner.engine.trial import Trial as TunerTrial
from keras_tuner.engine.trial import TrialStatus

from forecaster.search.fold_task import FoldResult
from forecaster.search.objective import Objective
from forecaster.search.oracles import AskTellOracle
from forecaster.search.trial import COMPLETED, PRUNED, Trial
from forecaster.search.trial_store import TrialStore
from forecaster.utils.executors import WORKER_LOST, WorkerSlot

FEWEST_COMPARED = 5  # other trials that pruning needs
MOST_DEATHS = 3  # workers lost with the same trial, after which it has failed
MOST_REPEATED = 100  # duplicates proposed in a row, after which a space counts as exhausted


class View(Protocol):
    """View of a running search."""

    def show(self, trials: Sequence[Trial], running: Sequence[Trial]) -> None:
        """Show all trials so far, and those that run now; called after every change."""


@dataclass(frozen=True)
class Rules:
    """Objective and stopping rules of a search.

    Args:
        objective: the score to minimize.
        folds: number of folds of each trial.
        trials: maximum number of trials; None for all that the oracle proposes.
        seconds: time limit, after which no fold is started; None for no limit.
        prune: whether trials are pruned by the median rule.
    """

    objective: Objective
    folds: int
    trials: int | None
    seconds: float | None
    prune: bool


class TrialRunner:
    """Main loop of a search, as the top of the file describes it.

    Args:
        oracle: proposes trials, and is given their scores.
        prepare: builds the parameters of a proposal and their forecaster; may raise.
        new_task: makes the task that runs a fold (its number, from 1) of a trial.
        store: keeps finished folds.
        slots: worker slots, each of which runs a fold at a time.
        rules: objective and stopping rules.
        view: shows the progress.
        log: is called with each trial that is over.
    """

    def __init__(
        self,
        oracle: AskTellOracle,
        prepare: Callable[[HyperParameters], tuple[dict[str, Any], Any]],
        new_task: Callable[[Trial, int], Callable[[], FoldResult | str]],
        store: TrialStore,
        slots: Sequence[WorkerSlot],
        rules: Rules,
        view: View,
        log: Callable[[Trial], None],
    ) -> None:
        self.oracle, self.prepare, self.new_task = oracle, prepare, new_task
        self.store, self.rules, self.view, self.log = store, rules, view, log
        self.trials: list[Trial] = []
        self.idle = list(slots)
        self.running: dict[Future, tuple[Trial, int, WorkerSlot]] = {}  # with number of the fold
        ahead = len(slots) if oracle.needs_results else 2 * len(slots)
        self.most_open = ahead  # trials that are proposed and not over
        self.num_reported = 0  # the first so many trials are reported to the oracle
        self.is_waiting = False  # the oracle needs a result before its next proposal
        self.is_exhausted = False
        self.started = monotonic()

    def run(self) -> list[Trial]:
        """Run the search to its end; return every trial, in the order of proposal."""
        while True:
            while self._go_on():
                pass
            if not self.running:
                return self.trials
            self._collect()

    def _go_on(self) -> bool:
        """Finish, start and ask for trials as far as possible; return whether anything changed."""
        unreported = range(self.num_reported, len(self.trials))
        moved = [self._finish(position) or self._advance(position) for position in unreported]
        is_new = any([*moved, self._ask_and_report()]) or self._start_ahead()
        if is_new:
            self.view.show(self.trials, [trial for trial, *_ in self.running.values()])
        return is_new

    def _finish(self, position: int) -> bool:
        """Set the status of a trial that is over; return whether it is over only now."""
        trial = self.trials[position]
        if trial.is_over:
            return False
        if (first := trial.duplicate_of) is not None:
            trial.status, trial.folds, trial.error = first.status, first.folds, first.error
        elif len(trial.folds) == self.rules.folds:
            trial.status = COMPLETED
        elif self._should_prune(position):
            trial.status = PRUNED
        return trial.is_over

    def _should_prune(self, position: int) -> bool | None:
        """Apply the median stopping rule to a trial.

        Returns:
            Whether it is worse so far than the median of the trials before it; None while a fold of
            these is not finished.

        Source: Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization", 3.2.
        """
        trial, before = self.trials[position], self.trials[:position]
        done = len(trial.folds)
        if not done or not self.rules.prune:
            return False
        compared = [other for other in before if other.duplicate_of is None]
        if any(not other.is_over and len(other.folds) < done for other in compared):
            return None
        so_far = [self._mean(other, done) for other in compared if len(other.folds) >= done]
        is_worse = self._mean(trial, done) > np.median(so_far) if so_far else False
        return len(so_far) >= FEWEST_COMPARED and bool(is_worse)

    def _mean(self, trial: Trial, folds: int) -> float:
        """Compute the mean error over the first so many folds."""
        return float(np.mean(trial.errors(self.rules.objective)[:folds]))

    def _ask_and_report(self) -> bool:
        """Ask for trials and report those that are over, by turns; return whether there was one."""
        before = len(self.trials), self.num_reported
        self._ask()
        while self.num_reported < len(self.trials) and self.trials[self.num_reported].is_over:
            self._report(self.trials[self.num_reported])
            self._ask()
        is_new = (len(self.trials), self.num_reported) != before
        if is_new:
            self.store.write_oracle(self.oracle.tuner_oracle)
        return is_new

    def _report(self, trial: Trial) -> None:
        """Report a trial to the oracle, the first that was not reported yet."""
        score, message = self._reported_score(trial), trial.error
        if trial.status == PRUNED:
            message = f"Pruned after {len(trial.folds)} folds; the score is an estimate."
        self.oracle.tell(trial.proposed, score, message)
        self.store.write_trial(trial)
        self.log(trial)
        self.num_reported += 1
        self.is_waiting = False

    def _reported_score(self, trial: Trial) -> float | None:
        """Compute the score that the oracle is given: the mean over folds, None for a failed trial.

        Folds are not equally hard, so that the mean over the first ones is biased. For a pruned
        trial it is multiplied by the ratio of the medians of the completed trials: over all folds,
        and over the first ones.
        """
        if trial.status not in (COMPLETED, PRUNED):
            return None
        done = len(trial.folds)
        score = self._mean(trial, done)
        others = [other for other in self.trials[: self.num_reported] if other.status == COMPLETED]
        if trial.status == PRUNED and others:
            whole = np.median([self._mean(other, self.rules.folds) for other in others])
            score *= whole / np.median([self._mean(other, done) for other in others])
        return float(score)

    def _ask(self) -> None:
        """Ask for trials as long as more may be open."""
        while not self.is_waiting and self._has_room():
            proposed = self.oracle.ask()
            if proposed.status == TrialStatus.RUNNING:
                self.trials.append(trial := self._prepared(proposed))
                self.store.write_trial(trial)
            self.is_waiting = proposed.status == TrialStatus.IDLE
            self.is_exhausted = proposed.status == TrialStatus.STOPPED

    def _has_room(self) -> bool:
        """Return whether another trial may be asked for."""
        new = [trial for trial in self.trials if trial.duplicate_of is None]
        if self.is_exhausted or self._is_late() or len(new) == self.rules.trials:
            return False
        newest = self.trials[-MOST_REPEATED:]
        if newest and all(trial.duplicate_of for trial in newest):
            self.is_exhausted = True
            return False
        if self.oracle.needs_results:
            return len(self.trials) - self.num_reported < self.most_open
        return sum(not trial.is_over for trial in self.trials[self.num_reported :]) < self.most_open

    def _prepared(self, proposed: TunerTrial) -> Trial:
        """Make a trial of a proposal; one that the space or the template refuses has failed."""
        trial = Trial(proposed)
        try:
            trial.parameters, trial.forecaster = self.prepare(proposed.hyperparameters)
        except Exception as error:
            trial.fail(f"{type(error).__name__}: {error}")
            return trial
        finally:
            # A parameter that the space asked for just now is in the oracle's next proposal.
            self.oracle.tuner_oracle.update_space(proposed.hyperparameters)
        same = (t for t in self.trials if not t.duplicate_of and t.parameters == trial.parameters)
        trial.duplicate_of = next(same, None)
        return trial

    def _advance(self, position: int) -> bool:
        """Record the next fold of a trial if it is finished, else start it; return if it could."""
        trial = self.trials[position]
        if trial.is_over or trial.duplicate_of or self._should_prune(position) is None:
            return False
        number = len(trial.folds) + 1
        known = self.store.fold(trial, number)
        if known is not None:
            self._record(trial, known)
            return True
        return self._start(trial, number)

    def _start_ahead(self) -> bool:
        """Start a fold that pruning may make superfluous, if a slot is idle."""
        return any(
            self.store.fold(trial, number) is None and self._start(trial, number)
            for trial in self.trials[self.num_reported :]
            if not trial.is_over and not trial.duplicate_of
            for number in range(len(trial.folds) + 1, self.rules.folds + 1)
        )

    def _start(self, trial: Trial, number: int) -> bool:
        """Start a fold, if it does not run already and a slot and time are left; return if so."""
        runs = any(trial is other and number == own for other, own, _ in self.running.values())
        if runs or not self.idle or self._is_late():
            return False
        slot = self.idle.pop()
        self.running[slot.submit(self.new_task(trial, number))] = (trial, number, slot)
        return True

    def _collect(self) -> None:
        """Wait for running folds, and write their results."""
        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            trial, number, slot = self.running.pop(future)
            self.idle.append(slot)
            lost = CancelledError() if future.cancelled() else future.exception()
            if lost is None:
                result = future.result()
            elif (deaths := trial.deaths + 1) < MOST_DEATHS:
                trial.deaths = deaths  # the fold is started again
                continue
            elif not slot.works():
                raise RuntimeError(WORKER_LOST) from lost
            else:
                result = f"Its worker was lost {MOST_DEATHS} times: {type(lost).__name__}: {lost}"
            self.store.write_fold(trial, number, result)

    def _record(self, trial: Trial, result: FoldResult | str) -> None:
        """Add the result of its next fold to a trial."""
        if isinstance(result, str):
            trial.fail(result)
        elif not math.isfinite(self.rules.objective.of(result.scores)):
            trial.fail(f"{self.rules.objective} of fold {len(trial.folds) + 1} is not a number.")
        else:
            trial.folds.append(result)

    def _is_late(self) -> bool:
        seconds = self.rules.seconds
        return seconds is not None and monotonic() - self.started > seconds
