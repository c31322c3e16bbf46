"""Lock of a path among processes and threads, which the system releases when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_WAIT = 600.0  # seconds
_PAUSE = 0.02  # seconds between two attempts


@contextmanager
def locked(path: Path, *, longest_wait: float = LONGEST_WAIT) -> Iterator[None]:
    """Let one process or thread at a time run the body for a path; others wait.

    The lock is an empty hidden file beside the path, removed afterwards.

    Where the system has no such locks (Windows, some network drives), nothing is locked.

    Raises:
        TimeoutError: if another process or thread holds it for longer than `longest_wait` seconds.
        OSError: if the file cannot be made.
    """
    file = path.with_name(f".{path.name}.lock")
    end = time.monotonic() + longest_wait
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _locks(descriptor):
                if time.monotonic() > end:
                    raise TimeoutError(
                        f"`path` must not be written by others for {longest_wait:.0f} seconds. "
                        f"Received: {str(path)!r}, which another process or thread is writing. "
                        "Wait for it, or choose another path."
                    )
                time.sleep(_PAUSE)
            elif _is_of(
                descriptor, file
            ):  # else its last holder has removed it since it was opened
                try:
                    yield
                finally:
                    with contextlib.suppress(OSError):
                        file.unlink()
                return
        finally:
            os.close(descriptor)


def _locks(descriptor: int) -> bool:
    """Return whether a file could be locked; True where the system has no locks."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _is_of(descriptor: int, file: Path) -> bool:
    """Return whether an open file is the one at a path still."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(file))
    except FileNotFoundError:
        return False
