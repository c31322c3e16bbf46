"""Searches whose "networks" are formulas, so that hundreds of them take seconds."""

import random
import threading
from concurrent.futures import Executor, Future
from functools import partial

import numpy as np
from keras_tuner import HyperParameters

from forecaster.search.fold_task import FoldResult
from forecaster.search.objective import Objective
from forecaster.search.oracles import AskTellOracle, new_oracle
from forecaster.search.progress import Silent
from forecaster.search.trial_runner import Rules, TrialRunner
from forecaster.search.trial_store import TrialStore
from forecaster.utils.executors import SerialExecutor, WorkerSlot

FOLDS = 3
MAE = Objective(("MAE",), ())
CELLS = ["a", "b", "c"]


def space(hp):
    cell = hp.Choice("cell", CELLS)
    with hp.conditional_scope("cell", ["b"]):
        depth = hp.Int("depth", 1, 3)
    return {"cell": cell, "depth": depth or 1, "rate": hp.Float("rate", 0.01, 1, sampling="log")}


def error_of(parameters, fold):
    """Folds differ in difficulty, and rank parameters a little differently."""
    base = 1 + CELLS.index(parameters["cell"]) * 0.3 + abs(np.log10(parameters["rate"]) + 1)
    return float(fold * base / parameters["depth"] + np.sin(99 * parameters["rate"] + fold) / 9)


def result_of(error):
    return FoldResult({"MAE": error}, {"MAE": 2.0}, epochs=5, num_parameters=10, seconds=0.1)


def run_task(world, parameters, fold):
    world.runs.append((tuple(parameters.items()), fold))
    if world.left is not None:
        if world.left == 0:
            raise KeyboardInterrupt
        world.left -= 1
    outcome = world.outcome(parameters, fold)
    return outcome if isinstance(outcome, str) else result_of(outcome)


class World:
    """What happens to the folds of a search: an error of the forecasts, a text, or Ctrl-C."""

    def __init__(self, outcome=error_of, left=None):
        self.outcome, self.left, self.runs = outcome, left, []

    def search(
        self,
        folder,
        *,
        tuner="random",
        slots=1,
        trials=12,
        prune=True,
        seconds=None,
        make=SerialExecutor,
        seed=3,
        prepare=None,
        oracle=None,
    ):
        declared = HyperParameters()
        space(declared)
        oracle = oracle or new_oracle(tuner, declared, seed=seed, max_epochs=9)
        with AskTellOracle(oracle) as asked:
            runner = TrialRunner(
                asked,
                prepare or (lambda hp: (space(hp), object())),
                lambda trial, fold: partial(run_task, self, trial.parameters, fold),
                TrialStore(folder),
                [WorkerSlot(make) for _ in range(slots)],
                Rules(MAE, FOLDS, trials, seconds, prune),
                Silent(),
                lambda trial: None,
            )
            return runner.run()


def outline(trials):
    """All that a search decided."""
    return [
        (t.id, t.parameters, t.status, t.errors(MAE), t.duplicate_of is not None) for t in trials
    ]


def reported(folder):
    """What keras-tuner's files hold, without what only tells who asked."""
    return {
        file.parent.name: file.read_text() for file in sorted(folder.glob("trial_*/trial.json"))
    }


class Shuffled(Executor):
    """Ends tasks on a thread of its own, in an order that a seed decides, not that of submission.

    All executors of one seed share what is waiting.
    """

    def __init__(self, waiting, choose):
        self.waiting, self.choose = waiting, choose

    def submit(self, task, /, *args, **kwargs):
        future = Future()
        self.waiting.append((future, task))
        threading.Timer(0.002, self._end_one).start()
        return future

    def _end_one(self):
        future, task = self.waiting.pop(self.choose.randrange(len(self.waiting)))
        future.set_result(task())


def shuffled(seed):
    return partial(Shuffled, [], random.Random(seed))
