"""Checks of single arguments, with errors that name the expected and the received value."""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any


def check_integer(name: str, value: object, *, minimum: int) -> None:
    """Check that `value` is an integer of at least `minimum`, and no bool."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}.")
    if value < minimum:
        raise ValueError(f"`{name}` must be at least {minimum}. Received: {name}={value!r}.")


def check_positive(name: str, value: object) -> None:
    """Check that `value` is a finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`{name}` must be a number. Received: {name}={value!r}.")
    if not (math.isfinite(value) and float(value) > 0):
        raise ValueError(f"`{name}` must be finite and above 0. Received: {name}={value!r}.")


def check_share(name: str, value: object) -> None:
    """Check that `value` is a number from 0 up to but not including 1."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`{name}` must be a number. Received: {name}={value!r}.")
    if not 0 <= float(value) < 1:
        raise ValueError(f"`{name}` must be at least 0 and below 1. Received: {name}={value!r}.")


def check_steps_or_fraction(name: str, value: object) -> None:
    """Check that `value` is a number of steps (an integer from 1) or a fraction between 0 and 1."""
    if isinstance(value, Real) and not isinstance(value, Integral):
        if not 0 < float(value) < 1:
            raise ValueError(
                f"`{name}` must be a fraction between 0 and 1, or an integer number of steps. "
                f"Received: {name}={value!r}."
            )
    else:
        check_integer(name, value, minimum=1)


def check_choice(name: str, value: object, choices: Collection[Any]) -> None:
    """Check that `value` is one of `choices`."""
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {known}. Received: {name}={value!r}.")
