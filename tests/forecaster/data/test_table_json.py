"""Tables come back from JSON and arrays as they were, and have digests."""

import json

import numpy as np
import pandas as pd
import pytest

from forecaster.data.table_json import table_arrays, table_from_json, table_sha256, table_to_json
from tests.helpers.tables import (
    LAYOUTS,
    ROLES,
    SHOPS,
    assert_same_table,
    check_table,
    days,
    long_ramp,
    ramp,
    read,
    shops_with_roles,
)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "UTC+02:00"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_layout_keeps_unit_and_zone(unit, zone):
    starts = check_table(ramp(days(unit=unit, tz=zone))).starts
    assert starts.dtype == days(unit=unit, tz=zone).dtype


def test_layout_is_readable():
    months = pd.date_range("1949-01-01", periods=3, freq="MS", name="month", unit="us")
    none = {"names": [], "categories": []}
    assert table_to_json(read(ramp(months))) == {
        "kind": "datetime",
        "freq": "MS",
        "unit": "us",
        "tz": None,
        "starts": ["1949-01-01T00:00:00"],
        "offsets": [0, 3],
        "targets": ["a", "b"],
        "target_names": [None],
        "time_name": "month",
        "time_column": False,
        "ids": None,
        "id_name": None,
        "id_column": False,
        "past_covariates": none,
        "future_covariates": none,
        "static_covariates": none,
    }


@pytest.mark.parametrize(
    "columns",
    [
        [3, 1],
        pd.RangeIndex(2, name="k"),
        [1.5, "x"],
        [("a", 1), "b"],
        pd.Index([("a", 1), ("b", 2)], tupleize_cols=False),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]),
        pd.Index(["a", "b"], name=("n", 1)),
    ],
)
def test_layout_keeps_labels(columns):
    table = check_table(ramp(days(), columns))
    again = table_from_json(json.loads(json.dumps(table_to_json(table))), table.values)
    assert again.targets.nlevels == table.targets.nlevels


@pytest.mark.parametrize("ids", [["x", "y"], [3, 1], [1.5, -2.0], [True, False]])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_keeps_ids(layout, ids):
    table = check_table(long_ramp(dict.fromkeys(ids, 4), layout=layout), **LAYOUTS[layout])
    assert table_to_json(table)["ids"] == sorted(ids)


def test_layouts_from_before_there_were_ids_can_be_read():
    table = read(ramp(days()))
    new = ("ids", "id_name", "id_column", "past_covariates", "future_covariates")
    before = {k: v for k, v in table_to_json(table).items() if k not in (*new, "static_covariates")}
    assert_same_table(table, table_from_json(before, table.values))


def test_digest_tells_tables_apart():
    frame = long_ramp(SHOPS)
    options = {**LAYOUTS["columns"], "target": "sold"}
    frames = [frame, frame.assign(sold=1.0), frame.replace("a", "z")]
    digests = [table_sha256(read(f, **options)) for f in frames]
    more = frame.assign(x=frame["sold"])
    digests += [
        table_sha256(read(more, past_covariates=["x"], **options)),
        table_sha256(read(more, weight_column="x", **options)),
    ]
    assert len(set(digests)) == len(digests)


def test_arrays_of_a_table_are_those_that_it_has():
    without_roles = read(long_ramp(SHOPS), **LAYOUTS["columns"])
    assert list(table_arrays(without_roles)) == ["values"]
    table = read(shops_with_roles(), **LAYOUTS["columns"], **ROLES)
    names = ["values", "past_covariates", "future_covariates", "static_covariates", "weights"]
    assert list(table_arrays(table)) == names
    assert table_arrays(table)["values"] is table.values
    again = table_from_json(json.loads(json.dumps(table_to_json(table))), table.values)
    assert again.weights is None
    assert np.isnan(again.past_covariates.values).all()
    assert again.past_covariates.values.shape == table.past_covariates.values.shape
