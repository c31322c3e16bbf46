"""Processes that TensorFlow runs in: spawned ones, and why forked ones are refused.

`spawned` in executors.py makes pools of spawned worker processes, without start-up messages, on
their share of the machine; `start_worker` is the initializer of each, which also ends it with its
parent.

A forked process has none of its parent's threads, so that TensorFlow, once it has started its own,
would wait for them forever in there. `mark_tensorflow_start` remembers where it has started.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process, reduction
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.queues import SimpleQueue
from typing import Any, TextIO

# The process in which TensorFlow has started its threads; a forked one finds its parent here.
_STARTED_IN: set[int] = set()


def check_not_forked() -> None:
    """Check that this process was not forked from one in which TensorFlow had started.

    Raises:
        RuntimeError: if it was: TensorFlow would hang.
    """
    if _STARTED_IN - {os.getpid()}:
        raise RuntimeError(
            "TensorFlow must start in the process that uses it. Received: a process that was "
            "forked after a model was made in its parent; TensorFlow's threads are missing here, "
            "and it would hang. Start processes by multiprocessing's method 'spawn' or "
            "'forkserver' (multiprocessing.get_context('spawn')), or by joblib's backend 'loky'; "
            "or fork before the first fit or load."
        )


def mark_tensorflow_start() -> None:
    """Mark that TensorFlow starts its threads in this process, which must not be a forked one.

    Raises:
        RuntimeError: as `check_not_forked`.
    """
    check_not_forked()
    _STARTED_IN.add(os.getpid())


@contextmanager
def held_back_stderr() -> Iterator[TextIO]:
    """Suppress output to file descriptor 2, such as TensorFlow's start-up messages.

    If the body raises, the suppressed output is shown.

    Yields:
        A stream to the file that the descriptor pointed to.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught, open(os.dup(2), "w", errors="replace") as terminal:
        os.dup2(caught.fileno(), 2)
        try:
            yield terminal
        except Exception:
            sys.stderr.flush()
            caught.seek(0)
            terminal.write(caught.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.flush()
            terminal.flush()
            os.dup2(terminal.fileno(), 2)


class QuietProcess(SpawnProcess):
    """Spawned process whose standard error is suppressed until it runs its first task.

    Before that it imports the main script of its parent, and with it TensorFlow.
    """

    def start(self) -> None:
        with held_back_stderr() as terminal:
            self._terminal = _Inherited(terminal.fileno())
            super().start()

    def run(self) -> None:
        os.dup2(self._terminal.descriptor, 2)
        super().run()


class QuietContext(SpawnContext):
    """Context of multiprocessing in which `ProcessPoolExecutor` makes a `QuietProcess`."""

    Process = QuietProcess


def start_worker(numbers: SimpleQueue[int], workers: int) -> None:
    """Initialize a worker process: its GPU, or its share of the cores.

    Args:
        numbers: queue of the numbers of the processes, from 0; this one takes the next.
        workers: number of processes that share the machine.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once, without a traceback
    threading.Thread(target=_end_with_parent, daemon=True).start()
    number = numbers.get()
    with held_back_stderr():
        import tensorflow as tf
        from joblib import cpu_count

        gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        tf.config.set_visible_devices(gpus[number % len(gpus)], "GPU")
        return
    threads = max(cpu_count() // workers, 1)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _end_with_parent() -> None:
    """End this process when its parent has ended, instead of waiting for tasks forever."""
    parent = parent_process()
    if parent is not None:  # None in a process that was not spawned
        parent.join()
        os._exit(1)


class _Inherited:
    """File descriptor that is duplicated into the new process."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Callable[[int], Any], tuple[int]]:
        return _Inherited, (reduction.DupFd(self.descriptor).detach(),)
