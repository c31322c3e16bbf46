"""Awkward columns of numbers, texts and names, a line each, and what must come out of each.

A line is: its name, a function that makes the frame, the options of `Reading`, and what
must come out: `gives` the values of the targets, `covariate` those of one covariate, `refuses`
with a piece of the message, or `warns`. `refuses(..., then=...)` runs the call that the message
advises, and then that must come out.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.helpers.frame_outcomes import covariate, gives, refuses, warns

NAN = np.nan
DAYS = pd.date_range("2024-01-01", periods=6, freq="D")
Y = [3.0, 1.0, 4.0, 1.5, 9.0, 2.0]
X = [1.5, NAN, 3.0, 4.0, 5.0, 6.0]  # what columns called x hold
COVARIATE = {"target": "y", "past_covariates": ["x"]}


def objects(*values):
    found = np.empty(len(values), object)
    found[:] = values
    return found


def daily(**columns):
    """Six days of y, and other columns."""
    return pd.DataFrame({"y": Y, **columns}, index=DAYS)


def beside(values, dtype=None):
    """A function that makes six days of y and x."""
    return lambda: daily(x=pd.Series(values, index=DAYS, dtype=dtype))


def arrow(kind):
    return pd.ArrowDtype(kind)


NOT_NUMBERS = "one kind. Received: 'x' ("
LOOK = "texts that look like numbers, e.g."
IS_X = covariate(X)
COLUMNS = [
    # Numbers in object columns.
    ("Decimal", beside([Decimal(str(x)) for x in X], object), COVARIATE, IS_X),
    ("Decimal as target", beside([Decimal(str(x)) for x in X], object), {}, gives(Y, X)),
    (
        "Decimal as weights",
        lambda: daily(w=objects(*map(Decimal, "123456"))),
        {"weight_column": "w"},
        gives(Y),
    ),
    ("None for NaN", beside([1.5, None, 3, 4, 5, 6], object), COVARIATE, IS_X),
    ("NA for NaN", beside([1.5, pd.NA, 3, 4, 5, 6], object), {}, gives(Y, X)),
    ("NaT for NaN", beside([1.5, pd.NaT, 3, 4, 5, 6], object), COVARIATE, IS_X),
    ("Float64", beside([1.5, None, 3, 4, 5, 6], "Float64"), COVARIATE, IS_X),
    ("Int64", beside([1, None, 3, 4, 5, 6], "Int64"), {}, gives(Y, [1, *X[1:]])),
    (
        "boolean",
        beside([True, None, False, True, True, True], "boolean"),
        {},
        gives(Y, [1, NAN, 0, 1, 1, 1]),
    ),
    (
        "booleans as objects",
        beside([True, None, False, True, True, True], object),
        COVARIATE,
        covariate([1, NAN, 0, 1, 1, 1]),
    ),
    ("Arrow double", beside(X, arrow(pa.float64())), COVARIATE, covariate(X)),
    (
        "Arrow decimal",
        beside([None if x != x else Decimal(str(x)) for x in X], arrow(pa.decimal128(6, 2))),
        {},
        gives(Y, X),
    ),
    (
        "Arrow bool",
        beside([True, None, False, True, True, True], arrow(pa.bool_())),
        {},
        gives(Y, [1, NAN, 0, 1, 1, 1]),
    ),
    (
        "Arrow dictionary",
        beside([7, None, 9, 7, 7, 7], arrow(pa.dictionary(pa.int8(), pa.int64()))),
        COVARIATE,
        covariate([7, NAN, 9, 7, 7, 7]),
    ),
    (
        "NumPy's scalars",
        beside([np.float32(1.5), None, np.int8(3), np.uint64(4), 5, Fraction(6)], object),
        COVARIATE,
        IS_X,
    ),
    ("sparse", beside(pd.arrays.SparseArray(X)), {}, gives(Y, X)),
    (
        "too large",
        beside([10**400, 2, 3, 4, 5, 6], object),
        {},
        refuses(ValueError, "must hold finite numbers", "column 'x' at 2024-01-01"),
    ),
    (
        "no value in Arrow",
        beside([None] * 6, arrow(pa.null())),
        COVARIATE,
        covariate([NAN] * 6, []),
    ),
    ("no value", beside([None] * 6, object), COVARIATE, covariate([NAN] * 6, [])),
    (
        "no value, as target",
        beside([None] * 6, object),
        {"target": ["y", "x"]},
        gives(Y, [NAN] * 6),
    ),
    (
        "no value, not named",
        beside([None] * 6, object),
        {},
        warns("not numeric and are left out: 'x' (object)."),
    ),
    # Texts of numbers.
    (
        "texts of numbers",
        beside(["1.5", None, "3", "4", "5", "6"], object),
        COVARIATE,
        refuses(TypeError, NOT_NUMBERS, LOOK, "'1.5', '3'", then=IS_X),
    ),
    (
        "texts of numbers as target",
        beside(["1.5", None, "3", "4", "5", "6"]),
        {"target": "x"},
        refuses(TypeError, "not numeric: 'x' (", "'x' holds '1.5'", then=gives(X)),
    ),
    (
        "texts of numbers as weights",
        lambda: daily(w=list("123456")),
        {"weight_column": "w"},
        refuses(TypeError, "`weight_column` must name a column of numbers", LOOK, then=gives(Y)),
    ),
    (
        "texts of numbers, not named",
        beside(["1.5", None, "3", "4", "5", "6"]),
        {},
        warns("left out: 'x' (", "'x' looks like numbers", "pd.to_numeric(frame['x'])"),
    ),
    (
        "thousands",
        beside(["1,234", "2,345.5", None, "4", "5", "6"]),
        COVARIATE,
        refuses(TypeError, LOOK, then=covariate([1234, 2345.5, NAN, 4, 5, 6])),
    ),
    (
        "decimal commas",
        beside(["1,5", None, "3", "4,0", "5", "6"]),
        COVARIATE,
        refuses(TypeError, LOOK, then=IS_X),
    ),
    (
        "missing marks",
        beside(["1.5", "n/a", "3", "4", "5", "6"]),
        COVARIATE,
        refuses(TypeError, LOOK, "errors='coerce'", "(missing then: 'n/a')", then=IS_X),
    ),
    (
        "currencies",
        beside(["$1.5", None, "3 €", "4%", "5", "6"]),
        COVARIATE,
        refuses(TypeError, LOOK, then=IS_X),
    ),
    (
        "numbers beside texts",
        beside([1.5, "n/a", 3, 4, 5, 6], object),
        COVARIATE,
        refuses(TypeError, NOT_NUMBERS, "e.g. 1.5, n/a", "numbers beside texts", then=IS_X),
    ),
    (
        "numbers beside texts, not named",
        beside([1.5, "n/a", 3, 4, 5, 6], object),
        {},
        warns("left out: 'x' (object)", "numbers beside texts", "pd.to_numeric("),
    ),
    (
        "bytes",
        beside([b"a", b"b"] * 3, object),
        COVARIATE,
        refuses(TypeError, NOT_NUMBERS, "e.g. b'a'", then=covariate([0, 1] * 3, ["a", "b"])),
    ),
    (
        "complex",
        beside([1.5 + 1j, NAN, 3, 4, 5, 6], object),
        COVARIATE,
        refuses(TypeError, NOT_NUMBERS, "(1.5+1j)", then=IS_X),
    ),
    (
        "time deltas",
        beside(DAYS - DAYS[0]),
        {"target": "x"},
        refuses(TypeError, "not numeric: 'x' (timedelta", then=gives(np.arange(6) * 86400)),
    ),
    (
        "datetimes as covariate",
        beside(DAYS),
        COVARIATE,
        refuses(TypeError, NOT_NUMBERS, "datetime64", then=covariate(np.arange(6))),
    ),
    (
        "lists",
        beside(objects([1], [2], [3], [4], [5], [6])),
        COVARIATE,
        refuses(TypeError, NOT_NUMBERS, "e.g. [1], [2]. Give every row one value"),
    ),
    # Names, that are categories.
    (
        "category of numbers",
        beside(pd.Categorical([3, 1, None, 3, 3, 1])),
        COVARIATE,
        covariate([1, 0, NAN, 1, 1, 0], [1, 3]),
    ),
    (
        "Arrow dictionary of texts",
        beside(["b", None, "a"] * 2, arrow(pa.dictionary(pa.int8(), pa.string()))),
        COVARIATE,
        covariate([1, NAN, 0] * 2, ["a", "b"]),
    ),
    (
        "sizes",
        beside(["36", "38", "XL"] * 2),
        COVARIATE,
        covariate([0, 1, 2] * 2, ["36", "38", "XL"]),
    ),
    (
        "category of texts of numbers",
        beside(pd.Categorical(["10", "9", None] * 2)),
        COVARIATE,
        covariate([0, 1, NAN] * 2, ["10", "9"]),
    ),
    (
        "category of numbers as target",
        beside(pd.Categorical([1, 2, 3] * 2)),
        {"target": "x"},
        refuses(TypeError, "not numeric: 'x' (category)", then=gives([1, 2, 3] * 2)),
    ),
    (
        "codes with zeros",
        beside(["007", "12", "007", "12", "12", "12"]),
        COVARIATE,
        covariate([0, 1, 0, 1, 1, 1], ["007", "12"]),
    ),
    (
        "intervals",
        beside(pd.cut(range(6), 2)),
        COVARIATE,
        refuses(
            TypeError,
            NOT_NUMBERS,
            "category",
            then=covariate([0, 0, 0, 1, 1, 1], ["(-0.005, 2.5]", "(2.5, 5.0]"]),
        ),
    ),
    (
        "identifiers",
        lambda: pd.DataFrame(
            {"y": np.sin(range(30)), "note": [f"order {n:x}" for n in range(30)]},
            index=pd.date_range("2024-01-01", periods=30),
        ),
        {"past_covariates": ["note"], "target": "y"},
        warns("Covariate 'note' has 30 categories in 30 rows", "order 0", "identifiers"),
    ),
]
