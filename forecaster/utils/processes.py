"""TensorFlow's greetings held back: in this process, and in those that are born."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import reduction
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TextIO


@contextmanager
def held_back_stderr() -> Iterator[TextIO]:
    """Point file descriptor 2 elsewhere; gives a stream to where it pointed."""
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
    """A fresh process whose standard error is held back until its work begins.

    Before that it imports the script of its parent, and with it TensorFlow.
    """

    def start(self) -> None:
        with held_back_stderr() as terminal:
            self._terminal = _Inherited(terminal.fileno())
            super().start()

    def run(self) -> None:
        os.dup2(self._terminal.descriptor, 2)
        super().run()


class QuietContext(SpawnContext):
    """How `ProcessPoolExecutor` makes such processes."""

    Process = QuietProcess


class _Inherited:
    """A file descriptor that is open in the new process too."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __reduce__(self):
        return _Inherited, (reduction.DupFd(self.descriptor).detach(),)
