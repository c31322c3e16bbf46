"""The one seam to executors: in process, in spawned processes, or wherever an executor runs."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from functools import partial
from numbers import Integral
from typing import Any

from forecaster.utils.checks import check_integer
from forecaster.utils.processes import QuietContext

Workers = int | Callable[[], Executor]

WORKER_LOST = (
    "A worker ended before its task did. It may have been killed for want of memory: try fewer "
    "`workers`. Or the script that was started has no `if __name__ == '__main__':` above its "
    "calls, which every new process needs."
)


def check_workers(workers: Any) -> None:
    """`workers` is a number of processes, or a function that makes an executor."""
    if isinstance(workers, Integral):
        check_integer("workers", workers, minimum=0)
    elif not callable(workers):
        raise TypeError(
            "`workers` must be a number of processes, or a function that makes a "
            f"concurrent.futures.Executor. Received: workers={workers!r}. For example 4, or "
            "`client.get_executor` of Dask."
        )


def run_all(tasks: Sequence[Callable[[], Any]], workers: Workers) -> list:
    """Run every task, and give their results in the order of the tasks.

    Args:
        tasks: calls without arguments; for processes they must be picklable.
        workers: 0 runs them here one by one; a number spawns so many processes (TensorFlow does
            not survive a fork); a function makes a `concurrent.futures.Executor`, such as
            `client.get_executor` of Dask.

    Raises:
        TypeError, ValueError: if `workers` is something else, or a task cannot travel to a new
            process.
        RuntimeError: if a process ended before its task did.
        Exception: the first that a task raised; tasks that have not begun by then never do.
    """
    check_workers(workers)
    if not callable(workers):
        processes = min(workers, len(tasks))
        if processes == 0:
            workers = Here
        else:
            workers, tasks = partial(spawned, processes), [Parcel(task) for task in tasks]
    with workers() as executor:
        futures = [executor.submit(task) for task in tasks]
        try:
            return [future.result() for future in futures]
        except BrokenExecutor as error:
            raise RuntimeError(WORKER_LOST) from error
        finally:
            for future in futures:
                future.cancel()  # has no effect on those that are done


def spawned(workers: int, start: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """A pool of so many fresh processes, each of which begins with `start`."""
    return ProcessPoolExecutor(workers, QuietContext(), start)


class Here(Executor):
    """Runs a task when it is submitted; its error, and Ctrl-C, come straight out."""

    def submit(self, task, /, *args, **kwargs) -> Future:
        future = Future()
        future.set_result(task(*args, **kwargs))
        return future


class Slot:
    """A place where one task after another runs, with an executor of its own.

    The executor is made anew when it broke, so that a worker that dies takes nothing else with it;
    and after so many tasks, so that what its process never gives back does not add up.

    Args:
        make: makes the executor.
        lifetime: how many tasks an executor runs; None is all.
    """

    def __init__(self, make: Callable[[], Executor], lifetime: int | None = None):
        self.make, self.lifetime = make, lifetime
        self.executor: Executor | None = None
        self.tasks = 0

    def submit(self, task: Callable[[], Any]) -> Future:
        """Begin a task; the one before must be done.

        Raises:
            ValueError: if a new executor takes no tasks.
        """
        if self.executor is None or self.tasks == self.lifetime:
            self._renew()
        try:
            future = self.executor.submit(task)
        except RuntimeError:  # it is broken, or was shut down
            self._renew()
            future = self._first(task)
        self.tasks += 1
        return future

    def works(self) -> bool:
        """Whether a task that does nothing comes back."""
        try:
            self.submit(_do_nothing).result()
        except Exception:
            return False
        return True

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, *_: Any) -> None:
        """Wait for the task that runs, if one does, and let the executor go."""
        if self.executor is not None:
            self.executor.shutdown(wait=True)
            self.executor = None

    def _renew(self):
        if self.executor is not None:
            self.executor.shutdown(wait=False)
        self.executor, self.tasks = self.make(), 0

    def _first(self, task):
        try:
            return self.executor.submit(task)
        except RuntimeError as error:
            raise ValueError(
                "`workers` must make executors that take tasks. Received: one that does not: "
                f"{error}. Make a new one in every call."
            ) from error


def _do_nothing() -> None:
    """What a worker can do if it can do anything."""


class Parcel:
    """A task that says what is the matter when it cannot travel to another process.

    Left alone, a task that cannot be read where it arrives takes the whole pool down.
    """

    def __init__(self, task: Callable[[], Any]):
        self.task = task

    def __call__(self):
        return self.task()

    def __reduce__(self):
        try:
            return _unpacked, (pickle.dumps(self.task),)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            return _stuck, (str(error),)


def _unpacked(parcel: bytes) -> Callable[[], Any]:
    try:
        return pickle.loads(parcel)
    except Exception as error:
        return _stuck(str(error))


def _stuck(reason: str) -> Callable[[], Any]:
    return partial(_refuse, reason)


def _refuse(reason: str) -> None:
    raise TypeError(
        "`workers` must be 0 for what cannot be sent to a new process. "
        f"Received: {reason}. Write a custom network as a function of a module that can be "
        "imported (not in a notebook, nor inside another function)."
    )
