"""Frames of other libraries: the same answers as pandas gets, in their own kind."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from forecaster.data.future import future_frame, missing_future, with_future
from forecaster.data.interop import as_library, as_pandas, columns_of, flat_name, library_of
from forecaster.data.table_json import table_to_json
from forecaster.data.writing import forecast_frame
from tests.helpers.tables import read

LONG = pd.DataFrame(
    {
        "shop": list("abab") * 3,
        "day": pd.date_range("2024-03-30", periods=6, freq="D", tz="Europe/Berlin").repeat(2),
        "sold": np.arange(12.0),
        "price": np.arange(12.0) / 2,
        "city": ["Rome", "Oslo"] * 6,
    }
)
ROLES = {"id_column": "shop", "time_column": "day", "target": "sold"}
ROLES |= {"future_covariates": ["price"], "static_covariates": ["city"]}
KINDS = {
    "polars": (lambda frame: pl.from_pandas(frame), pl.DataFrame),
    "lazy polars": (lambda frame: pl.from_pandas(frame).lazy(), pl.DataFrame),
    "pyarrow": (lambda frame: pa.Table.from_pandas(frame, preserve_index=False), pa.Table),
}


@pytest.fixture(params=KINDS)
def kind(request):
    """What makes a frame of a library, and the kind that comes back."""
    return KINDS[request.param]


def check_same(found, expected, kind):
    assert isinstance(found, kind)
    expected = pl.from_pandas(expected.reset_index(drop=True))
    assert_frame_equal(pl.DataFrame(found), expected, check_dtypes=False)


def test_a_long_frame_comes_back_as_it_came(kind):
    make, native = kind
    expected, table = read(LONG, **ROLES), read(make(LONG), **ROLES)
    np.testing.assert_array_equal(table.values, expected.values)
    assert table_to_json(table) == table_to_json(expected)
    prediction = np.arange(2 * 1 * 3.0).reshape(2, 1, 3)
    check_same(forecast_frame(table, prediction), forecast_frame(expected, prediction), native)
    assert list(columns_of(make(LONG))) == list(columns_of(LONG)) == list(LONG)
    quantiles = np.arange(2 * 1 * 3 * 2.0).reshape(2, 1, 3, 2)
    found = forecast_frame(table, quantiles, levels=[0.1, 0.9])
    check_same(found, forecast_frame(expected, quantiles, levels=[0.1, 0.9]), native)


def test_futures_are_of_the_library_of_the_history(kind):
    make, native = kind
    expected, table = read(LONG, **ROLES), read(make(LONG), **ROLES)
    empty = future_frame(expected, 2)
    check_same(future_frame(table, 2), empty, native)
    filled = empty.assign(price=[1.0, 2.0, 3.0, np.nan])
    check_same(missing_future(table, make(filled), 2), missing_future(expected, filled, 2), native)
    full = filled.fillna(4.0)
    for given in (full, make(full)):
        known = with_future(table, given, 2).future_covariates.values
        np.testing.assert_array_equal(
            known, with_future(expected, full, 2).future_covariates.values
        )


def test_columns_of_several_levels_become_texts(kind):
    make, native = kind
    wide = LONG.pivot(index="day", columns="shop", values="sold").reset_index()
    wide.columns.name = None
    table = read(make(wide), time_column="day")
    found = forecast_frame(table, np.zeros((1, 2, 3, 2)), levels=[0.1, 0.9])
    assert isinstance(found, native)
    assert pl.DataFrame(found).columns == ["day", "a_q0.1", "a_q0.9", "b_q0.1", "b_q0.9"]


def test_without_an_index_the_times_must_be_a_column(kind):
    with pytest.raises(ValueError, match="`time_column` must be given for a frame without an ind"):
        read(kind[0](LONG), target="sold", id_column="shop")


@pytest.mark.parametrize("other", [[1, 2], {"a": [1]}, "a.csv", None, np.zeros((2, 2))])
def test_what_is_no_frame_is_left_to_the_checks(other):
    assert library_of(other) == "pandas"
    assert as_pandas(other) is other
    assert not len(columns_of(other))


def test_pandas_is_handed_on_as_it_is():
    assert as_pandas(LONG) is LONG
    assert as_pandas(LONG["sold"]) is not None
    assert library_of(LONG) == library_of(LONG["sold"]) == "pandas"
    assert as_library(LONG, "pandas") is LONG


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (("passengers", 0.1), "passengers_q0.1"),
        (("month", ""), "month"),
        (("north", 2, 0.5), "north_2_q0.5"),
        (("month", "", ""), "month"),
    ],
)
def test_labels_of_several_levels_become_one_text(label, name):
    assert flat_name(*label) == name
