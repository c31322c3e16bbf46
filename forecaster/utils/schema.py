"""Schemas of JSON documents: kinds of values, which read as the documentation of a format.

    LAYOUT = Record(
        {"kind": Choice("datetime", "integer"), "offsets": Items(Integer(0))},
        optional={"unit": Nullable(Text())},
    )
    LAYOUT.check("layout", document["layout"])

`check` raises a ValueError that names the place, what must be there, and what is. Values are as
`json` parses them: an integer is no bool, and a float is no integer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from reprlib import repr as short_repr
from typing import Any, Protocol

from forecaster.utils.fields import field_kinds

LARGEST = 2**63 - 1  # what NumPy's int64 holds
DEEPEST_LABEL = 8  # tuples in tuples


class Kind(Protocol):
    """Kind of a JSON value."""

    def check(self, where: str, value: Any) -> None:
        """Raise ValueError if a value is of another kind."""


@dataclass(frozen=True)
class Integer:
    """Integer within bounds, both included."""

    low: int
    high: int = LARGEST

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if type(value) is not int or not self.low <= value <= self.high:
            bounds = f"from {self.low} on" if self.high == LARGEST else f"{self.low} .. {self.high}"
            raise _mismatch(where, f"an integer, {bounds}", value)


@dataclass(frozen=True)
class Number:
    """Finite number, an integer or a float."""

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if type(value) not in (int, float) or not math.isfinite(value):
            raise _mismatch(where, "a finite number", value)


@dataclass(frozen=True)
class Text:
    """Text that a regular expression matches as a whole."""

    pattern: str = r"(?s).*"

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if type(value) is not str or not re.fullmatch(self.pattern, value):
            such = "" if self.pattern == Text.pattern else f" like {self.pattern}"
            raise _mismatch(where, f"a text{such}", value)


@dataclass(frozen=True, init=False)
class Choice:
    """One of several values, of the same type."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if not any(type(value) is type(one) and value == one for one in self.values):
            raise _mismatch(where, f"one of {', '.join(map(repr, self.values))}", value)


@dataclass(frozen=True)
class Label:
    """Label of a column, an id or a category: a text, a number, a bool, null, or a list of them."""

    def check(self, where: str, value: Any, depth: int = DEEPEST_LABEL) -> None:
        """Check the value at `where`."""
        if type(value) is list and depth:
            for part in value:
                self.check(where, part, depth - 1)
        elif type(value) is float:
            Number().check(where, value)
        elif value is not None and type(value) not in (str, bool, int):
            raise _mismatch(where, "a text, a number, a bool, null, or a list of those", value)


@dataclass(frozen=True)
class Nullable:
    """Null, or a value of a kind."""

    kind: Kind

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if value is not None:
            self.kind.check(where, value)


@dataclass(frozen=True)
class OneOf:
    """Value of the kind that belongs to its JSON type: `str`, `int`, `float`, `list` or `dict`."""

    kinds: Mapping[type, Kind]

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if type(value) not in self.kinds:
            names = " or ".join(_NAMES[kind] for kind in self.kinds)
            raise _mismatch(where, names, value)
        self.kinds[type(value)].check(where, value)


@dataclass(frozen=True)
class Items:
    """List of values of one kind."""

    kind: Kind
    at_least: int = 0

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if type(value) is not list or len(value) < self.at_least:
            least = f" of {self.at_least} or more" if self.at_least else ""
            raise _mismatch(where, f"a list{least}", value)
        for position, item in enumerate(value):
            self.kind.check(f"{where}[{position}]", item)


@dataclass(frozen=True)
class Table:
    """Values of one kind by names of any text."""

    kind: Kind

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if type(value) is not dict:
            raise _mismatch(where, "a table of names", value)
        for name, item in value.items():
            self.kind.check(f"{where}[{short_repr(name)}]", item)


@dataclass(frozen=True)
class Record:
    """Values by fixed names, of which the optional ones may be left out.

    Args:
        fields: kind of each value that must be there.
        optional: kind of each that may.
    """

    fields: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if type(value) is not dict:
            raise _mismatch(where, "a table of names", value)
        kinds = {**self.fields, **self.optional}
        _check_names(where, value, self.fields, kinds)
        for name, item in value.items():
            kinds[name].check(f"{where}.{name}" if where else name, item)


@dataclass(frozen=True)
class Tagged:
    """Records of several kinds, which one of their names tells apart.

    Args:
        name: the key that holds the tag.
        kinds: kind of the rest, by tag.
    """

    name: str
    kinds: Mapping[str, Kind]

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        tag: Any = value.get(self.name) if type(value) is dict else None
        Choice(*self.kinds).check(f"{where}.{self.name}", tag)
        rest = {name: item for name, item in value.items() if name != self.name}
        self.kinds[tag].check(where, rest)


@dataclass(frozen=True)
class FieldsOf:
    """Fields of a dataclass whose annotations say what they hold; any may be left out."""

    spec: type

    def check(self, where: str, value: Any) -> None:
        """Check the value at `where`."""
        if type(value) is not dict:
            raise _mismatch(where, "a table of names", value)
        kinds = field_kinds(self.spec)
        _check_names(where, value, (), kinds)
        for name, item in value.items():
            try:
                kinds[name].check(name, item)
            except (TypeError, ValueError) as error:
                raise ValueError(f"in `{where}` {str(error)[:300].rstrip('.')}") from error


_NAMES = {str: "a text", int: "an integer", float: "a number", list: "a list", dict: "a table"}


def _check_names(where: str, value: Any, needed: Any, known: Any) -> None:
    place = f" of `{where}`" if where else ""
    if missing := [name for name in needed if name not in value]:
        raise ValueError(f"the key {missing[0]!r}{place} is missing")
    if unknown := [name for name in value if name not in known]:
        raise ValueError(
            f"the key {short_repr(unknown[0])}{place} is not known to this version; upgrade it"
        )


def _mismatch(where: str, expected: str, value: Any) -> ValueError:
    return ValueError(f"`{where}` must be {expected}; it is {short_repr(value)}")
