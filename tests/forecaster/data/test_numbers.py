"""Numbers by content, whatever the dtype, and advice that makes numbers of texts when followed."""

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster.data.numbers import advice, are_mixed, as_numbers_if, number_texts, received

NAN = float("nan")
DICTIONARY = pa.dictionary(pa.int32(), pa.int64())


def objects(*values):
    return np.array(values, object)


NUMBERS = {
    "Decimal": (objects(Decimal("1.5"), None, Decimal("NaN"), Decimal(3)), [1.5, NAN, NAN, 3]),
    "None for NaN": (objects(1.0, None, 2.5), [1, NAN, 2.5]),
    "NA, NaT and NaN": (objects(pd.NA, 1, pd.NaT, np.nan), [NAN, 1, NAN, NAN]),
    "NumPy's scalars": (objects(np.int8(2), np.float32(0.5), np.bool_(True)), [2, 0.5, 1]),
    "booleans": (objects(True, None, False), [1, NAN, 0]),
    "fractions and Decimal": (objects(Fraction(1, 4), Decimal(2), 3), [0.25, 2, 3]),
    "beyond all floats": (objects(10**400, -(10**400), 1), [np.inf, -np.inf, 1]),
    "Arrow's decimals": (
        pd.array([Decimal("1.25"), None], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
        [1.25, NAN],
    ),
    "Arrow's booleans": (pd.array([True, None], dtype=pd.ArrowDtype(pa.bool_())), [1, NAN]),
    "Arrow's dictionary": (pd.array([7, None, 9], dtype=pd.ArrowDtype(DICTIONARY)), [7, NAN, 9]),
    "sparse": (pd.arrays.SparseArray([0.0, 2.0, np.nan]), [0, 2, NAN]),
    "nullable": (pd.array([1, None], dtype="Int64"), [1, NAN]),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_any_type(kind):
    values, expected = NUMBERS[kind]
    column = pd.Series(values, index=range(5, 5 + len(values)), name="x")
    found = as_numbers_if(column)
    assert found.name == "x"
    assert found.index.equals(column.index)
    np.testing.assert_array_equal(found.to_numpy(np.float64, na_value=np.nan), expected)


@pytest.mark.parametrize(
    "values",
    [
        objects(1, "b"),
        objects("1", "2"),
        objects(1j, 2),
        objects(b"1", b"2"),
        objects(None, None),
        [[1], [2]],
        pd.Categorical([1, 2]),
        pd.array(["1", "2"], dtype="string"),
        pd.array(["1", "2"], dtype=pd.ArrowDtype(pa.string())),
        pd.date_range("2024", periods=2),
        np.array([1j, 2j]),
    ],
)
def test_what_is_no_column_of_numbers(values):
    assert as_numbers_if(pd.Series(values)) is None


TEXTS = {  # texts -> the numbers that the advice makes of them
    ("12.5", "3", "-4e2"): [12.5, 3, -400],
    ("1,234", "2,345.5", "7"): [1234, 2345.5, 7],
    ("1,234,567", "1"): [1234567, 1],
    ("12,5", "0,25", "3"): [12.5, 0.25, 3],
    ("0,125", "0,250"): [0.125, 0.25],
    ("1.234,5", "2"): [1234.5, 2],
    ("1.234.567", "2"): [1234567, 2],
    ("1 234", "5"): [1234, 5],
    ("1\u202f234,5", "5"): [1234.5, 5],
    ("1'234", "5"): [1234, 5],
    ("$3", "4 €", "5%"): [3, 4, 5],
    ("\u22123", "4"): [-3, 4],
    (" 3", "4 "): [3, 4],
    ("12.5", "n/a", "-", "", "13", "14", "15"): [12.5, NAN, NAN, NAN, 13, 14, 15],
}
MARKED = ["3", "n/a", "NaN", "NULL", "None", "-", "--", "", "?", ".", "#N/A", "#DIV/0!", "na"]
AS_TEXTS = [object, "str", "string", pd.ArrowDtype(pa.string())]


def followed(text, **names):
    """Run the first call that a text shows between backticks."""
    exec(re.search(r"`(\w+\[.*?\] = .*?)`", text)[1], {"pd": pd, "np": np, **names})


@pytest.mark.parametrize("texts", TEXTS, ids=map(" ".join, TEXTS))
@pytest.mark.parametrize("dtype", AS_TEXTS, ids=map(str, AS_TEXTS))
def test_texts_of_numbers_and_the_advice_for_them(texts, dtype):
    frame = pd.DataFrame({"x": pd.Series([*texts, None], dtype=dtype)})
    assert number_texts(frame["x"])
    followed(advice(frame["x"]), frame=frame)
    numbers = as_numbers_if(frame["x"]).to_numpy(np.float64, na_value=np.nan)
    np.testing.assert_allclose(numbers, [*TEXTS[texts], NAN])


def test_marks_of_missing_values_and_a_few_words_are_no_names():
    assert number_texts(pd.Series(MARKED, dtype=object)) == ["3"]
    assert number_texts(pd.Series(["3.5", "4.25", "closed"])) == ["3.5", "4.25"]
    assert len(number_texts(pd.Series([*map(str, range(100)), "closed"]))) == 100
    long = pd.Series(["5"] + [None] * 50_000 + ["6", "7"] * 10_000)
    assert {*number_texts(long)} >= {"5", "7"}


def test_a_comma_that_may_mean_either_is_asked_about():
    column = pd.Series(["1,234", "2,345"], name="x")
    text = advice(column)
    assert "`frame['x'] = pd.to_numeric(frame['x'].str.replace(',', ''))` where a comma sep" in text
    assert "`frame['x'] = pd.to_numeric(frame['x'].str.replace(',', '.'))` where it is the" in text
    assert text.endswith("Where they are names: `frame['x'] = frame['x'].astype('category')`.")


@pytest.mark.parametrize(
    "texts",
    [
        ["007", "12"],
        ["01067", "80331"],
        ["red", "1", "green"],
        ["36", "38", "40", "XL"],
        ["1.5", "closed", "holiday"],
        ["1.2.3", "1.2.4"],
        ["2024-01-01", "2024-01-02"],
        ["3 kg", "4 kg"],
        ["A1", "A2"],
        ["", "-"],
        [],
    ],
)
def test_texts_that_are_names(texts):
    assert number_texts(pd.Series(texts, dtype=object)) == []
    assert number_texts(pd.Series(["1", "2"], dtype="category")) == []


OTHERS = {
    "bytes": objects(b"a", b"b"),
    "complex": np.array([1j, 2.5]),
    "complex objects": objects(1j, 2.5),
    "timedelta": pd.to_timedelta([1, 2], unit="D"),
    "datetime": pd.date_range("2024", periods=2),
    "numbers beside texts": objects(1, "b"),
    "numbers beside texts of numbers": objects(1.5, "2"),
    "category of numbers": pd.Categorical([3, 4]),
    "texts": objects("a", "b"),
}


@pytest.mark.parametrize("names_allowed", [True, False])
@pytest.mark.parametrize("kind", OTHERS)
def test_advice_for_other_columns_makes_numbers_or_names(kind, names_allowed):
    frame = pd.DataFrame({"x": OTHERS[kind]})
    text = advice(frame["x"], names_allowed=names_allowed)
    followed(text, frame=frame)
    if kind == "bytes":
        assert number_texts(frame["x"]) == [] == [*set(frame["x"]) - {"a", "b"}]
    elif kind == "texts" and names_allowed:
        assert frame["x"].dtype == "category"
    else:
        assert as_numbers_if(frame["x"]) is not None
    if "Where they are names" in text:
        frame = pd.DataFrame({"x": OTHERS[kind]})
        followed(text.partition("Where they are names")[2], frame=frame)
        assert frame["x"].tolist() == ["1", "b"] or frame["x"].tolist() == ["1.5", "2"]
        assert frame["x"].dtype == "category"


def test_the_argument_is_named_and_examples_are_few():
    column = pd.Series(list("123456789"), name="x", dtype=object)
    assert "`future['x'] = pd.to_numeric(future['x'])`" in advice(column, "future")
    seen = received(column, number_texts(column))
    assert seen == (
        "'x' (object), texts that look like numbers, e.g. '1', '2', '3', '4', '5' and 4 more"
    )
    assert received(pd.Series(objects(None), name="x")) == "'x' (object) without a value"
    assert received(pd.Series(objects("b", 1), name="x")) == "'x' (object), e.g. b, 1"
    assert are_mixed(["a", Decimal(1)])
    assert not are_mixed([1, 2.5, True])
    assert not are_mixed(["a", [1]])
