"""Command `forecaster info`: what a saved model holds, told without TensorFlow.

Who owns what: `described` reads the manifest, checks that every file is the one that was saved, and
gives plain values; `lines_of` puts those into words. Nothing of the model is built, so that this is
quick; whether its weights fit its network is checked where a command loads it.
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from pathlib import Path, PurePosixPath
from textwrap import wrap
from typing import Annotated, Any

from typer import Argument

from forecaster.cli.common import Flag
from forecaster.cli.terminal import terminal_width

MANIFEST, WEIGHTS, HISTORY, ENDPOINT = (
    "manifest.json",
    "weights.npz",
    "history.npz",
    "serving_default",
)
LARGEST = 2**28  # bytes of a manifest
SHOWN = 5  # categories, ids, targets in a line
ROLES = ("past", "future", "static")


def info(
    model: Annotated[Path, Argument(metavar="MODEL", help="Directory that fit or search saved.")],
    as_json: Annotated[
        bool, Flag("--json", help="Print JSON, with every category and id, for programs.")
    ] = False,
) -> None:
    """Tell what a saved model holds, and check that its files are whole.

    Every file is compared with its SHA-256 in the manifest. TensorFlow is not
    loaded.
    """
    values = described(model)
    if as_json:
        print(json.dumps(values, indent=2))
    else:
        print("\n".join(lines_of(values, terminal_width())))


def described(path: Path) -> dict[str, Any]:
    """Describe a saved model by plain values, which JSON can hold.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: if it is no saved model, or a damaged one.
    """
    path = path.expanduser()
    manifest = _manifest(path)
    _check_files(path, manifest["files"])
    try:
        return _described(path, manifest)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"describes what cannot be ({type(error).__name__}: {error})"
        raise _damaged(path, MANIFEST, reason) from error


def _manifest(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(
            f"`path` must be an artifact. Received: path={str(path)!r}. Nothing is there. Write "
            "one with model.save(path)."
        )
    file = path / MANIFEST
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            raise ValueError("not a file of ours")
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if "keras-forecaster" not in manifest["versions"] or not manifest["files"].keys():
            raise ValueError("written by others")
        digest = manifest.pop("manifest_sha256", None)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"`path` must be an artifact. Received: path={str(path)!r}; its file {MANIFEST!r} is "
            "missing or damaged. Write an artifact with model.save(path)."
        ) from error
    if digest != hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest():
        raise _damaged(path, MANIFEST, "differs from what was saved")
    return manifest


def _check_files(path: Path, files: dict[str, str]) -> None:
    from forecaster.utils.files import sha256

    for name, expected in files.items():
        file, parts = path / name, PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or not file.is_file() or file.is_symlink():
            raise _damaged(path, name, "is missing")
        if sha256(file) != expected:
            raise _damaged(path, name, "differs from what was saved")


def _damaged(path: Path, file: str, what: str) -> ValueError:
    return ValueError(
        f"`path` must be a whole artifact. Received: path={str(path)!r}; its file {file!r} {what}. "
        "Save it again."
    )


def _described(path: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    parameters, spec, fit = manifest["parameters"], manifest["spec"], manifest["fit"]
    layout, table = manifest["layout"], _last_rows(manifest["layout"])
    coded = manifest.get("covariates", {})
    network = parameters["network"]
    scores = [float(score) for score in fit["validation_score"]]
    sizes = {name: (path / name).stat().st_size for name in [*manifest["files"], MANIFEST]}
    shapes = _shapes(path / WEIGHTS)
    return {
        "path": str(path),
        "format": manifest["format_version"],
        "targets": [str(target) for target in table.targets],
        "id_column": parameters.get("id_column") or layout.get("id_name"),
        "ids": None if table.ids is None else [str(label) for label in table.ids],
        "time_column": parameters["time_column"] or layout["time_name"],
        "freq": manifest["freq"],
        "season_length": spec["season_length"],
        "time_zone": layout["tz"],
        "trained_until": str(table.end).removesuffix(" 00:00:00"),
        "horizon": spec["horizon"],
        "input_length": spec["input_length"],
        "channels": parameters["channels"],
        "normalization": parameters["normalization"],
        "covariates": {
            role: [
                {"name": str(column["label"]), "categories": column["categories"]}
                for column in coded.get(role, [])
            ]
            for role in ROLES
        },
        "weight_column": parameters.get("weight_column"),
        "time_features": coded.get("time_features", {}).get("names", []),
        "network": network if isinstance(network, str) else {**network},
        "quantiles": list(manifest["quantiles"]),
        "num_weights": sum(math.prod(shape) for shape in shapes),
        "num_arrays": len(shapes),
        "training": parameters["training"],
        "seed": parameters["seed"],
        "epochs": len(fit["loss"]),
        "best_epoch": scores.index(min(scores)) + 1 if scores else None,
        "validation_score": _finite(min(scores)) if scores else None,
        "naive_score": _finite(float(fit["naive_score"])),
        "keeps_history": HISTORY in manifest["files"],
        "history_rows": layout["offsets"][-1] if HISTORY in manifest["files"] else 0,
        "signature": {
            name: {"dtype": put["dtype"], "shape": put["shape"]}
            for name, put in manifest.get(ENDPOINT, {}).get("inputs", {}).items()
        },
        "versions": manifest["versions"],
        "bytes": sum(sizes.values()),
        "files": sizes,
    }


def _last_rows(layout: dict[str, Any]) -> Any:
    """Return the table of the rows that the model was saved with, without their values."""
    import numpy as np

    from forecaster.data.covariates import COVARIATE_ROLES
    from forecaster.data.table_json import table_from_json

    older: dict[str, Any] = {role: {"names": [], "categories": []} for role in COVARIATE_ROLES}
    layout = {"ids": None, "id_name": None, "id_column": False} | older | layout
    rows = layout["offsets"][-1]
    if not rows <= LARGEST:
        raise ValueError(f"{rows} rows")
    values = np.broadcast_to(np.nan, (len(layout["targets"]), rows))
    return table_from_json(layout, values=values)


def _shapes(file: Path) -> list[tuple[int, ...]]:
    """Read the shapes of the arrays in an `.npz` file, and none of their values."""
    from numpy.lib import format as npy

    from forecaster.utils.files import METADATA

    shapes = []
    if not zipfile.is_zipfile(file):
        raise ValueError(f"{file.name} holds no arrays")
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name != f"{METADATA}.npy":
                with archive.open(name) as stream:
                    npy.read_magic(stream)
                    shapes.append(npy.read_array_header_1_0(stream)[0])
    return shapes


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def lines_of(values: dict[str, Any], width: int | None = None) -> list[str]:
    """Put what `described` gives into lines of a name and a text, wrapped to a width if given."""
    texts = _texts(values)
    column = max(map(len, texts)) + 2
    lines: list[str] = []
    for name, text in texts.items():
        begin = f"{name:<{column}}"
        style: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
        indent = " " * column
        room = width or len(begin) + len(text)
        lines += wrap(text, room, initial_indent=begin, subsequent_indent=indent, **style)
    return lines


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Return the text of each line by its name."""
    texts = {"Saved model": f"{values['path']}, format {values['format']}"}
    texts["Targets"] = _listed(values["targets"])
    if values["ids"] is not None:
        texts["Ids"] = f"{len(values['ids']):,} in {values['id_column']}: {_listed(values['ids'])}"
    zone = f", {values['time_zone']}" if values["time_zone"] else ""
    texts["Times"] = (
        f"{values['time_column'] or 'the first column'}, steps of {values['freq']}{zone}"
    )
    texts["Trained until"] = values["trained_until"]
    texts["Forecasts"] = (
        f"{values['horizon']} steps, from the last {values['input_length']}; a season is "
        f"{values['season_length']}"
    )
    for role in ROLES:
        if columns := values["covariates"][role]:
            texts[f"{role.title()} covariates"] = _listed([_column(column) for column in columns])
    if values["weight_column"]:
        texts["Weights of rows"] = str(values["weight_column"])
    if values["time_features"]:
        texts["Time features"] = ", ".join(values["time_features"])
    texts["Network"] = _network(values["network"])
    levels = ", ".join(f"{level:g}" for level in values["quantiles"])
    texts["Output"] = f"quantiles {levels}" if levels else "a point"
    texts["Weights"] = f"{values['num_weights']:,} in {values['num_arrays']} arrays"
    texts["Validation"] = _validation(values)
    rows = f"{values['history_rows']:,} rows are kept, for predict without a file"
    texts["History"] = rows if values["keeps_history"] else "not kept: predict needs a file"
    texts["Inputs"] = _listed([_input(*item) for item in values["signature"].items()], 9) or "none"
    texts["Made with"] = ", ".join(
        f"{name} {number}" for name, number in values["versions"].items()
    )
    texts["Size"] = f"{values['bytes'] / 1e6:.2f} MB in {len(values['files'])} files, all whole"
    return texts


