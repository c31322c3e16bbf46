"""Deprecated names of arguments, accepted with a warning."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from forecaster.utils.warn import warn

F = TypeVar("F", bound=Callable[..., Any])


def renamed_argument(**new_names: str) -> Callable[[F], F]:
    """Let a function, or the constructor of a class, accept arguments by their old names too.

    Args:
        new_names: new name of each old one.

    Warns:
        DeprecationWarning: in a call with an old name; it names the new one.

    Raises:
        TypeError: in a call with both names.
    """

    def decorate(target: F) -> F:
        if isinstance(target, type):
            owner: Any = target
            owner.__init__ = _with_old_names(owner.__init__, new_names)
            return target
        return cast("F", _with_old_names(target, new_names))

    return decorate


def _with_old_names(function: Callable[..., Any], new_names: dict[str, str]) -> Callable[..., Any]:
    """Wrap a function so that it accepts arguments by their old names."""

    @wraps(function)
    def with_old_names(*args: Any, **kwargs: Any) -> Any:
        for old, new in new_names.items():
            if old in kwargs:
                warn(
                    f"`{old}` is now called `{new}`, and will be gone in a later version. "
                    f"Received: {old}={kwargs[old]!r}. Write {new}={kwargs[old]!r}.",
                    DeprecationWarning,
                )
                if new in kwargs:
                    raise TypeError(
                        f"`{new}` must be given once. Received: {old}={kwargs[old]!r} and "
                        f"{new}={kwargs[new]!r}. Leave `{old}` out, its old name."
                    )
                kwargs[new] = kwargs.pop(old)
        return function(*args, **kwargs)

    return with_old_names
