"""Whatever the workers do, and whenever a search is cut off, its decisions are the same."""

from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial

import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_tuner import HyperParameters

from forecaster.search.oracles import TUNERS, new_oracle
from forecaster.search.trial import COMPLETED, FAILED, PRUNED, UNFINISHED, best_trial
from tests.helpers.formula_searches import (
    CELLS,
    FOLDS,
    MAE,
    World,
    error_of,
    outline,
    reported,
    shuffled,
    space,
)


@pytest.mark.parametrize("tuner", ["random", "grid"])
@settings(max_examples=8, deadline=None)
@given(slots=st.integers(2, 5), order=st.integers(0, 99), seed=st.integers(0, 9))
def test_who_needs_no_results_does_the_same_with_any_workers(
    tmp_path_factory, tuner, slots, order, seed
):
    how = {"tuner": tuner, "seed": seed}
    alone, together = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("together")
    expected = World().search(alone, **how)
    found = World().search(together, slots=slots, make=shuffled(order), **how)
    count = len(expected)
    assert outline(found)[:count] == outline(expected)
    assert {name: reported(together)[name] for name in reported(alone)} == reported(alone)


@pytest.mark.parametrize("tuner", ["bayesian", "hyperband"])
@settings(max_examples=3, deadline=None)
@given(slots=st.integers(2, 4), orders=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_who_needs_results_does_the_same_with_as_many_workers(
    tmp_path_factory, tuner, slots, orders
):
    folders = [tmp_path_factory.mktemp("search") for _ in orders]
    one, other = (
        World().search(folder, tuner=tuner, trials=11, slots=slots, make=shuffled(order))
        for folder, order in zip(folders, orders, strict=True)
    )
    assert outline(one) == outline(other)
    assert reported(folders[0]) == reported(folders[1])


@pytest.mark.parametrize("tuner", TUNERS)
@settings(max_examples=4, deadline=None)
@given(cuts=st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_a_search_that_was_cut_off_is_resumed(tmp_path_factory, tuner, cuts):
    whole, cut = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("cut")
    world, how = World(), {"tuner": tuner, "trials": 10}
    expected = world.search(whole, **how)
    kept, finished = [], []
    for left in cuts:
        again = World(left=left)
        try:
            again.search(cut, **how)
        except KeyboardInterrupt:
            finished += again.runs[:-1]  # all but the one that was cut off
        else:
            finished += again.runs
        now = {file: file.stat().st_mtime_ns for file in cut.glob("trial_*/fold_*.json")}
        kept.append(now)
    last = World()
    found = last.search(cut, **how)
    assert outline(found) == outline(expected)
    assert reported(cut) == reported(whole)
    assert sorted(finished + last.runs) == sorted(world.runs)  # every fold once
    for earlier in kept:
        assert {file: file.stat().st_mtime_ns for file in earlier} == earlier


def to_be_pruned(trials):
    """The median rule once more, fold by fold over a table of errors."""
    errors = [[error_of(t.parameters, fold) for fold in range(1, FOLDS + 1)] for t in trials]
    lasts = []  # how many folds each trial was run in
    for position, own in enumerate(errors):
        last = FOLDS
        for fold in range(1, FOLDS):
            before = [np.mean(errors[p][:fold]) for p in range(position) if lasts[p] >= fold]
            if len(before) >= 5 and np.mean(own[:fold]) > np.median(before):
                last = fold
                break
        lasts.append(last)
    return lasts


def test_trials_worse_than_the_median_are_pruned(tmp_path):
    trials = World().search(tmp_path, trials=30)
    assert [len(trial.folds) for trial in trials] == to_be_pruned(trials)
    pruned = [trial for trial in trials if trial.status == PRUNED]
    assert 5 < len(pruned) < 25
    assert all(len(trial.folds) == FOLDS for trial in trials if trial.status == COMPLETED)
    best = best_trial(trials, MAE)
    assert best.status == COMPLETED
    # What the oracle gets for a pruned trial is never better than the median.
    completed = [np.mean(trial.errors(MAE)) for trial in trials if trial.status == COMPLETED]
    for trial in pruned:
        assert trial.proposed.score > min(completed)
        assert "Pruned after" in trial.proposed.message


def test_without_pruning_all_trials_are_completed(tmp_path):
    trials = World().search(tmp_path, trials=30, prune=False)
    assert {trial.status for trial in trials} == {COMPLETED}
    means = [np.mean(trial.errors(MAE)) for trial in trials]
    assert [trial.proposed.score for trial in trials] == means
    assert best_trial(trials, MAE) is trials[int(np.argmin(means))]


def test_a_trial_fails_alone(tmp_path):
    def outcome(parameters, fold):
        if parameters["cell"] == "b" and fold == 2:
            return "ValueError: too bad\n\ntraceback"
        return np.nan if parameters["cell"] == "c" else 0.0  # best of all, were it not for NaN

    trials = World(outcome).search(tmp_path, prune=False)
    cells = {trial.parameters["cell"] for trial in trials}
    assert cells == {*CELLS}
    for trial in trials:
        assert trial.status == (COMPLETED if trial.parameters["cell"] == "a" else FAILED)
        if trial.parameters["cell"] == "b":
            assert trial.error.startswith("ValueError: too bad")
            assert len(trial.folds) == 1
        if trial.parameters["cell"] == "c":
            assert trial.error == "MAE of fold 1 is not a number."
    assert best_trial(trials, MAE).parameters["cell"] == "a"
    again = World(outcome)
    assert outline(again.search(tmp_path, prune=False)) == outline(trials)
    assert again.runs == []  # failed trials are over, too


def test_all_trials_may_fail(tmp_path):
    trials = World(lambda *_: "no").search(tmp_path, trials=9)
    assert [trial.status for trial in trials] == [FAILED] * 9
    assert best_trial(trials, MAE) is None


def test_what_the_space_refuses_fails_at_once(tmp_path):
    def prepare(hp):
        if (parameters := space(hp))["cell"] == "b":
            raise ValueError("b is not to be had")
        return parameters, object()

    world = World()
    trials = world.search(tmp_path, prepare=prepare)
    refused = [trial for trial in trials if trial.values["cell"] == "b"]
    assert refused
    assert {trial.error for trial in refused} == {"ValueError: b is not to be had"}
    assert len(trials) == 12


class Dying(Executor):
    """An executor whose worker dies with some tasks, and takes no task afterwards."""

    made = 0

    def __init__(self, dies):
        type(self).made += 1
        self.dies, self.is_broken = dies, False

    def submit(self, task, /, *args, **kwargs):
        if self.is_broken:
            raise BrokenExecutor
        future = Future()
        if self.dies(task):
            self.is_broken = True
            future.set_exception(BrokenExecutor("it was killed"))
        else:
            future.set_result(task())
        return future


@pytest.mark.parametrize("slots", [1, 3])
def test_a_worker_that_dies_loses_its_trial_only(tmp_path, slots):
    deaths = {}

    def dies(task):  # twice in fold 2 of cell b, always in that of cell c
        if not hasattr(task, "args"):  # that which only asks whether there is anybody
            return False
        _, parameters, fold = task.args
        if fold != 2 or parameters["cell"] == "a":
            return False
        key = repr(parameters)
        deaths[key] = deaths.get(key, 0) + 1
        return parameters["cell"] == "c" or deaths[key] <= 2

    trials = World().search(tmp_path, slots=slots, make=partial(Dying, dies), prune=False)
    for trial in trials:
        cell = trial.parameters["cell"]
        assert trial.status == (FAILED if cell == "c" else COMPLETED)
        assert deaths.get(repr(trial.parameters), 0) == {"a": 0, "b": 3, "c": 3}[cell]
    failed = [trial for trial in trials if trial.status == FAILED]
    assert {trial.error for trial in failed} == {
        "Its worker was lost 3 times: BrokenExecutor: it was killed"
    }


def test_workers_that_never_begin(tmp_path):
    """As in a script without `if __name__ == "__main__":`. No trial is marked failed for it."""
    make = partial(Dying, lambda task: True)
    with pytest.raises(RuntimeError, match=r"A worker ended before its task did.*__main__"):
        World().search(tmp_path, make=make)
    assert [*tmp_path.glob("trial_*/fold_*.json")] == []
    assert {trial.status for trial in World().search(tmp_path)} <= {COMPLETED, PRUNED}


def test_an_executor_that_was_shut_down(tmp_path):
    executor = Dying(lambda task: False)
    executor.is_broken = True
    with pytest.raises(ValueError, match="`workers` must make executors that take tasks"):
        World().search(tmp_path, make=lambda: executor)


def test_the_same_parameters_are_not_run_again(tmp_path):
    """A space that does not say what depends on what proposes the same forecaster again."""

    def prepare(hp):
        cell, ignored = hp.Choice("cell", CELLS), hp.Int("ignored", 1, 20)
        assert ignored
        return {"cell": cell, "depth": 1, "rate": 0.1}, object()

    world = World()
    oracle = keras_tuner.oracles.RandomSearchOracle(max_trials=None, seed=5)
    trials = world.search(tmp_path, prepare=prepare, trials=10, oracle=oracle, prune=False)
    new = [trial for trial in trials if trial.duplicate_of is None]
    assert [trial.parameters["cell"] for trial in new] and len(new) == len(CELLS)
    assert len(world.runs) == FOLDS * len(CELLS)
    assert len(trials) > len(new)
    for trial in trials:
        if trial.duplicate_of is not None:
            assert trial.proposed.score == trial.duplicate_of.proposed.score


def test_a_grid_ends_by_itself(tmp_path):
    declared = HyperParameters()
    for name in ("cell", "other"):
        declared.Choice(name, CELLS)
    trials = World().search(
        tmp_path,
        trials=None,
        prune=False,
        oracle=new_oracle("grid", declared, seed=0, max_epochs=9),
        prepare=lambda hp: ({**hp.values, "depth": 1, "rate": 0.1}, object()),
    )
    pairs = [(trial.parameters["cell"], trial.parameters["other"]) for trial in trials]
    assert sorted(pairs) == [(one, other) for one in CELLS for other in CELLS]


def test_nothing_begins_after_the_time(tmp_path):
    world = World()
    assert world.search(tmp_path, seconds=1e-9) == []
    trials = World().search(tmp_path, seconds=1e9, trials=2)
    assert [trial.status for trial in trials] == [COMPLETED, COMPLETED]


def test_a_trial_without_time_for_all_folds_is_unfinished(tmp_path, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr("forecaster.search.trial_runner.monotonic", lambda: next(clock))
    world = World()
    trials = world.search(tmp_path, seconds=9, trials=None, prune=False)
    assert trials[-1].status in (UNFINISHED, COMPLETED)
    assert 0 < len(world.runs) < 12
    assert sum(len(trial.folds) for trial in trials) == len(world.runs)
