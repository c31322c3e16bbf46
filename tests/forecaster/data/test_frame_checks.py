"""What a frame must not be, and the error that says so."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning
from tests.helpers.tables import days, ramp, read


def with_value(value):
    frame = ramp(days())
    frame.iloc[[3, 5], 1] = value
    return frame


TEXTS = ramp(range(6)).assign(when="2024-01-0" + pd.Series(range(1, 7)).astype(str))
SLASHES = TEXTS.assign(when=["01/02/2024"] * 2 + ["2024-01-03"] + ["?"] * 3)
OFFSETS = TEXTS.assign(when=["2024-03-30T00:00+01:00"] * 3 + ["2024-04-01T00:00+02:00"] * 3)
MIXED = ramp(pd.Index([1, "a", 2.5], dtype=object))
DUPLICATED = ramp(days(), list("abac"))


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        (
            [1, 2],
            {},
            TypeError,
            "`frame` must be a pandas DataFrame or Series, or .* Received: list. Call",
        ),
        (ramp(days(0)), {}, ValueError, r"must have rows and columns. Received: shape \(0, 2\)"),
        (ramp(days(), []), {}, ValueError, r"must have rows and columns. Received: shape \(40, 0"),
        (pd.Series(dtype=float), {}, ValueError, r"must have rows and columns. .* \(0, 1\)"),
        (DUPLICATED, {}, ValueError, r"every column label once. Received: duplicated a\. Rename"),
        (ramp(days())["a"], {"time_column": "t"}, ValueError, "must be None for a Series.*'t'"),
        (
            ramp(days()),
            {"time_column": "t"},
            ValueError,
            "`time_column` must name columns.*known t",
        ),
        (ramp(days()), {"target": "c"}, ValueError, r"`target` must.*unknown c\. .* are a, b\."),
        (ramp(days(), ["passengers"]), {"target": "pasengers"}, ValueError, "mean passengers?"),
        (ramp(days()), {"target": [("a", "b")]}, ValueError, r"unknown \('a', 'b'\)"),
        (ramp(days()), {"target": ["a", "a"]}, ValueError, "must name every column once.*'a', 'a'"),
        (ramp(days()), {"target": [{}]}, ValueError, "unknown {}"),
        (
            TEXTS,
            {"time_column": "when", "target": "when"},
            ValueError,
            "'when', which `time_col.* too",
        ),
        (ramp(days()), {"target": []}, TypeError, "must name numeric.*=.*: no column at all"),
        (
            ramp(days()).assign(c="x"),
            {"target": ["a", "c"]},
            TypeError,
            r"not numeric: 'c' \(.*floa",
        ),
        (ramp(days()).astype(str), {}, TypeError, r"=None; not numeric: 'a' \(.*\), 'b' \("),
        (ramp(days()).astype(complex), {}, TypeError, r"not numeric: 'a' \(complex128\)"),
        (
            with_value(np.inf),
            {},
            ValueError,
            "finite.*: inf in column 'b' at 2024-01-04.*, 2024-01-06",
        ),
        (
            with_value(-1e101),
            {},
            ValueError,
            r"numbers up to 1e100.* -1e\+101 in column 'b' at",
        ),
        (
            ramp(days()) * np.nan,
            {},
            ValueError,
            "at least one number.*missing values in columns a, b",
        ),
        (
            ramp(range(5)),
            {},
            ValueError,
            "positive int for integer times.*Give `freq=1`, set a Dat",
        ),
        (ramp(days().insert(2, pd.NaT)), {}, ValueError, r"none in the index at rows 2\. Fill"),
        (
            ramp(["x", None]),
            {},
            ValueError,
            "time in every row. Received: none in the index at rows 1",
        ),
        (
            TEXTS.assign(when=None),
            {"time_column": "when"},
            ValueError,
            "none in column 'when' at row",
        ),
        (
            ramp(list("xyz")),
            {},
            TypeError,
            r"datetimes, periods or integers.* in the index, e.g. x, y",
        ),
        (
            MIXED,
            {},
            TypeError,
            r"integers as times. Received: object in the index, e.g. 1, a\. Set",
        ),
        (ramp([0.5, 1.5]), {}, TypeError, "Received: float64 in the index"),
        (ramp([True, False]), {}, TypeError, "Received: bool in the index"),
        (
            ramp(days()).stack(),
            {},
            ValueError,
            r"ids in the first level.*Call `frame.swaplevel\(\)`",
        ),
        (
            SLASHES,
            {"time_column": "when"},
            ValueError,
            r"ISO 8601 .*: 01/02/2024, .*\?, \?\. Write all in one form .*format='%d.%m.%Y",
        ),
        (OFFSETS, {"time_column": "when"}, ValueError, "same offset from UTC.*T00:00.*utc=True"),
    ],
)
def test_frames_that_are_refused(frame, options, error, message):
    with pytest.raises(error, match=message):
        read(frame, **options)


def test_at_most_five_examples_are_named():
    with pytest.raises(ValueError, match=r"2024-01-05 00:00:00 and 35 more; columns .* values: 2"):
        read(ramp(days()) + np.inf)
    with pytest.warns(FrameWarning, match="2024-01-07 00:00:00 and 3 more"):
        read(ramp(days()).drop(days()[2:10]))
