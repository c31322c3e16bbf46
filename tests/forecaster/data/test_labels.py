"""Labels as users write them: lists of any kind, misspelled names, names that forecasts take."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.labels import (
    check_list,
    check_one_label,
    labels_of,
    listed,
    reject_reserved,
    reject_unknown,
)

FRAME = pd.DataFrame({"y": [1.0]})
COLUMNS = pd.Index(["a", "b", "c"])
LEVELS = pd.MultiIndex.from_tuples([("a", "x"), ("b", "x")])


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b"],
        ("a", "b"),
        np.array(["a", "b"]),
        np.array(["a", "b"], object),
        pd.Index(["a", "b"]),
        pd.Series(["a", "b"]),
        pd.array(["a", "b"], dtype="string"),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_lists_of_any_kind(labels):
    assert labels_of(labels, COLUMNS) == ["a", "b"]
    check_list("past_covariates", labels)


@pytest.mark.parametrize(
    ("label", "columns", "expected"),
    [
        ("a", COLUMNS, ["a"]),
        (None, COLUMNS, []),
        (3, pd.Index([3, 4]), [3]),
        (np.int64(3), pd.Index([3, 4]), [3]),
        (np.str_("a"), COLUMNS, ["a"]),
        (np.array("a"), COLUMNS, ["a"]),
        (("a", "x"), LEVELS, [("a", "x")]),
        ([("a", "x"), ("b", "x")], LEVELS, [("a", "x"), ("b", "x")]),
        (LEVELS, LEVELS, [("a", "x"), ("b", "x")]),
        (("a", "x"), pd.Index([("a", "x"), "b"], tupleize_cols=False), [("a", "x")]),
        (range(2), pd.Index([0, 1]), [0, 1]),
        (pd.Timestamp("2024"), pd.Index([pd.Timestamp("2024")]), [pd.Timestamp("2024")]),
    ],
)
def test_one_label_or_a_list_of_tuples(label, columns, expected):
    assert labels_of(label, columns) == expected


def test_a_tuple_is_kept_until_the_columns_are_known():
    assert listed(("a", "b")) == ("a", "b")
    assert labels_of(("a", "b")) == [("a", "b")]


@pytest.mark.parametrize("labels", [{"a"}, {"a": 1}, {"a": 1}.keys(), iter("ab"), map(str, "ab")])
def test_what_has_no_order_or_can_be_read_only_once(labels):
    with pytest.raises(TypeError, match=r"`target` must be a list of col.* Write a list: `target="):
        check_list("target", labels)


@pytest.mark.parametrize("labels", ["price", None, 3, np.array("price")])
def test_a_list_is_asked_for_where_there_may_be_several(labels):
    with pytest.raises(TypeError, match=r"`past_covariates` must be a list .*`past_covariates=\["):
        check_list("past_covariates", labels)
    check_list("target", labels, or_one=True)


def test_one_column_is_asked_for():
    for label in ("a", 3, None, ("a", "x"), pd.Timestamp("2024"), np.int64(3)):
        check_one_label("id_column", label)
    for labels in (["a", "b"], np.array(["a", "b"]), pd.Index(["a", "b"]), {"a"}, iter("a")):
        with pytest.raises(TypeError, match="`time_column` must be the label of one"):
            check_one_label("time_column", labels)
    with pytest.raises(TypeError, match="Join them into one column") as caught:
        check_one_label("id_column", ["store", "item"])
    frame = pd.DataFrame({"store": [1], "item": ["x"]})
    exec(str(caught.value).split("`")[-2], {"frame": frame})
    assert frame["id"].tolist() == ["1/x"]


@pytest.mark.parametrize(
    ("columns", "label", "message"),
    [
        (
            ["sales", "price"],
            "salse",
            r"unknown salse\. Did you mean sales\? The columns are sales,",
        ),
        ([" sales ", "price"], "sales", r"unknown sales\. Did you mean ' sales '\? .* 'price'\."),
        (["Sales"], "sales", r"Did you mean Sales\?"),
        (["unit_price"], "unit price", r"Did you mean unit_price\?"),
        ([2024, 2025], "2024", r"unknown 2024\. Did you mean 2024\? The columns are 2024, 2025\."),
        ([("a", "x")], "a", r"The columns are \('a', 'x'\)\."),
        ([None, "a"], "b", r"The columns are None, 'a'\."),
        (["a"], [1], r"unknown \[1\]\. The columns are a\."),
        (["a"], slice(None), r"unknown slice"),
    ],
)
def test_misspelled_names(columns, label, message):
    index = pd.Index(columns, dtype=object, tupleize_cols=False)
    with pytest.raises(
        ValueError, match=rf"^`target` must name columns of `frame`\. Rec.*{message}"
    ):
        reject_unknown(index, "target", [label], "frame")


def test_a_level_is_no_column():
    with pytest.raises(ValueError, match="unknown a"):
        reject_unknown(LEVELS, "target", ["a"], "frame")
    reject_unknown(LEVELS, "target", [("a", "x")], "frame")


@pytest.mark.parametrize("name", ["prediction", "q0.1", "q.5", "q0.975", "q1e-05"])
def test_names_of_forecasts_are_taken(name):
    one, several = pd.Index(["y"]), pd.Index(["y", "z"])
    with pytest.raises(ValueError, match=rf"prediction, q0.1 .* Received: '{name}'\. Rename it"):
        reject_reserved(FRAME, [None, name], one, has_ids=True)
    reject_reserved(FRAME, [None, name], several, has_ids=True)
    reject_reserved(FRAME, [name], one, has_ids=False)
    with pytest.raises(ValueError, match=f"'y_{name}'"):
        reject_reserved(FRAME, [f"y_{name}"], several, has_ids=False)
    reject_reserved(FRAME, [f"x_{name}"], several, has_ids=False)


def test_other_names_are_free():
    names = ["step", "cutoff", "q1", "quarter", "naive", "index", 0.1, None, ("q",)]
    reject_reserved(FRAME, names, pd.Index(["prediction"]), has_ids=True)


@pytest.mark.parametrize("label", [None, np.nan, pd.NaT])
def test_a_target_without_a_label_is_refused(label):
    targets = pd.Index([label, "a"], dtype=object)
    with pytest.raises(ValueError, match=f"label for every column to forecast. Received: {label}"):
        reject_reserved(FRAME, [None], targets, has_ids=False)


@pytest.mark.parametrize("in_index", [True, False])
def test_a_taken_name_is_renamed_as_advised(in_index):
    frame = pd.DataFrame({"prediction": ["a"], "t": [1], "y": [2.0]})
    frame = frame.set_index(["prediction", "t"]) if in_index else frame
    with pytest.raises(ValueError, match="Rename it") as caught:
        reject_reserved(frame, ["prediction", "t"], pd.Index(["y"]), has_ids=True)
    renamed = eval(str(caught.value).split("`")[-2], {"frame": frame}).reset_index()
    assert {"prediction_of_rows", "t", "y"} <= {*renamed.columns}
