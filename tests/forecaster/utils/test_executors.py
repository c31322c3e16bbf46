"""One seam to executors: the same results wherever tasks run, and errors that say what to do."""

import math
import os
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from forecaster.utils.executors import SerialExecutor, WorkerSlot, check_workers, run_all, spawned

TASKS = [partial(math.factorial, number) for number in (5, 3, 4)]


@pytest.mark.parametrize(
    "workers",
    [0, 1, 2, pytest.param(9, marks=pytest.mark.slow), lambda: ThreadPoolExecutor(2)],
    ids=["0", "1", "2", "9", "threads"],
)
def test_results_come_in_the_order_of_the_tasks(workers):
    assert run_all(TASKS, workers) == [120, 6, 24]
    assert run_all([], workers) == []


@pytest.mark.slow
def test_where_tasks_run():
    process, thread = [os.getpid], [threading.get_ident]
    assert run_all(process, 0) == [os.getpid()]
    assert run_all(process, 1) != [os.getpid()]
    assert run_all(process, lambda: ThreadPoolExecutor(1)) == [os.getpid()]
    assert run_all(thread, lambda: ThreadPoolExecutor(1)) != [threading.get_ident()]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1, lambda: ThreadPoolExecutor(1)])
def test_the_error_of_a_task_is_its_own(workers):
    with pytest.raises(ValueError, match=r"not defined for negative"):
        run_all([*TASKS, partial(math.factorial, -1)], workers)


def test_tasks_that_have_not_begun_never_do():
    begun = []

    def slow():
        begun.append("slow")
        time.sleep(0.05)

    with pytest.raises(ZeroDivisionError):
        run_all([lambda: 1 / 0, *[slow] * 50], lambda: ThreadPoolExecutor(1))
    assert len(begun) < 25


@pytest.mark.slow
def test_a_task_that_cannot_be_sent():
    message = (
        r"`workers` must be 0 for what cannot be sent.*lambda.* a custom network as a function"
    )
    with pytest.raises(TypeError, match=message):
        run_all([*TASKS, lambda: 5], 1)
    assert run_all([lambda: 5], 0) == [5]
    assert run_all([lambda: 5], lambda: ThreadPoolExecutor(1)) == [5]


@pytest.mark.slow
def test_a_task_that_cannot_be_read_where_it_arrives(monkeypatch):
    """As when a network is a function of a notebook, which no other process can import."""
    notebook = types.ModuleType("notebook_of_a_user")
    exec("def network(): return 5", vars(notebook))
    monkeypatch.setitem(sys.modules, "notebook_of_a_user", notebook)
    with pytest.raises(
        TypeError, match=r"Received: No module named 'notebook_of_a_user'\. Write a"
    ):
        run_all([notebook.network], 1)


def test_a_worker_that_dies():
    with pytest.raises(RuntimeError, match=r"A worker ended before its task did.*__main__"):
        run_all([partial(os._exit, 3)], 1)


@pytest.mark.parametrize(
    ("workers", "error", "message"),
    [
        (-1, ValueError, "`workers` must be at least 0. Received: workers=-1"),
        (True, TypeError, "`workers` must be an integer"),
        (1.5, TypeError, "must be a number of processes, or a function .*workers=1.5"),
        (None, TypeError, "must be a number of processes, or a function .*workers=None"),
        ("2", TypeError, r"workers='2'. For example 4, or `client.get_executor` of Dask"),
    ],
)
def test_workers_that_are_refused(workers, error, message):
    with pytest.raises(error, match=message):
        check_workers(workers)
    with pytest.raises(error, match=message):
        run_all([], workers)


@pytest.mark.slow
def test_a_slot_makes_its_executor_anew_after_its_lifetime():
    slot, seen = WorkerSlot(partial(spawned, 1), lifetime=2), []
    with slot:
        seen += [slot.submit(os.getpid).result() for _ in range(5)]
    assert seen[0] == seen[1] != seen[2] == seen[3] != seen[4]
    assert os.getpid() not in seen


@pytest.mark.slow
def test_a_slot_survives_the_death_of_its_worker():
    with WorkerSlot(partial(spawned, 1)) as slot:
        first = slot.submit(os.getpid).result()
        assert slot.submit(partial(os._exit, 3)).exception() is not None
        assert slot.submit(os.getpid).result() not in (first, os.getpid())


def test_here_runs_at_once():
    with WorkerSlot(SerialExecutor) as slot:
        future = slot.submit(threading.get_ident)
        assert future.done()
        assert future.result() == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            slot.submit(lambda: 1 / 0)
