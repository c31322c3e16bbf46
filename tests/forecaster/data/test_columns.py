"""Columns beside the targets: numbers, categories, facts about an id, and weights."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning
from tests.helpers.tables import (
    LAYOUTS,
    ROLES,
    check_table,
    days,
    laid_out,
    ramp,
    read,
    shops_with_roles,
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_role(layout):
    table = check_table(laid_out(shops_with_roles(), layout), **LAYOUTS[layout], **ROLES)
    sold = np.array([*range(1000, 1005), *range(6)])
    assert table.values[0].tolist() == sold.tolist()
    assert table.past_covariates.names.tolist() == ["visits", "mood"]
    np.testing.assert_array_equal(table.past_covariates.values, [sold + 0.5, sold % 2])
    assert table.past_covariates.categories[0] is None
    assert table.past_covariates.categories[1].tolist() == ["bad", "good"]
    np.testing.assert_array_equal(table.future_covariates.values, [sold * 2])
    assert table.static_covariates.values.tolist() == [[1, 0], [3, 7]]
    assert table.static_covariates.categories[0].tolist() == ["east", "north"]
    assert table.weights.tolist() == [*range(6, 11), *range(6)]


def test_columns_with_a_role_are_no_targets():
    roles = {role: names for role, names in ROLES.items() if role != "target"}
    assert read(shops_with_roles(), **LAYOUTS["columns"], **roles).targets.tolist() == ["sold"]


def test_rows_that_are_missing_have_no_covariates_and_do_not_count():
    with pytest.warns(FrameWarning, match="has gaps: 1 of 11 timestamps"):
        table = read(shops_with_roles().drop(2), freq="D", **LAYOUTS["columns"], **ROLES)
    assert np.isnan(table.past_covariates.values[:, 7]).all()
    assert np.isnan(table.future_covariates.values[:, 7]).all()
    assert table.weights[7] == 0
    assert np.isfinite(table.past_covariates.values).sum() == 20


def test_wide_frames_have_covariates_too():
    frame = ramp(days(), ["a", "b", "price"]).assign(place="here", w=1)
    roles = {"future_covariates": ["price"], "static_covariates": ["place"], "weight_column": "w"}
    table = check_table(frame, **roles)
    assert table.targets.tolist() == ["a", "b"]
    assert table.static_covariates.values.tolist() == [[0]]


@pytest.mark.parametrize(
    ("column", "values", "categories"),
    [
        ([True, False, True], [1, 0, 1], None),
        (pd.array([1, None, 3], dtype="Int64"), [1, np.nan, 3], None),
        (pd.array([True, None, False], dtype="boolean"), [1, np.nan, 0], None),
        (["x", None, "a"], [1, np.nan, 0], ["a", "x"]),
        (np.array(["x", None, "a"], object), [1, np.nan, 0], ["a", "x"]),
        (pd.array(["x", None, "a"], dtype="string"), [1, np.nan, 0], ["a", "x"]),
        (pd.Categorical(["x", None, "a"], ["x", "b", "a"]), [1, np.nan, 0], ["a", "x"]),
        (pd.Categorical([3, 1, None], ordered=True), [1, 0, np.nan], [1, 3]),
        (np.array([True, None, False], object), [1, np.nan, 0], None),
        (np.array([None, None, None], object), [np.nan] * 3, []),
        ([np.nan] * 3, [np.nan] * 3, None),
    ],
)
def test_kinds_of_covariates(column, values, categories):
    frame = ramp(days(3), ["a"]).assign(x=column)
    covariates = check_table(frame, target="a", past_covariates=["x"]).past_covariates
    np.testing.assert_array_equal(covariates.values, [values])
    found = covariates.categories[0]
    assert (None if found is None else found.tolist()) == categories
    decoded = covariates.decoded(0, covariates.values[0])
    assert pd.isna(decoded).tolist() == np.isnan(values).tolist()


def test_a_fact_about_an_id_may_be_missing_in_some_rows():
    frame = shops_with_roles()
    frame.loc[[0, 1, 7], ["region", "size"]] = None
    table = read(frame, **LAYOUTS["columns"], **ROLES)
    assert table.static_covariates.values.tolist() == [[1, 0], [3, 7]]
    frame.loc[frame["shop"] == "a", ["region", "size"]] = None
    table = read(frame, **LAYOUTS["columns"], **ROLES)
    np.testing.assert_array_equal(table.static_covariates.values, [[np.nan, 0], [np.nan, 7]])