def _listed(items: list[str], most: int = SHOWN) -> str:
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _column(column: dict[str, Any]) -> str:
    if column["categories"] is None:
        return f"{column['name']} (number)"
    return f"{column['name']} ({len(column['categories'])} categories)"


def _network(network: Any) -> str:
    if isinstance(network, str):
        return network
    if network.get("kind") != "RecurrentNetwork":
        return "one of your own"
    layers = network["num_layers"]
    text = f"{network['cell']}, {network['units']} units, {layers} layer{'s' * (layers > 1)}"
    dropout = f", dropout {network['dropout']:g}" if network["dropout"] else ""
    return f"{text}{dropout}, encoder {network['encoder']}, decoder {network['decoder']}"


def _validation(values: dict[str, Any]) -> str:
    score, naive = values["validation_score"], values["naive_score"]
    if score is None:
        return "no epoch was scored"
    of_naive = "" if naive is None else f", seasonal naive {naive:.3f}"
    if naive:
        share = abs(1 - score / naive)
        of_naive += f": {share:.0%} {'less' if score < naive else 'more'}"
    return f"{score:.3f}{of_naive}; epoch {values['best_epoch']} of {values['epochs']}"


def _input(name: str, put: dict[str, Any]) -> str:
    sizes = ["any" if size is None else str(size) for size in put["shape"]]
    return f"{name} {put['dtype']} ({' x '.join(sizes)})"
