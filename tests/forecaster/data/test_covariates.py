"""Categories and their codes: decoded, merged, recoded and described as JSON."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data import covariates as module
from forecaster.data.concat import concat_in_time
from forecaster.data.covariates import Covariates, merged_categories
from tests.helpers.tables import LAYOUTS, ROLES, read, shops_with_roles


def test_joined_vocabularies():
    table = read(shops_with_roles(), **LAYOUTS["columns"], **ROLES)
    later = shops_with_roles().assign(mood="angry", region="west", size=1, shop="c")
    later = later[later["sold"] >= 1000]
    together = concat_in_time(table, read(later, **LAYOUTS["columns"], **ROLES))
    past, static = together.past_covariates, together.static_covariates
    assert past.categories[1].tolist() == ["angry", "bad", "good"]
    assert past.decoded(1, past.values[1]).tolist() == [
        *shops_with_roles()["mood"][6:],
        *shops_with_roles()["mood"][:6],
        *["angry"] * 5,
    ]
    assert static.decoded(0, static.values[0]).tolist() == ["north", "east", "west"]
    assert static.values[1].tolist() == [3, 7, 1]
    other = read(shops_with_roles().assign(mood=1), **LAYOUTS["columns"], **ROLES)
    with pytest.raises(TypeError, match=r"'mood' must be of the kind .* numbers after categories"):
        concat_in_time(table, other)


def coded(labels, name="mood"):
    """One covariate of these categories, None where missing."""
    categories = pd.Index(sorted({label for label in labels if label is not None}), dtype=object)
    codes = [np.nan if label is None else categories.get_loc(label) for label in labels]
    return Covariates(np.array([codes], float), pd.Index([name]), (categories,))


labels_of_rows = st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=1, max_size=9)


@settings(max_examples=40, deadline=None)
@given(labels_of_rows, labels_of_rows, st.sampled_from([1, 2, 100]))
def test_merged_covariates_keep_the_category_of_every_row(first, second, chunk):
    whole_size, module.CHUNK = module.CHUNK, chunk
    try:
        pair = coded(first).merged(coded(second))
    finally:
        module.CHUNK = whole_size
    together = sorted({*first, *second} - {None})
    for found, labels in zip(pair, (first, second), strict=True):
        assert found.decoded(0, found.values[0]).tolist() == labels
        # A covariate without any value has no kind, and so adds no category.
        assert found.categories[0].tolist() == together


def test_what_has_no_value_takes_the_kind_of_the_other():
    numbers = Covariates(np.array([[1.0, 2.0]]), pd.Index(["mood"]), (None,))
    assert merged_categories([numbers, coded([None])]) == (None,)
    assert merged_categories([coded([None]), numbers]) == (None,)
    assert numbers.are_known().tolist() == [True]
    assert coded([None, None]).are_known().tolist() == [False]


def test_kinds_that_differ_are_named():
    numbers = Covariates(np.array([[1.0]]), pd.Index(["mood"]), (None,))
    with pytest.raises(
        TypeError,
        match=r"^Covariate 'mood' must be of the kind that it has been\. Received: categories like "
        r"'b' after numbers\. Convert it by `\.astype`\.$",
    ):
        numbers.merged(coded(["b"]))
    with pytest.raises(TypeError, match=r"categories like 3 after categories like 'b'"):
        coded(["b"]).merged(coded([3]))


def test_numbers_need_no_decoding():
    numbers = Covariates(np.array([[1.5, np.nan]]), pd.Index(["x"]), (None,))
    np.testing.assert_array_equal(numbers.decoded(0, numbers.values[0]), [1.5, np.nan])
    assert numbers.recoded((None,)).values is numbers.values
    assert len(Covariates.none(7)) == 0
    assert Covariates.none(7).values.shape == (0, 7)


def test_covariates_come_back_from_json():
    covariates = coded(["b", None, "a"], name=("x", 1))
    described = json.loads(json.dumps(covariates.to_json()))
    assert described == {"names": [["x", 1]], "categories": [["a", "b"]]}
    again = Covariates.from_json(described, covariates.values, 3)
    assert again.names.tolist() == [("x", 1)]
    assert again.decoded(0, again.values[0]).tolist() == ["b", None, "a"]
    unknown = Covariates.from_json(described, None, 2)
    assert unknown.values.shape == (1, 2)
    assert np.isnan(unknown.values).all()
