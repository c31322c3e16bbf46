"""A directory on disk <-> plain data and a Keras model.

    saved_model.pb, variables/   the serving graph, for everybody: raw history in, forecasts out
    weights.npz                  the weights, for `load`
    history.npz                  the tail of the history, where it was kept
    manifest.json                format, parameters, columns, versions, SHA-256 of every other file

A save writes all of it into a sibling directory, which then takes the place of the old one in two
renames. `load` finishes what a kill between the two left behind, so that at every moment a whole
artifact can be loaded. Nothing is pickled, nothing in the directory is evaluated as code.
"""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forecaster.files import read_arrays, sha256, write_arrays
from forecaster.output import Point, Quantiles
from forecaster.windows import WindowSpec

FORMAT_VERSION = 1
MANIFEST, WEIGHTS, HISTORY = "manifest.json", "weights.npz", "history.npz"
LIBRARIES = ("keras-forecaster", "tensorflow", "keras", "numpy", "pandas")


def save(
    path: Path,
    model: keras.Model,
    spec: WindowSpec,
    output: Point | Quantiles,
    targets: int,
    note: dict[str, Any],
    history: np.ndarray | None,
    *,
    overwrite: bool,
) -> None:
    """Write an artifact.

    Args:
        path: the directory, which must not exist yet, or hold an artifact where `overwrite` is on.
        model: from ``{"past_values": (B, L, S')}`` to (B, H, S', width).
        spec, output, targets: what the serving signature looks like; S is `targets`.
        note: what else `load` gives back, as data for JSON.
        history: (S, rows) float64, or None.

    Raises:
        FileExistsError: if something is in the way.
        OSError: if it cannot be written; what was at `path` stays whole.
    """
    finish_interrupted(path)
    if path.exists() and not (overwrite and (path / MANIFEST).is_file()):
        advice = (
            "It is no artifact, so it is never replaced: choose another path."
            if overwrite
            else "Call save(path, overwrite=True) to replace an artifact."
        )
        raise FileExistsError(f"`path` must not exist yet. Received: path={str(path)!r}. {advice}")
    fresh, previous = _siblings(path)
    shutil.rmtree(fresh, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(fresh, model, spec, output, targets, note, history)
    except BaseException as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if isinstance(error, tf.errors.OpError):  # TensorFlow's own words for a full disk
            raise OSError(f"`path` cannot be written: {path}. {error.message}") from error
        raise
    if path.exists():
        path.rename(previous)
    fresh.rename(path)
    shutil.rmtree(previous, ignore_errors=True)


def load(path: Path) -> tuple[dict[str, Any], list[np.ndarray], np.ndarray | None]:
    """The note, the weights in the model's order, and the history, after every file was checked.

    Raises:
        FileNotFoundError: if nothing is at `path`.
        ValueError: if it is no artifact, one of a later format, or damaged.
    """
    finish_interrupted(path)
    if not path.exists():
        raise FileNotFoundError(f"`path` must be an artifact. Received: path={str(path)!r}. "
                                "Nothing is there. Write one with model.save(path).")
    manifest = _read_manifest(path)
    for name, expected in manifest["files"].items():
        file = path / name
        if not file.is_file() or sha256(file) != expected:
            state = "differs from what was saved" if file.is_file() else "is missing"
            raise ValueError(
                f"`path` must be a whole artifact. Received: path={str(path)!r}; its file {name!r} "
                f"{state}. Save it again."
            )
    weights, _ = read_arrays(path / WEIGHTS)
    history = read_arrays(path / HISTORY)[0]["values"] if HISTORY in manifest["files"] else None
    return manifest, list(weights.values()), history


def finish_interrupted(path: Path) -> None:
    """Put the previous artifact back, if a save was killed between its two renames."""
    _, previous = _siblings(path)
    if previous.exists() and not path.exists():
        previous.rename(path)
    shutil.rmtree(previous, ignore_errors=True)


def _siblings(path: Path) -> tuple[Path, Path]:
    """Where an artifact is written before it is moved, and where the one before it waits."""
    return path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.previous")


def _write(directory, model, spec, output, targets, note, history) -> None:
    _write_serving_graph(directory, model, spec, output, targets)
    weights = {f"{number:05}": value for number, value in enumerate(model.get_weights())}
    write_arrays(directory / WEIGHTS, weights)
    if history is not None:
        write_arrays(directory / HISTORY, {"values": history})
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    manifest = {
        "format_version": FORMAT_VERSION,
        **note,
        "versions": {library: version(library) for library in LIBRARIES},
        "files": {file.relative_to(directory).as_posix(): sha256(file) for file in files},
    }
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        format_version, _ = manifest["format_version"], manifest["files"].items()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"`path` must be an artifact. Received: path={str(path)!r}; its file {MANIFEST!r} is "
            "missing or damaged. Write an artifact with model.save(path)."
        ) from error
    if format_version != FORMAT_VERSION:
        raise ValueError(
            f"`path` must be an artifact of format {FORMAT_VERSION}. Received: path={str(path)!r} "
            f"of format {format_version!r}. Load it with the version of keras-forecaster that "
            "wrote it, or with a later one."
        )
    return manifest


def _write_serving_graph(directory, model, spec, output, targets) -> None:
    """The SavedModel: ``past_values`` (batch, time, S) -> ``prediction`` and ``quantiles``."""

    def serve(past_values):
        window = _last_steps(past_values, spec.input_length)  # (B, time, S) -> (B, L, S)
        if spec.channels == 1:
            # (B, L, S) -> (B, S, L) -> (B * S, L, 1): each target is a window of its own.
            window = tf.reshape(tf.transpose(window, (0, 2, 1)), (-1, spec.input_length, 1))
        forecast = model({"past_values": window}, training=False)
        if spec.channels == 1:
            # (B * S, H, 1, width) -> (B, S, H, width) -> (B, H, S, width)
            shape = (-1, targets, spec.horizon, spec.head_width)
            forecast = tf.transpose(tf.reshape(forecast, shape), (0, 2, 1, 3))
        answer = {"prediction": output.prediction(forecast)}
        return answer | {"quantiles": forecast} if output.levels else answer

    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec((None, None, targets), tf.float32, name="past_values")]
    archive.add_endpoint("serving_default", serve, input_signature=signature)
    archive.write_out(directory, verbose=False)


def _last_steps(values: tf.Tensor, count: int) -> tf.Tensor:
    """The last `count` steps of (B, time, S), NaN before the first one: (B, count, S)."""
    values = values[:, -count:]
    missing = count - tf.shape(values)[1]
    return tf.ensure_shape(
        tf.pad(values, [[0, 0], [missing, 0], [0, 0]], constant_values=np.nan),
        (None, count, values.shape[2]),
    )
