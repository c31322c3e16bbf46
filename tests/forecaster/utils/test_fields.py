"""Fields of a dataclass: their kinds by their annotations, and the values they refuse."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import pytest

from forecaster.utils.fields import (
    AtLeast,
    FieldKind,
    Positive,
    Share,
    StepsOrFraction,
    check_fields,
    field_kinds,
)


@dataclass(frozen=True)
class Spec:
    """Every kind of field that there is."""

    units: Annotated[int, AtLeast(1)] = 64
    length: Annotated[int, AtLeast(2)] | None = None
    rate: Annotated[float, Positive()] = 0.1
    dropout: Annotated[float, Share()] = 0.0
    validation: Annotated[int | float, StepsOrFraction()] = 0.1
    cell: Literal["gru", "lstm"] = "gru"
    encoder: Literal["segments", "steps"] | None = None
    refit: bool = True

    def __post_init__(self):
        check_fields(self)


def test_kinds_are_read_from_annotations():
    assert field_kinds(Spec) == {
        "units": FieldKind(int, (), AtLeast(1)),
        "length": FieldKind(int, (), AtLeast(2), is_optional=True),
        "rate": FieldKind(float, (), Positive()),
        "dropout": FieldKind(float, (), Share()),
        "validation": FieldKind(int, (), StepsOrFraction()),
        "cell": FieldKind(str, ("gru", "lstm")),
        "encoder": FieldKind(str, ("segments", "steps"), is_optional=True),
        "refit": FieldKind(bool, (True, False)),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"units": 1},
        {"length": 2},
        {"length": None},
        {"rate": 3},
        {"dropout": 0.9},
        {"validation": 5},
        {"validation": 0.5},
        {"cell": "lstm"},
        {"encoder": "steps"},
        {"encoder": None},
        {"refit": False},
    ],
)
def test_values_that_are_allowed(change):
    spec = replace(Spec(), **change)
    assert {name: getattr(spec, name) for name in change} == change


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"units": 0}, ValueError, "`units` must be at least 1. Received: units=0."),
        ({"units": None}, TypeError, "`units` must be an integer. Received: units=None."),
        ({"length": 1}, ValueError, "`length` must be at least 2. Received: length=1."),
        ({"rate": 0}, ValueError, "`rate` must be finite and above 0. Received: rate=0."),
        (
            {"dropout": 1.0},
            ValueError,
            "`dropout` must be at least 0 and below 1. Received: dropout=1.0.",
        ),
        (
            {"validation": 1.5},
            ValueError,
            "`validation` must be a fraction between 0 and 1, or an integer number of steps. "
            "Received: validation=1.5.",
        ),
        ({"cell": None}, ValueError, "`cell` must be one of 'gru', 'lstm'. Received: cell=None."),
        (
            {"encoder": "rows"},
            ValueError,
            "`encoder` must be one of 'segments', 'steps'. Received: encoder='rows'.",
        ),
        (
            {"refit": "yes"},
            ValueError,
            "`refit` must be one of True, False. Received: refit='yes'.",
        ),
    ],
)
def test_values_that_are_refused(change, error, message):
    with pytest.raises(error) as caught:
        replace(Spec(), **change)
    assert str(caught.value) == message


def test_a_field_without_its_range_is_refused():
    """Otherwise any value of it would be refused, or none."""

    @dataclass(frozen=True)
    class Undeclared:
        momentum: float = 0.9

    message = r"`momentum` of Undeclared must be declared with what it may hold. Received: <class"
    with pytest.raises(TypeError, match=message):
        check_fields(Undeclared())


def test_what_belongs_to_the_class_is_no_field():
    @dataclass(frozen=True)
    class WithConstant:
        longest: ClassVar[int] = 9
        units: Annotated[int, AtLeast(1)] = 1

    assert list(field_kinds(WithConstant)) == ["units"]
