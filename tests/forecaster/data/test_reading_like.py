"""A frame that is read like an earlier one: its covariates have the kinds that they had."""

import warnings
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from forecaster.data.covariates import Covariates
from forecaster.data.frame_checks import FrameWarning
from forecaster.data.future import future_frame, missing_future, with_future
from forecaster.data.json_index import index_from_json, labels_to_json
from forecaster.data.reading import Reading, read_frame
from tests.helpers.tables import days

ROWS = 6
READING = Reading(target="y", future_covariates=["x"])
NUMBERS = [1.0, 2, 3, 1, 2, 3]
SAME = {  # the numbers 1, 2, 3 in other dtypes
    "float": np.array(NUMBERS),
    "int": np.array(NUMBERS, int),
    "Int64": pd.array(NUMBERS, dtype="Int64"),
    "objects": np.array([1, 2.0, np.int8(3), Decimal(1), 2, 3], object),
    "Decimal": np.array([Decimal(int(n)) for n in NUMBERS], object),
}


def frame_of(x):
    return pd.DataFrame({"y": np.sin(range(ROWS)), "x": x}, index=days(ROWS))


@pytest.mark.parametrize("later", SAME)
@pytest.mark.parametrize("first", SAME)
def test_numbers_stay_numbers_in_any_dtype(first, later):
    table = read_frame(frame_of(SAME[first]), READING)
    again = read_frame(frame_of(SAME[later]), READING, before=table)
    np.testing.assert_array_equal(again.future_covariates.values, [NUMBERS])
    assert again.future_covariates.categories == (None,)
    future = future_frame(table, ROWS)
    future["x"] = SAME[later]
    longer = with_future(table, future, ROWS)
    assert longer.future_covariates.values[0].tolist() == NUMBERS * 2


@pytest.mark.parametrize("later", SAME)
def test_numbers_that_were_names_are_the_same_names(later):
    table = read_frame(frame_of(pd.Categorical([1, 2, 3, 3, 2, 1])), READING)
    again = read_frame(frame_of(SAME[later]), READING, before=table)
    own, found = table.future_covariates.merged(again.future_covariates)
    assert found.decoded(0, found.values[0]).tolist() == NUMBERS
    assert own.decoded(0, own.values[0]).tolist() == [1, 2, 3, 3, 2, 1]
    future = future_frame(table, ROWS)
    future["x"] = SAME[later]
    longer = with_future(table, future, ROWS).future_covariates
    assert longer.decoded(0, longer.values[0]).tolist() == [1, 2, 3, 3, 2, 1, *NUMBERS]
    assert missing_future(table, future, ROWS).empty


@pytest.mark.parametrize(
    "later",
    [
        [True, False] * 3,
        pd.array([True, False] * 3, dtype="boolean"),
        np.array([True, False] * 3, object),
        [1, 0] * 3,
        [1.0, 0.0] * 3,
    ],
)
def test_booleans_that_were_names_are_the_same_names(later):
    table = read_frame(frame_of(pd.Categorical([False, True] * 3)), READING)
    names = index_from_json(labels_to_json(table.future_covariates.categories[0]), [None])
    for before in (table, replace_names(table, names)):
        found = read_frame(frame_of(later), READING, before=before).future_covariates
        assert found.decoded(0, found.values[0]).tolist() == [True, False] * 3
        own, _ = before.future_covariates.merged(found)
        assert own.categories[0].tolist() == [False, True]


def replace_names(table, names):
    covariates = replace(table.future_covariates, categories=(names,))
    return replace(table, future_covariates=covariates)


def test_texts_are_not_taken_for_numbers_that_were_names():
    table = read_frame(frame_of(pd.Categorical([1, 2, 3] * 2)), READING)
    with pytest.raises(TypeError, match=r"pd\.to_numeric\(frame\['x'\]\)"):
        read_frame(frame_of(["1", "2", "3"] * 2), READING, before=table)


def test_texts_of_numbers_that_were_names_are_names():
    texts = ["1", "2", "3"] * 2
    with pytest.raises(TypeError, match="texts that look like numbers"):
        read_frame(frame_of(texts), READING)
    table = read_frame(frame_of(pd.Categorical(texts)), READING)
    again = read_frame(frame_of(texts), READING, before=table).future_covariates
    assert again.decoded(0, again.values[0]).tolist() == texts
    numbers = read_frame(frame_of(NUMBERS), READING)
    with pytest.raises(TypeError, match="texts that look like numbers") as caught:
        read_frame(frame_of(texts), READING, before=numbers)
    with pytest.raises(TypeError, match=r"`future\['x'\] = pd\.to_numeric\(future\['x'\]\)`"):
        with_future(numbers, future_frame(numbers, ROWS).assign(x=texts), ROWS)
    assert "frame['x'] = pd.to_numeric(frame['x'])" in str(caught.value)


def test_what_only_a_first_reading_asks_is_not_asked_again():
    frame = pd.DataFrame(
        {"n": range(30), "y": np.sin(range(30)), "note": [f"order {n:x}" for n in range(30)]},
        index=days(30),
    )
    reading = Reading(past_covariates=["note"])
    with pytest.warns(FrameWarning) as seen:
        table = read_frame(frame, reading)
    texts = [str(warning.message) for warning in seen]
    assert len(texts) == 2
    assert "'n' counts the rows" in texts[0]
    assert "Covariate 'note' has 30 categories in 30 rows, from which little can" in texts[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_frame(frame, reading, before=table)
        few = frame.assign(note=[f"{n % 14:x} o'clock" for n in range(30)])
        read_frame(few, Reading(target="y", past_covariates=["note"]))


def test_codes_need_no_kind_where_nothing_is_known():
    table = read_frame(frame_of([None] * ROWS), READING)
    assert isinstance(table.future_covariates, Covariates)
    again = read_frame(frame_of(NUMBERS), READING, before=table).future_covariates
    assert again.categories == (None,)


def test_a_target_that_was_one_is_not_left_out():
    frame = pd.DataFrame({"a": np.sin(range(ROWS)), "b": np.cos(range(ROWS))}, index=days(ROWS))
    table = read_frame(frame)
    none = read_frame(frame.assign(b=None), Reading(), before=table)
    assert none.targets.tolist() == ["a", "b"]
    assert np.isnan(none.values[1]).all()
    with pytest.raises(TypeError, match=r"not numeric: 'b' \(.*pd\.to_numeric\(frame\['b'\]\)"):
        read_frame(frame.astype({"b": str}), Reading(), before=table)
    with pytest.warns(FrameWarning, match="left out: 'c'"):
        assert read_frame(frame.assign(c="x"), Reading(), before=table).num_targets == 2
