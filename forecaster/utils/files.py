"""Atomic writes: a temporary file in the same folder, then renamed to its path."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

METADATA = "note"  # name of the array of the metadata, kept for files of earlier versions


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
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive.items())
            return arrays, json.loads(arrays.pop(METADATA).tobytes())
        except Exception as error:  # zipfile, NumPy and JSON raise many types of errors
            raise ValueError(f"The file {str(path)!r} is damaged: {error}. Delete it.") from error


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
            stored = dict(json.loads(file.read_text(encoding="utf-8")))
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
