"""Files that are whole at every moment: written beside their place, then moved into it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


def write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """`write` fills a temporary file, which then takes the place of `path` in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path: Path, arrays: dict[str, np.ndarray], note: Any = None) -> None:
    """Arrays and a note of plain data in one `.npz` file, without pickle.

    Raises:
        ValueError: if an array holds Python objects, which only a pickle could hold.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(
                f"Arrays must hold numbers, because nothing is pickled. Received: {name!r} of "
                f"dtype {array.dtype}."
            )
    text = np.frombuffer(json.dumps(note).encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, **arrays, note=text))


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """What `write_arrays` wrote: the arrays in their order, and the note.

    Raises:
        OSError: if there is no such file, or it cannot be read.
        ValueError: if it is damaged.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive.items())
            return arrays, json.loads(arrays.pop("note").tobytes())
        except Exception as error:  # the archive and the formats in it fail in a dozen ways
            raise ValueError(f"The file {str(path)!r} is damaged: {error}. Delete it.") from error


def write_plain(path: Path, plain: Any) -> None:
    """Plain data as a JSON file; one that holds them already keeps its time."""
    text = json.dumps(plain, indent=2).encode()
    if not (path.exists() and path.read_bytes() == text):
        write_whole(path, lambda file: file.write(text))


def reserve_folder(path: Path, identity: dict[str, Any], *, argument: str, kind: str) -> Path:
    """Make a folder the place where the work with this `identity` is kept; gives the folder.

    Args:
        path: the folder; it is made where there is none.
        identity: plain data that another work of the kind would differ in.
        argument: what the user calls the folder.
        kind: the kind of work, such as "fit"; the identity goes into a file of that name.

    Raises:
        ValueError: if another is kept there, and the error says what differs; or if what is kept
            there is damaged.
        OSError: if it cannot be made, or written.
    """
    path.mkdir(parents=True, exist_ok=True)
    file = path / f"{kind}.json"
    if file.exists():
        try:
            kept = dict(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"`{argument}` must be empty or hold this {kind}. Received: {str(path)!r}, whose "
                f"file {file.name!r} is damaged. Delete the folder, or choose another."
            ) from error
        different = [name for name in identity if kept.get(name) != identity[name]]
        if different:
            raise ValueError(
                f"`{argument}` must be empty or hold this {kind}. Received: {str(path)!r}, which "
                f"holds one that differs in {', '.join(different)}. Choose another folder."
            )
    write_plain(file, identity)
    return path


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
