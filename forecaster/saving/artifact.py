"""Artifacts: a directory on disk <-> metadata and a Keras model.

    saved_model.pb, variables/   the serving graph, which needs only TensorFlow: see serving.py
    weights.npz                  the weights, for `load`
    history.npz                  the last rows of the history, where they are kept
    manifest.json                format, parameters, inputs of the graph, columns, versions, and the
                                 SHA-256 of every file

Who owns what: `save` writes a new directory beside `path`, then moves the old artifact aside and
the new one to `path`. Only a save moves or deletes anything. `load` reads `path`, or, between those
two moves, the artifact that was moved aside; so a whole artifact can be loaded at every moment,
also after a save was killed. Nothing is pickled, nothing in the directory is evaluated as code.
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

from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.saving.serving import ENDPOINT, Serving
from forecaster.utils.files import read_arrays, sha256, write_arrays, write_whole

FORMAT_VERSION = 2  # increased by every change that an earlier version cannot load
MANIFEST, WEIGHTS, HISTORY = "manifest.json", "weights.npz", "history.npz"
LIBRARIES = ("keras-forecaster", "tensorflow", "keras", "numpy", "pandas")

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
        path: the directory, which must not exist yet, or be an artifact where `overwrite` is on.
            ``~`` is the home directory; a link is followed, and stays.
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
        _write(fresh, model, serving, metadata, history)
        if path.exists():
            path.rename(previous)
        fresh.rename(path)
    except BaseException as error:
        _finish_interrupted(path)
        if isinstance(error, tf.errors.OpError):  # TensorFlow's error for a full disk
            raise OSError(f"`path` cannot be written: {path}. {error.message}") from error
        raise
    shutil.rmtree(previous, ignore_errors=True)


def load(path: str | PathLike) -> Loaded:
    """Read the metadata, the weights in the model's order, and the history; check every file.

    Metadata of an earlier format are upgraded to the current one.

    Raises:
        FileNotFoundError: if nothing is at `path`.
        ValueError: if it is not an artifact, or of a later format, or damaged.
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


def _absolute(path: str | PathLike) -> Path:
    return Path(path).expanduser().resolve()


def _siblings(path: Path) -> tuple[Path, Path]:
    """Return where a new artifact is written, and where the old one is kept meanwhile."""
    return path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.previous")


def _finish_interrupted(path: Path) -> None:
    """Restore the old artifact, and remove the files, that an interrupted save left."""
    fresh, previous = _siblings(path)
    if previous.exists() and not path.exists():  # interrupted between its two moves
        previous.rename(path)
    shutil.rmtree(previous, ignore_errors=True)
    shutil.rmtree(fresh, ignore_errors=True)


def _current_directory(path: Path) -> Path:
    """Return the directory that holds the artifact of `path` now."""
    _, previous = _siblings(path)
    return previous if previous.exists() and not path.exists() else path


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


def _upgraded(metadata: dict[str, Any]) -> dict[str, Any]:
    """Upgrade metadata of any format to format 2."""
    if metadata["format_version"] > 1:
        return metadata
    # Format 1 had one id, no covariates, no time features, and the same weight for every window.
    parameters: dict[str, Any] = {"id_column": None, "weight_column": None, "time_features": None}
    parameters |= {role: [] for role in COVARIATE_ROLES} | metadata["parameters"]
    training = {"equal_series": False, "windows_per_epoch": None} | parameters["training"]
    time_features = {"names": [], "transitions": [], "offsets": [0], "holidays": {}}
    layout: dict[str, Any] = {"ids": None, "id_name": None, "id_column": False}
    layout |= {role: {"names": [], "categories": []} for role in COVARIATE_ROLES}
    return metadata | {
        "parameters": parameters | {"training": training},
        "covariates": {"past": [], "future": [], "static": [], "time_features": time_features},
        "layout": layout | metadata["layout"],
    }


def _manifest(directory: Path) -> dict[str, Any] | None:
    """Read the manifest; None where there is none of this package (others use that name)."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        is_ours = LIBRARIES[0] in manifest["versions"]
        return manifest if is_ours and {"format_version", "files"} <= manifest.keys() else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _digest(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _write(
    directory: Path,
    model: keras.Model,
    serving: Serving,
    metadata: dict[str, Any],
    history: dict[str, np.ndarray] | None,
) -> None:
    serving.write(directory, model)
    weights = {f"{number:05}": value for number, value in enumerate(model.get_weights())}
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
    }
    manifest["manifest_sha256"] = _digest(manifest)
    text = json.dumps(manifest, indent=2, allow_nan=False) + "\n"  # for other tools and people too
    write_whole(directory / MANIFEST, lambda stream: stream.write(text.encode()))
