"""The one seam to executors: in process, in spawned processes, or wherever an executor runs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

from forecaster.checks import check_integer

Workers = int | Callable[[], Executor]


def run_all(tasks: Sequence[Callable[[], Any]], workers: Workers) -> list:
    """Run every task, and give their results in the order of the tasks.

    Args:
        tasks: calls without arguments; for processes they must be picklable.
        workers: 0 runs them here one by one; a number spawns so many processes (TensorFlow does
            not survive a fork); a function makes a `concurrent.futures.Executor`, such as
            `client.get_executor` of Dask.

    Raises:
        TypeError, ValueError: if `workers` is something else.
    """
    if not callable(workers):
        check_integer("workers", workers, minimum=0)
        if workers == 0:
            return [task() for task in tasks]
    with (workers() if callable(workers) else spawned(workers)) as executor:
        return [future.result() for future in [executor.submit(task) for task in tasks]]


def spawned(workers: int) -> ProcessPoolExecutor:
    """A pool of so many fresh processes."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
