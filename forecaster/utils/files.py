"""Files that are written whole, and read with guards.

Who owns what: `write_whole` writes to a temporary file in the same folder, then renames it. Every
file that is read back passes `open_regular`; `read_json` and `read_arrays` refuse, with a
ValueError and before anything is allocated for it, what no writer of ours makes: devices and pipes,
texts that nest without end, numbers that no float holds, compressed or overlapping arrays, shapes
that the file has no bytes for. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

METADATA = "note"  # name of the array of the metadata, kept for files of earlier versions
LARGEST_JSON = 2**28  # bytes; the manifest of a panel of a million ids has a quarter of them
_LARGEST_INTEGER = 2**64  # ids may be unsigned
_LONGEST_HEADER = 10_000  # bytes of a NumPy header, as NumPy has it


def open_regular(path: Path, *, follow_links: bool = True) -> io.BufferedReader:
    """Open a file to read, but no device, pipe or folder, at which one could wait forever.

    Raises:
        OSError: if it does not exist, or cannot be read.
        ValueError: if it is no regular file; or a link, where they are not followed.
    """
    if not follow_links and path.is_symlink():
        raise ValueError("is a link")
    links = 0 if follow_links else getattr(os, "O_NOFOLLOW", 0)
    flags = os.O_RDONLY | links | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("is no regular file")
    return file


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file, and rename it to `path` atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path: Path, arrays: dict[str, np.ndarray], metadata: Any = None) -> None:
    """Write arrays, and metadata as JSON, to one `.npz` file, without pickle.

    Raises:
        ValueError: if an array holds Python objects, which only pickle can write.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(
                f"Arrays must hold numbers, because nothing is pickled. Received: {name!r} of "
                f"dtype {array.dtype}."
            )
    text = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    members: dict[str, Any] = {**arrays, METADATA: text}
    write_whole(path, lambda file: np.savez(file, **members))


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """Read the arrays and the metadata that `write_arrays` wrote, in the same order.

    Raises:
        OSError: if the file does not exist, or cannot be read.
        ValueError: if it is damaged.
    """
    try:
        with open_regular(path) as file:
            return arrays_in(file)
    except ValueError as error:
        raise ValueError(f"The file {str(path)!r} is damaged: {error}. Delete it.") from error


def arrays_in(file: BinaryIO) -> tuple[dict[str, np.ndarray], Any]:
    """Read the arrays and the metadata that `write_arrays` wrote to an open file.

    Raises:
        ValueError: if it is damaged.
    """
    try:
        check_arrays(file)
        with np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive.items())
        return arrays, json_in(arrays.pop(METADATA).tobytes())
    except Exception as error:  # zipfile, NumPy and JSON raise many types of errors
        raise ValueError(f"holds no arrays of ours ({_first_line(error)})") from error


def check_arrays(file: BinaryIO) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Check that an open `.npz` file has a byte for every value that it declares.

    Returns:
        The shape and the dtype of each array by name, in the order of the file.

    Raises:
        ValueError: if it was not written by `write_arrays`.
    """
    declared = {}
    size = file.seek(0, os.SEEK_END)
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > size:
                raise ValueError("arrays of more bytes than the file has")
            for member in members:
                name, _, suffix = member.filename.rpartition(".")
                if suffix != "npy" or name in declared or member.compress_type:
                    raise ValueError(
                        f"a member that no array is saved as: {member.filename[:80]!r}"
                    )
                declared[name] = _declared(archive, member)
    except Exception as error:  # zipfile and NumPy raise many types of errors
        raise ValueError(f"holds no arrays of ours ({_first_line(error)})") from error
    file.seek(0)
    return declared


def _declared(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype]:
    """Read the header of an array, and check it against the bytes behind it."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"a header of version {version}")
        read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, _, dtype = read(stream, max_header_size=_LONGEST_HEADER)
        behind = member.file_size - stream.tell()
    if dtype.kind not in "biufcVSUmM" or not dtype.itemsize or dtype.names or dtype.subdtype:
        raise ValueError(f"values of dtype {dtype}, which are no numbers")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != behind:
        raise ValueError(f"an array declared as {shape} {dtype} that has {behind} bytes")
    return shape, dtype


def read_json(path: Path, *, follow_links: bool = True) -> Any:
    """Read a JSON file.

    Raises:
        OSError: if it does not exist, or cannot be read.
        ValueError: if it is no regular file, has more than `LARGEST_JSON` bytes, or is no JSON as
            `json_in` reads it.
    """
    with open_regular(path, follow_links=follow_links) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_JSON:
            raise ValueError(f"has {size} bytes, more than {LARGEST_JSON}")
        return json_in(file.read(LARGEST_JSON))


def json_in(content: bytes) -> Any:
    """Parse JSON in UTF-8, with each key once and numbers that floats hold; NaN is let through.

    Raises:
        ValueError: if it is none.
    """
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_each_key_once,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON of ours ({_first_line(error)})") from error


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number that a float holds")
    return number


def _bounded(text: str) -> int:
    number = int(text) if len(text) < 25 else _LARGEST_INTEGER + 1
    if abs(number) > _LARGEST_INTEGER:
        raise ValueError(f"{text[:20]}... lies beyond 2**64")
    return number


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"


def write_json(path: Path, values: Any) -> None:
    """Write a JSON file; one with the same content is not touched."""
    text = json.dumps(values, indent=2).encode()
    if not (path.exists() and path.read_bytes() == text):
        write_whole(path, lambda file: file.write(text))


def reserve_folder(path: Path, identity: dict[str, Any], *, argument: str, kind: str) -> Path:
    """Reserve a folder for the work with this `identity`; return the folder.

    Args:
        path: the folder; it is created if it does not exist.
        identity: JSON-compatible values that distinguish this work from others of its kind.
        argument: name of the user's argument, for error messages.
        kind: the kind of work, such as "fit"; the identity is written to a file of that name.

    Raises:
        ValueError: if the folder holds another work, with the keys that differ; or if its file is
            damaged.
        OSError: if the folder cannot be created, or written.
    """
    path.mkdir(parents=True, exist_ok=True)
    file = path / f"{kind}.json"
    if file.exists():
        try:
            stored = dict(read_json(file))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"`{argument}` must be empty or hold this {kind}. Received: {str(path)!r}, whose "
                f"file {file.name!r} is damaged. Delete the folder, or choose another."
            ) from error
        different = [name for name in identity if stored.get(name) != identity[name]]
        if different:
            raise ValueError(
                f"`{argument}` must be empty or hold this {kind}. Received: {str(path)!r}, which "
                f"holds one that differs in {', '.join(different)}. Choose another folder."
            )
    write_json(file, identity)
    return path


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
