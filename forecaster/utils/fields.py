"""Fields of frozen dataclasses: types, bounds and choices, declared and checked by annotations.

A field is declared by its annotation, for example

    units: Annotated[int, AtLeast(1)] = 64
    encoder: Literal["segments", "steps"] = "segments"
    segment_length: Annotated[int, AtLeast(1)] | None = None

`check_fields` checks the values of an instance; the command line makes options of the same kinds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin, get_type_hints

from forecaster.utils.checks import (
    check_choice,
    check_integer,
    check_positive,
    check_share,
    check_steps_or_fraction,
)


class Bound(Protocol):
    """Range of a number, as an annotation of a field."""

    def check(self, name: str, value: Any) -> None:
        """Raise TypeError or ValueError if a value is out of range."""


@dataclass(frozen=True)
class AtLeast:
    """Bound of an integer: at least `minimum`."""

    minimum: int

    def check(self, name: str, value: Any) -> None:
        """Check the value of the field `name`."""
        check_integer(name, value, minimum=self.minimum)


@dataclass(frozen=True)
class Positive:
    """Bound of a finite number: above zero."""

    def check(self, name: str, value: Any) -> None:
        """Check the value of the field `name`."""
        check_positive(name, value)


@dataclass(frozen=True)
class Share:
    """Bound of a number: from 0 up to but not including 1."""

    def check(self, name: str, value: Any) -> None:
        """Check the value of the field `name`."""
        check_share(name, value)


@dataclass(frozen=True)
class StepsOrFraction:
    """Bound of an integer number of steps, at least 1, or of a fraction between 0 and 1."""

    def check(self, name: str, value: Any) -> None:
        """Check the value of the field `name`."""
        check_steps_or_fraction(name, value)


@dataclass(frozen=True)
class FieldKind:
    """Type, choices and range of a field.

    Args:
        type: int, float, str or bool; the first member of a union of others.
        choices: all allowed values; empty for a number with a `bound`.
        bound: the range of a number.
        is_optional: whether None is allowed too.
    """

    type: type
    choices: tuple[Any, ...] = ()
    bound: Bound | None = None
    is_optional: bool = False

    def check(self, name: str, value: Any) -> None:
        """Check the value of the field `name`.

        Raises:
            TypeError, ValueError: if the value is not allowed.
        """
        if value is None and self.is_optional:
            return
        if self.bound is not None:
            self.bound.check(name, value)
        else:
            check_choice(name, value, self.choices)


def check_fields(spec: object) -> None:
    """Check every field of a dataclass by its annotation.

    Raises:
        TypeError: if a value has another type.
        ValueError: if it is out of range, or none of the choices.
    """
    spec_type: type = type(spec)
    for name, kind in field_kinds(spec_type).items():
        kind.check(name, getattr(spec, name))


@cache
def field_kinds(spec: type) -> dict[str, FieldKind]:
    """Read the kinds of all fields of a dataclass from its annotations, by name.

    Raises:
        TypeError: if a field is declared without its range or its choices.
    """
    hints = get_type_hints(spec, include_extras=True)
    kinds = {field.name: _kind(hints[field.name]) for field in fields(spec)}
    for name, kind in kinds.items():
        if kind.bound is None and not kind.choices:
            raise TypeError(
                f"`{name}` of {spec.__name__} must be declared with what it may hold. Received: "
                f"{hints[name]}. For example Annotated[int, AtLeast(1)] or Literal['a', 'b']."
            )
    return kinds


def _kind(hint: Any) -> FieldKind:
    """Read the kind of a field from its type hint."""
    is_optional, bound = NoneType in get_args(hint), None
    first = _first_member(hint)
    if get_origin(first) is Annotated:
        first, bound = get_args(first)[:2]
        first = _first_member(first)
    if get_origin(first) is Literal:
        choices = get_args(first)
        return FieldKind(type(choices[0]), choices, None, is_optional)
    return FieldKind(first, (True, False) if first is bool else (), bound, is_optional)


def _first_member(hint: Any) -> Any:
    """Return the first type of a union, and any other hint as it is."""
    return get_args(hint)[0] if get_origin(hint) in (Union, UnionType) else hint
