"""Files that are already on this machine, recognised by their content.

A copy from a colleague, another tool's cache or a data disk has its own name and is often packed.
The SHA-256 of the unpacked content tells what it is all the same, and that it is whole.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO

LOCAL_DATA = "KERAS_FORECASTER_DATA"
_BLOCK = 2**20  # bytes read at a time


def find_local(sha256: str, likely_name: str) -> Path | None:
    """Find the file whose unpacked content has this hash in the user's directory of data.

    Args:
        sha256: hash of the unpacked content, in hexadecimal.
        likely_name: the name the file has at its source. Files named like it are looked at first,
            because every file that is looked at is read whole (once in a process).

    Returns:
        The path of the file, to be opened with `open_unpacked`; None where the environment
        variable `KERAS_FORECASTER_DATA` is not set or no file below its directory fits.

    Raises:
        ValueError: `KERAS_FORECASTER_DATA` names something that is not a directory.
    """
    if not (setting := os.environ.get(LOCAL_DATA)):
        return None
    directory = Path(setting).expanduser()
    if not directory.is_dir():
        raise ValueError(
            f"`{LOCAL_DATA}` must be a directory. Received: {LOCAL_DATA}={setting!r}. "
            "Create it, or unset the environment variable to download instead."
        )
    stem = Path(likely_name).stem.lower()
    files = (path for path in directory.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: (stem not in path.name.lower(), path)):
        status = path.stat()
        if _unpacked_sha256(path, status.st_size, status.st_mtime_ns) == sha256:
            return path
    return None


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a plain or packed file (.gz, .bz2, .xz, .zip with one member) for its content.

    The first bytes tell the packing, not the name.
    """
    with path.open("rb") as file:
        start = file.read(max(map(len, _UNPACKERS)))
    for signature, unpack in _UNPACKERS.items():
        if start.startswith(signature):
            return unpack(path)
    return path.open("rb")


def _open_gzip(path: Path) -> IO[bytes]:
    return io.BufferedReader(gzip.open(path))


def _open_only_member(path: Path) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise zipfile.BadZipFile(f"{path} holds {len(members)} files instead of one.")
        return archive.open(members[0])  # stays open: the archive is closed with its last reader


_UNPACKERS: dict[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": _open_gzip,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"PK\x03\x04": _open_only_member,
}
# What files raise that are damaged, encrypted (RuntimeError), packed under a name that is no text
# (ValueError) or not ours to read: none of them is the one that is sought.
_NOT_READABLE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


@cache
def _unpacked_sha256(path: Path, size: int, mtime_ns: int) -> str | None:
    """Hash the unpacked content; `size` and `mtime_ns` only tell when a remembered hash is old."""
    try:
        with open_unpacked(path) as file:
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
            return digest.hexdigest()
    except _NOT_READABLE:
        return None
