"""Checks of single arguments, each with the error that says what was expected and what came."""

from __future__ import annotations

import math
from numbers import Integral, Real


def check_integer(name: str, value, *, minimum: int) -> None:
    """`value` is an integer of at least `minimum`; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}.")
    if value < minimum:
        raise ValueError(f"`{name}` must be at least {minimum}. Received: {name}={value!r}.")


def check_positive(name: str, value) -> None:
    """`value` is a finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`{name}` must be a number. Received: {name}={value!r}.")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"`{name}` must be finite and above 0. Received: {name}={value!r}.")


def check_share(name: str, value) -> None:
    """`value` is a number from 0 up to but not including 1."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`{name}` must be a number. Received: {name}={value!r}.")
    if not 0 <= value < 1:
        raise ValueError(f"`{name}` must be at least 0 and below 1. Received: {name}={value!r}.")


def check_steps_or_fraction(name: str, value) -> None:
    """`value` is a number of steps (an integer from 1) or a fraction between 0 and 1."""
    if isinstance(value, Real) and not isinstance(value, Integral):
        if not 0 < value < 1:
            raise ValueError(
                f"`{name}` must be a fraction between 0 and 1, or an integer number of steps. "
                f"Received: {name}={value!r}."
            )
    else:
        check_integer(name, value, minimum=1)


def check_choice(name: str, value, choices) -> None:
    """`value` is one of `choices`."""
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {known}. Received: {name}={value!r}.")
