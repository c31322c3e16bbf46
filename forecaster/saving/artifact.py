"""Artifacts: a directory on disk <-> metadata and a Keras model.

    saved_model.pb, variables/   the serving graph, which needs only TensorFlow: see serving.py
    weights.npz                  the weights, for `load`
    history.npz                  the last rows of the history, where they are kept
    manifest.json                format, parameters, inputs of the graph, columns, versions, and the
                                 SHA-256 of every file

Who owns what: `save` locks `path` (locks.py), writes a new directory beside it, then moves the
old artifact aside and the new one to `path`. Only a save moves or deletes anything. `load` reads
`path`, or, between those two moves, the artifact that was moved aside; so a whole artifact can be
loaded at every moment, also after a save was killed. Nothing is pickled, nothing in the directory
is evaluated as code, and nothing is read before it is checked: sizes, then hashes, then contents.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forecaster.saving.manifest import (
    LIBRARIES,
    MANIFEST,
    ArtifactError,
    check_history,
    check_manifest,
    check_weights,
    damaged,
    digest,
    is_manifest,
    read_manifest,
)
from forecaster.saving.schema import FORMAT_VERSION
from forecaster.saving.serving import ENDPOINT, Serving
from forecaster.utils.files import (
    LARGEST_JSON,
    arrays_in,
    check_arrays,
    open_regular,
    read_json,
    sha256,
    write_arrays,
    write_whole,
)
from forecaster.utils.locks import locked

WEIGHTS, HISTORY = "weights.npz", "history.npz"
NEEDED = (WEIGHTS, "saved_model.pb", "variables/variables.index")
LARGEST_REST = 2**28  # bytes of a file of the graph, beside eight for each of the weights

# Metadata, weights in the model's order, and the history by name, where it is kept.
Loaded = tuple[dict[str, Any], list[np.ndarray], dict[str, np.ndarray] | None]


def save(
    path: str | PathLike,
    model: keras.Model,
    serving: Serving,
    metadata: dict[str, Any],
    history: dict[str, np.ndarray] | None,
    *,
    overwrite: bool,
) -> None:
    """Write an artifact.

    Args:
        path: the directory, which must not exist yet, or be empty, or be an artifact where
            `overwrite` is on. ``~`` is the home directory; a link is followed, and stays.
        model: as `build_model` makes it.
        serving: specification of its serving graph.
        metadata: JSON-compatible values that `load` returns.
        history: arrays by name, or None.
        overwrite: whether an existing artifact is replaced, with all files in it.

    Raises:
        FileExistsError: if `path` exists and may not be replaced.
        OSError: if it cannot be written; what was at `path` stays whole.
    """
    path = _absolute(path)
    _check_replaceable(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):  # others who save to this path wait for their turn
        _finish_interrupted(path)
        _check_replaceable(path, overwrite)
        try:
            _write(_siblings(path)[0], model, serving, metadata, history)
            _move_into_place(path)
        except BaseException as error:
            _finish_interrupted(path)
            if isinstance(error, tf.errors.OpError):  # TensorFlow's error for a full disk
                raise OSError(f"`path` cannot be written: {path}. {error.message}") from error
            raise


def load(path: str | PathLike) -> Loaded:
    """Read the metadata, the weights in the model's order, and the history; check every file.

    Metadata of an earlier format are upgraded to the current one.

    Raises:
        FileNotFoundError: if nothing is at `path`.
        ArtifactError: if it is not an artifact, or of a later format, or damaged; a ValueError.
    """
    path = _absolute(path)
    identity = _identity(path)
    while True:
        try:
            return _read(_current_directory(path))
        except (OSError, ValueError):
            # A concurrent save may have moved the files while they were read: then read again.
            before, identity = identity, _identity(path)
            if identity == before:
                raise


def not_built(path: str | PathLike, error: Exception) -> ArtifactError:
    """Return the error of an artifact that no forecaster can be built of."""
    first_line = str(error).partition("\n")[0][:500]
    reason = f"describes what cannot be built ({type(error).__name__}: {first_line})"
    return damaged(_absolute(path), MANIFEST, reason)


def _absolute(path: str | PathLike) -> Path:
    return Path(
        os.path.realpath(Path(path).expanduser())
    )  # links that are circles stay as they are


def _siblings(path: Path) -> tuple[Path, Path]:
    """Return where a new artifact is written, and where the old one is kept meanwhile."""
    return path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.previous")


def _check_replaceable(path: Path, overwrite: bool) -> None:
    """Check that nothing is at a path but an empty folder, or an artifact to be overwritten."""
    if not path.exists() or (overwrite and _is_artifact(path)):
        return
    if path.is_dir() and not any(path.iterdir()) and path != Path.cwd():
        return
    advice = (
        "It is no artifact, so it is never replaced: choose another path."
        if overwrite or not _is_artifact(path)
        else "Call save(path, overwrite=True) to replace an artifact."
    )
    raise FileExistsError(f"`path` must not exist yet. Received: path={str(path)!r}. {advice}")


def _move_into_place(path: Path) -> None:
    """Move the new artifact to its path, in one step or, where there is an old one, in two."""
    fresh, previous = _siblings(path)
    if path.exists():
        shutil.copymode(path, fresh)  # who may read it is the user's choice
        if any(path.iterdir()):
            path.rename(previous)
        else:
            path.rmdir()
    fresh.rename(path)
    shutil.rmtree(previous, ignore_errors=True)


def _finish_interrupted(path: Path) -> None:
    """Restore the old artifact, and remove the files, that an interrupted save left."""
    fresh, previous = _siblings(path)
    if _current_directory(path) == previous:
        previous.rename(path)
    shutil.rmtree(previous, ignore_errors=True)
    shutil.rmtree(fresh, ignore_errors=True)


def _current_directory(path: Path) -> Path:
    """Return the directory that holds the artifact of `path` now.

    Between the two moves of a save it is that of the old one: then the new one, whole, is there
    too. Without the new one, what was at `path` was deleted, and does not come back.
    """
    fresh, previous = _siblings(path)
    is_between = not path.exists() and previous.exists() and _is_artifact(fresh)
    return previous if is_between else path


def _identity(path: Path) -> tuple[int, int] | None:
    """Identify the current artifact, to notice its replacement; None where there is none."""
    try:
        status = _current_directory(path).stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def _read(directory: Path) -> Loaded:
    if not directory.exists():
        raise FileNotFoundError(
            f"`path` must be an artifact. Received: path={str(directory)!r}. Nothing is there. "
            "Write one with model.save(path)."
        )
    manifest = read_manifest(directory)
    _check_listing(directory, manifest["files"], manifest.get("sizes"))
    history = None
    if HISTORY in manifest["files"]:
        history = _arrays(directory, HISTORY, manifest)
    with _naming(directory, HISTORY):
        check_history(manifest, history)
    weights = _arrays(directory, WEIGHTS, manifest)
    with _naming(directory, WEIGHTS):
        check_weights(manifest, weights)
    for name in manifest["files"].keys() - {WEIGHTS, HISTORY}:
        with _naming(directory, name), open_regular(directory / name, follow_links=False) as file:
            _check_digest(file, manifest["files"][name])
    return manifest, list(weights.values()), history


def _arrays(directory: Path, name: str, manifest: dict[str, Any]) -> dict[str, np.ndarray]:
    """Read the arrays of a file, from the very bytes that were checked."""
    with _naming(directory, name), open_regular(directory / name, follow_links=False) as file:
        try:
            check_arrays(file)  # before its content is read: it may declare more than memory holds
        except ValueError as error:
            raise ValueError(f"differs from what was saved: it {error}") from error
        _check_digest(file, manifest["files"][name])
        return arrays_in(file)[0]


@contextmanager
def _naming(directory: Path, name: str) -> Iterator[None]:
    """Let errors name the file of an artifact that is damaged."""
    try:
        yield
    except ArtifactError:
        raise
    except ValueError as error:
        raise damaged(directory, name, error) from error


def _check_digest(file: io.BufferedReader, expected: str) -> None:
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != expected:
        raise ValueError("differs from what was saved")
    file.seek(0)


def _check_listing(
    directory: Path, listed: Collection[str], expected: Mapping[str, int] | None
) -> None:
    """Check that a folder holds the files of a manifest, of their sizes, and no others.

    Hidden files are let through, which desktops and version control add, and `assets.extra`, in
    which servers look for what is not of the model.
    """
    sizes = {}
    for parent, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if name[0] != "." and name != "assets.extra"]
        for name in (*folders, *(name for name in files if name[0] != ".")):
            status = (file := Path(parent, name)).lstat()
            relative = file.relative_to(directory).as_posix()
            if stat.S_ISREG(status.st_mode):
                sizes[relative] = status.st_size
            elif not stat.S_ISDIR(status.st_mode):
                is_link = stat.S_ISLNK(status.st_mode)
                raise damaged(directory, relative, "is a link" if is_link else "is no regular file")
    for name in (*NEEDED, *listed):
        if name not in sizes or name not in listed:
            raise damaged(directory, name, "is missing")
    for name in sizes.keys() - {MANIFEST, *listed}:
        raise damaged(directory, name, "is not listed in its manifest, so nobody checked it")
    if expected is None:  # in older artifacts: then a graph may be as large as graphs usually are
        largest = LARGEST_REST + 8 * sizes[WEIGHTS]
        expected = {name: min(sizes[name], largest) for name in listed if name[-4:] != ".npz"}
    for name, size in expected.items():
        if sizes.get(name) != size:
            raise damaged(directory, name, f"differs from what was saved: {sizes.get(name)} bytes")


def _is_artifact(directory: Path) -> bool:
    try:
        return is_manifest(read_json(directory / MANIFEST))
    except (OSError, ValueError):
        return False


def _write(
    directory: Path,
    model: keras.Model,
    serving: Serving,
    metadata: dict[str, Any],
    history: dict[str, np.ndarray] | None,
) -> None:
    weights = {f"{number:05}": value for number, value in enumerate(model.get_weights())}
    for value in weights.values():
        if not np.isfinite(value.astype(np.float64)).all():
            raise ValueError(
                "A forecaster must have finite weights to be saved. Received: weights that are NaN "
                "or infinite. Fit it again, for instance with a lower learning rate."
            )
    serving.write(directory, model)
    write_arrays(directory / WEIGHTS, weights)
    if history is not None:
        write_arrays(directory / HISTORY, history)
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    for file in files:
        with open(file, "r+b") as stream:
            os.fsync(stream.fileno())  # a full or lost disk fails here, while the old one is whole
    manifest = {
        "format_version": FORMAT_VERSION,
        **metadata,
        ENDPOINT: serving.description(),
        "versions": {library: version(library) for library in LIBRARIES},
        "files": {file.relative_to(directory).as_posix(): sha256(file) for file in files},
        "sizes": {file.relative_to(directory).as_posix(): file.stat().st_size for file in files},
    }
    check_manifest(manifest)
    manifest["manifest_sha256"] = digest(manifest)
    text = json.dumps(manifest, indent=2, allow_nan=False) + "\n"  # for other tools and people too
    if len(text) > LARGEST_JSON:
        raise ValueError(
            f"A forecaster must have fewer ids or categories to be saved. Received: a manifest of "
            f"{len(text)} bytes, where {LARGEST_JSON} can be loaded. Fit on parts of the ids."
        )
    write_whole(directory / MANIFEST, lambda stream: stream.write(text.encode()))
