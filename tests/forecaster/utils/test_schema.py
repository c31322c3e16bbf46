"""Kinds of JSON values: what each takes, and what its error says."""

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from forecaster.utils.fields import AtLeast
from forecaster.utils.schema import (
    Choice,
    FieldsOf,
    Integer,
    Items,
    Label,
    Nullable,
    Number,
    OneOf,
    Record,
    Table,
    Tagged,
    Text,
)


@dataclass(frozen=True)
class Spec:
    units: Annotated[int, AtLeast(1)] = 2
    way: Literal["a", "b"] = "a"


DEEP = [[[[[[[[["x"]]]]]]]]]
TREE = Record({"leaf": Integer(0, 9)}, optional={"branch": Nullable(Number())})
EITHER = OneOf({str: Choice("none"), list: Items(Text("[a-z]+"), at_least=1)})
NETWORK = Tagged("kind", {"spec": FieldsOf(Spec), "tree": TREE})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Integer(-1), -1),
        (Number(), 2),
        (Number(), -0.5),
        (Text(), "a\nb\0"),
        (Choice(True, False), False),
        (Label(), ["a", 1, 2.5, True, None, ["b"]]),
        (TREE, {"leaf": 9}),
        (TREE, {"leaf": 0, "branch": None}),
        (Table(Integer(0)), {"": 1}),
        (EITHER, "none"),
        (EITHER, ["a", "bc"]),
        (FieldsOf(Spec), {}),
        (NETWORK, {"kind": "spec", "units": 3, "way": "b"}),
        (NETWORK, {"kind": "tree", "leaf": 1}),
    ],
)
def test_what_fits_passes(kind, value):
    kind.check("it", value)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Integer(0), True, "`it` must be an integer, from 0 on; it is True"),
        (Integer(0), 1.0, "an integer"),
        (Integer(0), -1, "an integer, from 0 on; it is -1"),
        (Integer(1, 9), 10, "1 .. 9"),
        (Integer(0), 2**63, "an integer"),
        (Number(), float("nan"), "a finite number; it is nan"),
        (Number(), float("inf"), "a finite number"),
        (Number(), "1", "a finite number"),
        (Text("[a-z]+"), "A", r"a text like \[a-z\]\+; it is 'A'"),
        (Text("[a-z]+"), "a\n", "a text like"),
        (Text(), None, "a text; it is None"),
        (Choice(True, False), 1, "one of True, False; it is 1"),
        (Choice("a"), ["a"], "one of 'a'"),
        (Label(), {"a": 1}, "a text, a number, a bool, null"),
        (Label(), DEEP, "a text, a number"),
        (Label(), [float("inf")], "a finite number"),
        (TREE, [], "a table of names"),
        (TREE, {}, "the key 'leaf' of `it` is missing"),
        (TREE, {"leaf": 1, "x": 2}, "the key 'x' of `it` is not known to this version"),
        (TREE, {"leaf": "x"}, "`it.leaf` must be an integer, 0 .. 9; it is 'x'"),
        (Items(Items(Integer(0))), [[], [1, "x"]], r"`it\[1\]\[1\]` must be an integer"),
        (Table(Integer(0)), {"a": None}, r"`it\['a'\]` must be an integer"),
        (EITHER, [], "a list of 1 or more"),
        (EITHER, 3, "must be a text or a list; it is 3"),
        (EITHER, True, "must be a text or a list"),
        (FieldsOf(Spec), {"units": 0}, "in `it` `units` must be at least 1. Received: units=0"),
        (FieldsOf(Spec), {"units": "2"}, "`units` must be an integer"),
        (FieldsOf(Spec), {"way": {}}, "`way` must be one of"),
        (FieldsOf(Spec), {"kind": "x"}, "'kind' of `it` is not known"),
        (NETWORK, {"kind": "other"}, "`it.kind` must be one of 'spec', 'tree'; it is 'other'"),
        (NETWORK, {"kind": []}, "`it.kind` must be one of"),
        (NETWORK, None, "`it.kind` must be one of"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(kind, value, words):
    with pytest.raises(ValueError, match=words):
        kind.check("it", value)


def test_a_long_value_is_told_shortly():
    with pytest.raises(ValueError) as error:
        Integer(0).check("it", "x" * 10**6)
    assert len(str(error.value)) < 200
