"""A directory on disk <-> plain data and a Keras model.

    saved_model.pb, variables/   the serving graph, for everybody: see serving.py
    weights.npz                  the weights, for `load`
    history.npz                  the tail of the history, where it was kept
    manifest.json                format, parameters, inputs of the graph, columns, versions, and the
                                 SHA-256 of every file

Who owns what: `save` writes all of it beside its place, then moves the old artifact aside and the
new one in. Only a save moves or deletes anything. `load` reads what is in place, or, between those
two moves, what was moved aside; so a whole artifact can be loaded at every moment, also after a
save was killed. Nothing is pickled, nothing in the directory is evaluated as code.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forecaster.data.covariates import GROUPS
from forecaster.saving.serving import ENDPOINT, Serving
from forecaster.utils.files import read_arrays, sha256, write_arrays, write_whole

FORMAT_VERSION = 2  # goes up with what an earlier version could not load, a new parameter too
MANIFEST, WEIGHTS, HISTORY = "manifest.json", "weights.npz", "history.npz"
LIBRARIES = ("keras-forecaster", "tensorflow", "keras", "numpy", "pandas")


def save(
    path: str | PathLike,
    model: keras.Model,
    serving: Serving,
    note: dict[str, Any],
    history: dict[str, np.ndarray] | None,
    *,
    overwrite: bool,
) -> None:
    """Write an artifact.

    Args:
        path: the directory, which must not exist yet, or be an artifact where `overwrite` is on.
            ``~`` is the home directory; a link is followed, and stays.
        model: as `build_model` makes it.
        serving: what its serving graph is made of.
        note: what else `load` gives back, as data for JSON.
        history: arrays by name, or None.
        overwrite: whether an artifact that is there is replaced, with all that lies in it.

    Raises:
        FileExistsError: if something is in the way.
        OSError: if it cannot be written; what was at `path` stays whole.
    """
    path = _place(path)
    fresh, previous = _siblings(path)
    _finish_interrupted(path)
    if path.exists() and not (overwrite and _manifest(path)):
        advice = (
            "It is no artifact, so it is never replaced: choose another path."
            if overwrite
            else "Call save(path, overwrite=True) to replace an artifact."
        )
        raise FileExistsError(f"`path` must not exist yet. Received: path={str(path)!r}. {advice}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(fresh, model, serving, note, history)
        if path.exists():
            path.rename(previous)
        fresh.rename(path)
    except BaseException as error:
        _finish_interrupted(path)
        if isinstance(error, tf.errors.OpError):  # TensorFlow's own words for a full disk
            raise OSError(f"`path` cannot be written: {path}. {error.message}") from error
        raise
    shutil.rmtree(previous, ignore_errors=True)


def load(
    path: str | PathLike,
) -> tuple[dict[str, Any], list[np.ndarray], dict[str, np.ndarray] | None]:
    """The note, the weights in the model's order, and the history, after every file was checked.

    The note of an earlier format comes as one of today's that means the same.

    Raises:
        FileNotFoundError: if nothing is at `path`.
        ValueError: if it is no artifact, one of a later format, or damaged.
    """
    path, failure, before = _place(path), None, ()
    # A save that goes on meanwhile may move what is being read: then what is there now is read.
    while (now := _identity(path)) != before:
        try:
            return _read(_whereabouts(path))
        except (OSError, ValueError) as error:
            failure, before = error, now
    raise failure


def _place(path: str | PathLike) -> Path:
    return Path(path).expanduser().resolve()


def _siblings(path: Path) -> tuple[Path, Path]:
    """Where an artifact is written before it is moved, and where the one before it waits."""
    return path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.previous")


def _finish_interrupted(path: Path) -> None:
    """Clear away what a save left that did not get to its end."""
    fresh, previous = _siblings(path)
    if previous.exists() and not path.exists():  # it was stopped between its two moves
        previous.rename(path)
    shutil.rmtree(previous, ignore_errors=True)
    shutil.rmtree(fresh, ignore_errors=True)


def _whereabouts(path: Path) -> Path:
    """The directory that holds the artifact of `path` now."""
    _, previous = _siblings(path)
    return previous if previous.exists() and not path.exists() else path


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells the artifact that is there now from one that replaces it."""
    try:
        found = _whereabouts(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_ctime_ns


def _read(
    directory: Path,
) -> tuple[dict[str, Any], list[np.ndarray], dict[str, np.ndarray] | None]:
    if not directory.exists():
        raise FileNotFoundError(
            f"`path` must be an artifact. Received: path={str(directory)!r}. Nothing is there. "
            "Write one with model.save(path)."
        )
    manifest = _checked_manifest(directory)
    for name, expected in manifest["files"].items():
        file = directory / name
        if not file.is_file() or sha256(file) != expected:
            state = "differs from what was saved" if file.is_file() else "is missing"
            raise ValueError(
                f"`path` must be a whole artifact. Received: path={str(directory)!r}; its file "
                f"{name!r} {state}. Save it again."
            )
    weights, _ = read_arrays(directory / WEIGHTS)
    has_history = HISTORY in manifest["files"]
    history = read_arrays(directory / HISTORY)[0] if has_history else None
    return _upgraded(manifest), list(weights.values()), history


def _checked_manifest(directory: Path) -> dict[str, Any]:
    manifest = _manifest(directory)
    if manifest is None:
        raise ValueError(
            f"`path` must be an artifact. Received: path={str(directory)!r}; its file {MANIFEST!r} "
            "is missing or damaged. Write an artifact with model.save(path)."
        )
    if manifest["format_version"] not in range(1, FORMAT_VERSION + 1):
        raise ValueError(
            f"`path` must be an artifact of format {FORMAT_VERSION} or earlier. Received: "
            f"path={str(directory)!r} of format {manifest['format_version']!r}. Load it with the "
            "version of keras-forecaster that wrote it, or with a later one."
        )
    if manifest.pop("manifest_sha256", None) != _digest(manifest):
        raise ValueError(
            f"`path` must be a whole artifact. Received: path={str(directory)!r}; its file "
            f"{MANIFEST!r} differs from what was saved. Save it again."
        )
    return manifest


def _upgraded(note: dict[str, Any]) -> dict[str, Any]:
    """A note of any format as one of format 2."""
    if note["format_version"] > 1:
        return note
    # There was one id, nothing beside the targets, and every window counted the same.
    parameters = {"id_column": None, "weight_column": None, "time_features": None}
    parameters |= {group: [] for group in GROUPS} | note["parameters"]
    training = {"equal_series": False, "windows_per_epoch": None} | parameters["training"]
    time_features = {"names": [], "transitions": [], "offsets": [0], "holidays": {}}
    layout = {"ids": None, "id_name": None, "id_column": False}
    layout |= {group: {"names": [], "categories": []} for group in GROUPS}
    return note | {
        "parameters": parameters | {"training": training},
        "covariates": {"past": [], "future": [], "static": [], "time_features": time_features},
        "layout": layout | note["layout"],
    }


def _manifest(directory: Path) -> dict[str, Any] | None:
    """What the manifest says; None where there is no manifest of ours (others have that name)."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        is_ours = LIBRARIES[0] in manifest["versions"]
        return manifest if is_ours and {"format_version", "files"} <= manifest.keys() else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _digest(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _write(directory, model, serving, note, history) -> None:
    serving.write(directory, model)
    weights = {f"{number:05}": value for number, value in enumerate(model.get_weights())}
    write_arrays(directory / WEIGHTS, weights)
    if history is not None:
        write_arrays(directory / HISTORY, history)
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    for file in files:
        with open(file, "r+b") as stream:
            os.fsync(stream.fileno())  # a disk that is full or lost says so before the old one goes
    manifest = {
        "format_version": FORMAT_VERSION,
        **note,
        ENDPOINT: serving.description(),
        "versions": {library: version(library) for library in LIBRARIES},
        "files": {file.relative_to(directory).as_posix(): sha256(file) for file in files},
    }
    manifest["manifest_sha256"] = _digest(manifest)
    text = json.dumps(manifest, indent=2, allow_nan=False) + "\n"  # others read it too
    write_whole(directory / MANIFEST, lambda stream: stream.write(text.encode()))
