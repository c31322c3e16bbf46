"""Executors that run tasks in this process, in spawned processes, or on a cluster."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from functools import partial
from numbers import Integral
from typing import Any, NoReturn, ParamSpec, TypeAlias, TypeVar

from forecaster.utils.checks import check_integer
from forecaster.utils.processes import QuietContext, start_worker

Workers: TypeAlias = int | Callable[[], Executor]
P = ParamSpec("P")
T = TypeVar("T")

WORKER_LOST = (
    "A worker ended before its task did. It may have been killed for want of memory: try fewer "
    "`workers`. Or the script that was started has no `if __name__ == '__main__':` above its "
    "calls, which every new process needs."
)


def check_workers(workers: object) -> None:
    """Check that `workers` is a number of processes, or a function that makes an executor."""
    if isinstance(workers, Integral):
        check_integer("workers", workers, minimum=0)
    elif not callable(workers):
        raise TypeError(
            "`workers` must be a number of processes, or a function that makes a "
            f"concurrent.futures.Executor. Received: workers={workers!r}. For example 4, or "
            "`client.get_executor` of Dask."
        )


def run_all(
    tasks: Sequence[Callable[[], T]], workers: Workers, on_done: Callable[[], None] | None = None
) -> list[T]:
    """Run every task; return the results in the order of the tasks.

    Args:
        tasks: calls without arguments; for processes they must be picklable.
        workers: 0 runs them in this process one by one; a number spawns this many processes
            (TensorFlow does not survive a fork); a function makes a
            `concurrent.futures.Executor`, such as `client.get_executor` of Dask.
        on_done: called after each task, perhaps from another thread; None calls nothing.

    Raises:
        TypeError, ValueError: if `workers` is something else, or a task cannot be pickled for a new
            process.
        RuntimeError: if a process ended before its task did.
        Exception: the first that a task raised; tasks that have not begun are cancelled.
    """
    check_workers(workers)
    if not callable(workers):
        processes = min(workers, len(tasks))
        if processes == 0:
            workers = SerialExecutor
        else:
            workers, tasks = partial(spawned, processes), [PicklableTask(task) for task in tasks]
    with workers() as executor:
        futures = []
        for task in tasks:
            futures.append(executor.submit(task))
            if on_done is not None:
                futures[-1].add_done_callback(lambda _: on_done())
        try:
            return [future.result() for future in futures]
        except BrokenExecutor as error:
            raise RuntimeError(WORKER_LOST) from error
        finally:
            for future in futures:
                future.cancel()  # has no effect on those that are done


def spawned(count: int, *, first: int = 0, of: int | None = None) -> ProcessPoolExecutor:
    """Make a pool of spawned worker processes, which share the machine with other pools.

    Args:
        count: processes in this pool.
        first: number of its first worker among all, from 0.
        of: number of workers in all pools; None is `count`.
    """
    context = QuietContext()
    numbers = context.SimpleQueue()
    for number in range(first, first + count):
        numbers.put(number)
    workers = count if of is None else of
    return ProcessPoolExecutor(count, context, start_worker, (numbers, workers))


class SerialExecutor(Executor):
    """Serial executor: runs a task when it is submitted; its error is raised at once."""

    def submit(self, task: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a task; return its result in a future.

        Raises:
            BaseException: that the task raised, Ctrl-C included.
        """
        future: Future[T] = Future()
        future.set_result(task(*args, **kwargs))
        return future


class WorkerSlot:
    """Worker slot: runs one task after another on an executor of its own.

    The executor is replaced when it is broken, so that the death of a worker affects no other slot;
    and after `lifetime` tasks, so that memory leaked by its process does not add up.

    Args:
        make: makes the executor.
        lifetime: number of tasks that an executor runs; None is all.
    """

    def __init__(self, make: Callable[[], Executor], lifetime: int | None = None) -> None:
        self.make, self.lifetime = make, lifetime
        self.executor: Executor | None = None
        self.tasks = 0

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Submit a task; the previous one must be done.

        Raises:
            ValueError: if a new executor accepts no task.
        """
        executor = self.executor
        if executor is None or self.tasks == self.lifetime:
            executor = self._renew()
        try:
            future = executor.submit(task)
        except RuntimeError:  # it is broken, or was shut down
            future = _submit_first(self._renew(), task)
        self.tasks += 1
        return future

    def works(self) -> bool:
        """Return whether an empty task runs."""
        try:
            self.submit(_do_nothing).result()
        except Exception:
            return False
        return True

    def __enter__(self) -> WorkerSlot:
        return self

    def __exit__(self, *_: Any) -> None:
        """Wait for the running task, if there is one, and shut the executor down."""
        if self.executor is not None:
            self.executor.shutdown(wait=True)
            self.executor = None

    def _renew(self) -> Executor:
        """Shut the executor down, and return a new one."""
        if self.executor is not None:
            self.executor.shutdown(wait=False)
        self.executor, self.tasks = self.make(), 0
        return self.executor


def _submit_first(executor: Executor, task: Callable[[], T]) -> Future[T]:
    """Submit the first task of a new executor.

    Raises:
        ValueError: if it accepts none.
    """
    try:
        return executor.submit(task)
    except RuntimeError as error:
        raise ValueError(
            "`workers` must make executors that take tasks. Received: one that does not: "
            f"{error}. Make a new one in every call."
        ) from error


def _do_nothing() -> None:
    """Do nothing, as the task of a test of a worker."""


class PicklableTask:
    """Turn a pickling failure of a task into a TypeError raised by the task.

    Without it, a task that cannot be unpickled in a worker breaks the whole pool.
    """

    def __init__(self, task: Callable[[], Any]) -> None:
        self.task = task

    def __call__(self) -> Any:
        return self.task()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[bytes] | tuple[str]]:
        try:
            return _unpickled, (pickle.dumps(self.task),)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            return _failing_task, (str(error),)


def _unpickled(pickled: bytes) -> Callable[[], Any]:
    """Restore a task; if that fails, return one that raises the reason."""
    try:
        return pickle.loads(pickled)
    except Exception as error:
        return _failing_task(str(error))


def _failing_task(reason: str) -> Callable[[], Any]:
    """Make a task that raises a TypeError."""
    return partial(_raise_not_picklable, reason)


def _raise_not_picklable(reason: str) -> NoReturn:
    """Raise the TypeError of a task that cannot be pickled."""
    raise TypeError(
        "`workers` must be 0 for what cannot be sent to a new process. "
        f"Received: {reason}. Write a custom network as a function of a module that can be "
        "imported (not in a notebook, nor inside another function)."
    )
