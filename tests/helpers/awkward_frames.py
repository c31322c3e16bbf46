"""Awkward times, ids and labels, a line each, and what must come out of each; FRAMES is the table.

A line is as in awkward_columns.py, whose lines FRAMES has too.
"""

import numpy as np
import pandas as pd

from tests.helpers.awkward_columns import COLUMNS, DAYS, X, Y, beside, daily, objects
from tests.helpers.frame_outcomes import gives, refuses, warns

LONG = {"id_column": "id", "time_column": "t", "target": "y"}


def plain(**columns):
    """Six rows numbered from 0, with columns in this order."""
    return pd.DataFrame({**columns, "y": Y})


def panel(ids, **columns):
    """Two ids of three days each, below each other."""
    return pd.DataFrame(
        {"id": pd.Series(ids).repeat(3).array, "t": [*DAYS[:3]] * 2, "y": Y, **columns}
    )


def relabelled(*labels):
    """Six days of two columns, with these labels."""
    frame = daily(x=X[::-1])
    return frame.set_axis(pd.Index(labels, dtype=object, tupleize_cols=False), axis=1)


FRAMES = [
    *COLUMNS,
    # Times and ids that are not named.
    (
        "ds beside a plain index",
        lambda: plain(ds=DAYS),
        {},
        refuses(ValueError, "took the index, 0, 1, 2, ", "'ds' looks like times", then=gives(Y)),
    ),
    (
        "Date as texts",
        lambda: plain(Date=DAYS.astype(str)),
        {"target": "y"},
        refuses(
            ValueError, "for integer times; 'Date' looks like times, e.g. 2024-01-01", then=gives(Y)
        ),
    ),
    (
        "ds beside an index of texts",
        lambda: plain(ds=DAYS).set_axis([*"abcdef"]),
        {"target": "y"},
        refuses(TypeError, "in the index, e.g. a, b. 'ds' looks like times", then=gives(Y)),
    ),
    (
        "unique_id and ds",
        lambda: panel(["b", "a"]).rename(columns={"id": "unique_id", "t": "ds"}),
        {},
        refuses(
            ValueError, "`time_column='ds', id_column='unique_id'`", then=gives([*Y[3:], *Y[:3]])
        ),
    ),
    (
        "a plain index that is meant",
        lambda: plain(ds=DAYS),
        {"target": "y", "freq": 1},
        warns("took the index, 0, 1, 2, ", "`time_column='ds'`"),
    ),
    (
        "ids that are not named",
        lambda: panel(["b", "a"]),
        {"time_column": "t", "target": "y"},
        refuses(ValueError, "every time once", "`id_column='id'`", then=gives([*Y[3:], *Y[:3]])),
    ),
    (
        "datetimes left out",
        beside(DAYS),
        {},
        warns("left out: 'x' (datetime64", "'x' looks like times: `time_column='x'`"),
    ),
    (
        "a row counter",
        lambda: daily(**{"Unnamed: 0": range(6)}),
        {},
        warns("'Unnamed: 0' counts the rows", "`target=['y']`"),
    ),
    (
        "a month column",
        lambda: pd.DataFrame(
            {"month": [1, 2, 3, 4, 5, 6], "y": Y}, pd.date_range("2024", periods=6, freq="MS")
        ).iloc[::-1],
        {},
        warns("'month' holds the month of each row", "`target=['y']`"),
    ),
    (
        "a year column on a plain index",
        lambda: plain(year=range(2018, 2024)),
        {"target": "y", "freq": 1},
        warns(
            "took the index, 0, 1, 2, ",
            "'year' looks like times, e.g. 2018: `time_column='year', freq=1`",
        ),
    ),
    # Ids.
    ("ids as objects", lambda: panel(objects(2, 1)), LONG, gives([*Y[3:], *Y[:3]], ids=[1, 2])),
    ("ids with zeros", lambda: panel(["007", "01"]), LONG, gives(Y, ids=["007", "01"])),
    ("ids 1 and '1'", lambda: panel(objects(1, "1")), LONG, refuses(TypeError, "e.g. 1, '1' (")),
    (
        "ids with blanks",
        lambda: panel(["north", "north "]),
        LONG,
        warns("differ in blanks or capitals alone", "'north', 'north '"),
    ),
    (
        "no id",
        lambda: panel(objects(None, "a")),
        LONG,
        refuses(ValueError, "must have an id in every row", "at rows 0, 1, 2"),
    ),
    (
        "two columns of ids",
        lambda: panel(["a", "b"], part=1),
        {**LONG, "id_column": ["id", "part"]},
        refuses(TypeError, "`id_column` must be the label of one column", "Join them"),
    ),
    # Labels.
    ("labels are numbers", lambda: relabelled(0, 1), {"target": 1}, gives(X[::-1], labels=[1])),
    ("labels are tuples", lambda: relabelled("a", ("b", 1)), {"target": ("b", 1)}, gives(X[::-1])),
    (
        "a tuple of labels",
        lambda: relabelled("a", "b"),
        {"target": ("a", "b")},
        gives(Y, X[::-1], labels=["a", "b"]),
    ),
    (
        "an array of labels",
        lambda: relabelled("a", "b"),
        {"target": np.array(["b"])},
        gives(X[::-1]),
    ),
    (
        "a set of labels",
        lambda: relabelled("a", "b"),
        {"target": {"a"}},
        refuses(TypeError, "`target` must be a list of columns", "(set)"),
    ),
    (
        "no label",
        lambda: relabelled("a", None),
        {},
        refuses(ValueError, "a label for every column to forecast"),
    ),
    (
        "a label twice",
        lambda: relabelled("a", "a"),
        {},
        refuses(ValueError, "every column label once"),
    ),
    (
        "blanks around a label",
        lambda: relabelled(" sales ", "b"),
        {"target": "sales"},
        refuses(ValueError, "unknown sales", "Did you mean ' sales '?"),
    ),
    (
        "two roles",
        beside(X),
        {"target": "x", "past_covariates": ["x"]},
        refuses(ValueError, "`target` must name columns without another role", "'x'"),
    ),
    (
        "an id called prediction",
        lambda: panel(["a", "b"]).rename(columns={"id": "prediction"}),
        {**LONG, "id_column": "prediction"},
        refuses(ValueError, "as forecasts call their columns", "'prediction'"),
    ),
]
