"""Manifest of an artifact: `manifest.json`, read, checked, and upgraded from earlier formats.

Who owns what: schema.py says what each key holds; here its parts are held against each other, so
that nothing is built of parts that do not fit. `check_history` and `check_weights` hold the arrays
of the other files against them. The same checks are made when an artifact is written: what is saved
can be loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from reprlib import repr as short_repr
from typing import Any

import numpy as np

from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.data.json_index import label_from_json
from forecaster.inputs.spec import INPUT_OF_ROLE
from forecaster.inputs.time_features import TimeFeatures
from forecaster.network.heads import Point, Quantiles
from forecaster.network.model import as_network
from forecaster.saving.schema import FORMAT_VERSION, SCHEMA
from forecaster.training.settings import Training
from forecaster.utils.files import read_json

MANIFEST = "manifest.json"
LONGEST_PADDED = 2**17  # steps of a window that is longer than the series of the fit
LIBRARIES = ("keras-forecaster", "tensorflow", "keras", "numpy", "pandas")


class ArtifactError(ValueError):
    """Error of a folder that is no artifact, one of a later format, or a damaged one."""


def damaged(directory: Path, file: str, what: object) -> ArtifactError:
    """Return the error of an artifact whose `file` is damaged."""
    what = (
        str(what).encode("utf-8", "backslashreplace").decode()
    )  # it may quote what none can print
    return ArtifactError(
        f"`path` must be a whole artifact. Received: path={str(directory)!r}, which is damaged: "
        f"its file {file[:200]!r} {what}. Save it again, or copy it anew."
    )


def read_manifest(directory: Path) -> dict[str, Any]:
    """Read the manifest of an artifact, upgraded to the current format, and check it.

    Raises:
        ArtifactError: if there is none, or it is of a later format, or damaged.
    """
    try:
        manifest = read_json(directory / MANIFEST, follow_links=False)
        is_ours = is_manifest(manifest)
    except (OSError, ValueError) as error:
        raise _no_artifact(directory, error) from error
    if not is_ours:
        raise _no_artifact(directory, "holds none of ours")
    if type(version := manifest["format_version"]) is int and version > FORMAT_VERSION:
        raise ArtifactError(
            f"`path` must be an artifact of format {FORMAT_VERSION} or earlier. Received: "
            f"path={str(directory)!r} of format {version}. Load it "
            "with the version of keras-forecaster that wrote it, or with a later one."
        )
    try:
        is_saved = manifest.pop("manifest_sha256", None) == digest(manifest)
    except RecursionError as error:
        raise damaged(directory, MANIFEST, "nests without end") from error
    if not is_saved:
        raise damaged(directory, MANIFEST, "differs from what was saved")
    try:
        manifest = upgraded(manifest)
        check_manifest(manifest)
    except ValueError as error:
        reason = f"holds what does not fit: {str(error).rstrip('.')}"
        raise damaged(directory, MANIFEST, reason) from error
    return manifest


def _no_artifact(directory: Path, reason: object) -> ArtifactError:
    return ArtifactError(
        f"`path` must be an artifact. Received: path={str(directory)!r}; its file {MANIFEST!r} is "
        f"missing or damaged: {reason}. Write an artifact with model.save(path)."
    )


def is_manifest(document: Any) -> bool:
    """Return whether a JSON document is a manifest of ours; others use that name too."""
    versions = document.get("versions") if isinstance(document, dict) else None
    is_ours = isinstance(versions, dict) and LIBRARIES[0] in versions
    return is_ours and {"format_version", "files"} <= document.keys()


def digest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest without its own."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def upgraded(manifest: dict[str, Any]) -> dict[str, Any]:
    """Upgrade a manifest of any format to format 2.

    Raises:
        ValueError: if it lacks what it must have.
    """
    if manifest["format_version"] != 1:
        return manifest
    for name in ("parameters", "layout"):
        if not isinstance(manifest.get(name), dict):
            raise ValueError(f"the key {name!r} must hold a table")
    # Format 1 had one id, no covariates, no time features, and the same weight for every window.
    parameters: dict[str, Any] = {"id_column": None, "weight_column": None, "time_features": None}
    parameters |= {role: [] for role in COVARIATE_ROLES} | manifest["parameters"]
    training: Any = parameters.get("training")
    if isinstance(training, dict):
        training = {"equal_series": False, "windows_per_epoch": None} | training
    time_features = {"names": [], "transitions": [], "offsets": [0], "holidays": {}}
    layout: dict[str, Any] = {"ids": None, "id_name": None, "id_column": False}
    layout |= {role: {"names": [], "categories": []} for role in COVARIATE_ROLES}
    return manifest | {
        "parameters": parameters | {"training": training},
        "covariates": {"past": [], "future": [], "static": [], "time_features": time_features},
        "layout": layout | manifest["layout"],
    }


def check_manifest(manifest: dict[str, Any]) -> None:
    """Check a manifest against the schema, and its parts against each other.

    Raises:
        ValueError: with the key, what it must hold, and what it holds.
    """
    SCHEMA.check("", manifest)
    _check_spec(manifest)
    _check_layout(manifest["layout"])
    _check_spreads(manifest)
    _check_covariates(manifest)


def _agree(name: str, value: Any, other: str, expected: Any) -> None:
    if value != expected:
        raise ValueError(f"`{name}` is {short_repr(value)}, but {other} {short_repr(expected)}")


def _check_spec(manifest: dict[str, Any]) -> None:
    """Check the shapes of the windows against the parameters."""
    spec, parameters, targets = (
        manifest["spec"],
        manifest["parameters"],
        manifest["layout"]["targets"],
    )
    for name in ("horizon", "input_length", "season_length"):
        if parameters[name] is not None:
            _agree(f"spec.{name}", spec[name], f"`parameters.{name}`", parameters[name])
    channels = len(targets) if parameters["channels"] == "joint" else 1
    _agree("spec.channels", spec["channels"], "the targets ask for", channels)
    output, network = parameters["output"], parameters["network"]
    head = Point() if isinstance(output, str) else Quantiles(output)
    _agree("spec.head_width", spec["head_width"], "`parameters.output` asks for", head.width)
    _agree("quantiles", manifest["quantiles"], "`parameters.output` has", list(head.levels))
    Training(**parameters["training"]).loss_for(head)
    if isinstance(network, str):
        as_network(network)
    _agree("columns", len(manifest["columns"]), "the number of targets is", len(targets))
    if manifest["layout"]["kind"] != "period":  # whose steps have two names
        _agree("freq", manifest["freq"], "`layout.freq`", manifest["layout"]["freq"])


def _check_layout(layout: dict[str, Any]) -> None:
    """Check ids, starts, offsets and labels of the table of the last rows."""
    starts, offsets, ids = layout["starts"], layout["offsets"], layout["ids"]
    _agree("layout.offsets", len(offsets), "the number of ids asks for", len(starts) + 1)
    _agree("layout.starts", len(starts), "the number of ids is", 1 if ids is None else len(ids))
    if offsets[0] != 0 or not _rises(offsets):
        raise ValueError("`layout.offsets` must rise from 0")
    kind = int if layout["kind"] == "integer" else str
    for name, value in [("freq", layout["freq"]), *(("starts", start) for start in starts)]:
        _agree(f"layout.{name}", type(value), f"times of kind {layout['kind']!r} need", kind)
    if (layout["unit"] is None) == (layout["kind"] == "datetime"):
        raise ValueError(f"`layout.unit` is {layout['unit']} for times of kind {layout['kind']!r}")
    if layout["tz"] is not None and layout["kind"] != "datetime":
        raise ValueError(f"`layout.tz` is {layout['tz']!r} for times of kind {layout['kind']!r}")
    _check_unique("layout.targets", layout["targets"])
    _check_unique("layout.ids", ids or [])
    for role in COVARIATE_ROLES:
        count = len(layout[role]["names"])
        _agree(f"layout.{role}.categories", len(layout[role]["categories"]), "columns are", count)


def _check_spreads(manifest: dict[str, Any]) -> None:
    """Check the spreads of the series against the layout."""
    layout, spreads = manifest["layout"], manifest.get("spreads")
    if spreads is None:
        return
    _agree("spreads", len(spreads), "the number of ids is", len(layout["starts"]))
    for of_id in spreads:
        _agree("spreads", len(of_id), "the number of targets is", len(layout["targets"]))
        if any(spread is not None and spread < 0 for spread in of_id):
            raise ValueError("`spreads` must not be below 0")


def _check_covariates(manifest: dict[str, Any]) -> None:
    """Check columns and time features of the fit against the layout and the parameters."""
    coded, layout, parameters = (manifest[name] for name in ("covariates", "layout", "parameters"))
    for role, stage in zip(COVARIATE_ROLES, INPUT_OF_ROLE, strict=True):
        labels = [column["label"] for column in coded[stage]]
        _agree(f"covariates.{stage}", labels, f"`layout.{role}.names`", layout[role]["names"])
        _agree(f"covariates.{stage}", len(labels), "parameters name", len(parameters[role]))
        for column in coded[stage]:
            _check_unique(f"covariates.{stage}", column["categories"] or [])
    features, asked = coded["time_features"], parameters["time_features"]
    names = [asked] if isinstance(asked, str) else asked or []
    if names != ["auto"]:
        _agree("covariates.time_features.names", features["names"], "parameters name", names)
    TimeFeatures.from_json(features).check()


def _check_unique(name: str, labels: list[Any]) -> None:
    if len({label_from_json(label) for label in labels}) < len(labels):
        raise ValueError(f"`{name}` must hold each label once")


def _rises(numbers: list[int]) -> bool:
    return all(before <= after for before, after in pairwise(numbers))


def check_history(manifest: dict[str, Any], history: dict[str, np.ndarray] | None) -> None:
    """Check the arrays of the last rows against the manifest.

    Raises:
        ValueError: if they have other names, shapes or dtypes, or hold what a table cannot hold.
    """
    layout, rows = manifest["layout"], manifest["layout"]["offsets"][-1]
    num_ids = len(layout["starts"])
    if history is None:  # one row of each id, or two: see `SeriesTable.tail`
        if rows > 2 * num_ids:
            raise ValueError(f"`layout.offsets` has {rows} rows, but there is no history")
        return
    length, longest = manifest["spec"]["input_length"], max(np.diff(layout["offsets"]))
    if length > max(LONGEST_PADDED, longest):
        raise ValueError(f"has {longest} rows for windows of {length} steps")
    shapes: dict[str, tuple[int, ...]] = {"values": (len(layout["targets"]), rows)}
    for role, count in zip(COVARIATE_ROLES, (rows, rows, num_ids), strict=True):
        if layout[role]["names"]:
            shapes[role] = (len(layout[role]["names"]), count)
    if "weights" in history:
        shapes["weights"] = (rows,)
    found = {name: array.shape for name, array in history.items()}
    if found != shapes or any(array.dtype != np.float64 for array in history.values()):
        raise ValueError(f"holds arrays of shapes {found}, but the manifest describes {shapes}")
    for name, array in history.items():
        if np.isinf(array).any():
            raise ValueError(f"holds infinite {name}")
    for role in COVARIATE_ROLES:
        for labels, codes in zip(layout[role]["categories"], history.get(role, ()), strict=False):
            known = codes[~np.isnan(codes)]
            is_code = (known >= 0) & (known < len(labels or ())) & (known == np.floor(known))
            if labels is not None and not is_code.all():
                raise ValueError(f"holds {role} that are none of their categories")


def check_weights(manifest: dict[str, Any], weights: dict[str, np.ndarray]) -> None:
    """Check the names, dtypes and values of the weights, and that they suffice for the layers.

    Raises:
        ValueError: if they are not as they must be.
    """
    if list(weights) != [f"{number:05}" for number in range(len(weights))]:
        raise ValueError("holds other arrays than numbered weights")
    network = manifest["parameters"]["network"]
    if isinstance(network, dict) and network.get("num_layers", 0) > len(weights):
        raise ValueError(f"has {len(weights)} arrays for {network['num_layers']} layers")
    for array in weights.values():
        if array.dtype.kind == "V":  # bfloat16, which NumPy does not know: float32's upper half
            array = (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ValueError("holds weights that are no finite numbers")
