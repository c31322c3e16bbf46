"""Serialization of a table to JSON and NumPy arrays, for artifacts and searches."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from forecaster.data.covariates import COVARIATE_ROLES, Covariates
from forecaster.data.json_index import (
    index_from_json,
    label_from_json,
    label_to_json,
    labels_to_json,
    times_from_json,
    times_to_json,
)
from forecaster.data.ragged import CHUNK
from forecaster.data.series_table import FrameLayout, SeriesTable


def table_arrays(table: SeriesTable) -> dict[str, np.ndarray]:
    """Return the values, covariates and weights by name, without those that are empty."""
    covariates = {name: getattr(table, name).values for name in COVARIATE_ROLES}
    found = {name: values for name, values in covariates.items() if len(values)}
    weights = {} if table.weights is None else {"weights": table.weights}
    return {"values": table.values, **found, **weights}


def table_to_json(table: SeriesTable) -> dict[str, Any]:
    """Serialize all but the arrays to JSON-compatible values, without the library of the frame.

    Raises:
        TypeError: if a label is not a text, a finite number, None or a tuple of those.
        ValueError: if the time zone has no name.
    """
    return {
        **times_to_json(table.starts, table.freq),
        "offsets": table.offsets.tolist(),
        "targets": labels_to_json(table.targets),
        "target_names": labels_to_json(table.targets.names),
        "time_name": label_to_json(table.layout.time_name),
        "time_column": table.layout.time_column,
        "ids": None if table.ids is None else labels_to_json(table.ids),
        "id_name": None if table.ids is None else label_to_json(table.ids.name),
        "id_column": table.layout.id_column,
        **{name: getattr(table, name).to_json() for name in COVARIATE_ROLES},
    }


def table_from_json(
    description: dict[str, Any],
    values: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    **covariates: np.ndarray,
) -> SeriesTable:
    """Restore the table that `table_to_json` serialized, with the arrays of `table_arrays`.

    Args:
        description: of the table; the keys of ids and covariates may be missing in old files.
        values: (S, N).
        weights: (N,); None for none.
        covariates: by the names of their roles; NaN for those that are left out.
    """
    time_name = label_from_json(description["time_name"])
    starts, freq = times_from_json(description, time_name)
    ids = description.get("ids")
    counts = dict(
        zip(COVARIATE_ROLES, (values.shape[1], values.shape[1], len(starts)), strict=True)
    )
    return SeriesTable(
        values=values,
        offsets=np.array(description["offsets"], np.int64),
        starts=starts,
        freq=freq,
        targets=index_from_json(description["targets"], description["target_names"]),
        ids=None if ids is None else index_from_json(ids, [description["id_name"]]),
        weights=weights,
        layout=FrameLayout(
            time_name=time_name,
            time_column=description["time_column"],
            id_column=description.get("id_column", False),
        ),
        **{
            name: Covariates.from_json(description[name], covariates.get(name), count)
            if name in description
            else Covariates.none(count)
            for name, count in counts.items()
        },
    )


def table_sha256(table: SeriesTable) -> str:
    """Return a hexadecimal digest of the arrays and of the result of `table_to_json`."""
    digest = hashlib.sha256(json.dumps(table_to_json(table)).encode())
    for array in table_arrays(table).values():
        for row in np.atleast_2d(array):
            for first in range(0, len(row), CHUNK):
                digest.update(np.ascontiguousarray(row[first : first + CHUNK]).data)
    return digest.hexdigest()
