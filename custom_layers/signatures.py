"""Constructor signatures in full: the arguments that `**` passes on, by name and with defaults.

Who owns what:

- Each constructor owns the arguments that it names, with their defaults.
- The annotation of its `**`, `Unpack[<a TypedDict>]`, owns the names and types of what is passed
  on. Editors and type checkers read it.
- `FullSignature` puts both together for `inspect.signature`, `help` and documentation tools.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, Unpack

Activation = str | Callable[[Any], Any] | None
Initializer = str | Mapping[str, Any] | Callable[..., Any]
Regularizer = str | Mapping[str, Any] | Callable[[Any], Any] | None
Constraint = str | Mapping[str, Any] | Callable[[Any], Any] | None
Parameters = Mapping[str, inspect.Parameter]


class LayerArguments(TypedDict, total=False):
    """Arguments of every Keras layer."""

    name: str | None
    dtype: Any  # a name or a `keras.DTypePolicy`
    trainable: bool


def named_parameters(cls: type, last: type = object) -> dict[str, inspect.Parameter]:
    """Collect what can be passed to a constructor, from all constructors that get a part of it.

    Args:
        cls: The class. Its constructor passes what it does not name to that of the next class in
            its method resolution order, and so on.
        last: The class whose constructor passes on to some other object instead. Default: object.

    Returns:
        The parameters by name, without `self` and `**`. Where several constructors name an
        argument, the one nearest to `cls` counts.
    """
    found: dict[str, inspect.Parameter] = {}
    passed_on = None  # the names that `**` may hold; None for any
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        _, *parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        rest = None
        for parameter in parameters:
            if parameter.kind is parameter.VAR_KEYWORD:
                rest = parameter
            elif parameter.kind is not parameter.VAR_POSITIONAL and (
                passed_on is None or parameter.name in passed_on
            ):
                found.setdefault(parameter.name, parameter)
        if rest is None or base is last:
            break
        passed_on = _names_in(rest.annotation) or passed_on
    return found


def _names_in(annotation: Any) -> frozenset[str] | None:
    """Return the keys of the TypedDict in `Unpack[TypedDict]`; None for another annotation."""
    if typing.get_origin(annotation) is not Unpack:
        return None
    (arguments,) = typing.get_args(annotation)
    return frozenset(typing.get_type_hints(arguments))


class FullSignature:
    """The `__signature__` of a class: its constructor, with every argument by name.

    Args:
        parameters: Function from the class to its parameters by name. Default: `named_parameters`.

    Example:
        >>> class Base:
        ...     def __init__(self, size, *, scale=1.0): ...
        >>> class Derived(Base):
        ...     __signature__ = FullSignature()
        ...     def __init__(self, size, *, shift=0.0, **others): ...
        >>> inspect.signature(Derived)
        <Signature (size, *, shift=0.0, scale=1.0)>
    """

    def __init__(self, parameters: Callable[[type], Parameters] = named_parameters) -> None:
        self.parameters = parameters

    def __get__(self, instance: Any, owner: type) -> inspect.Signature:
        if instance is not None:  # calling an instance is something else than making one
            raise AttributeError("__signature__")
        units, *others = self.parameters(owner).values()
        shown = [units, *(parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in others)]
        # Types stand in the docstring: some are long, and Keras annotates none of its own.
        return inspect.Signature(
            [parameter.replace(annotation=parameter.empty) for parameter in shown]
        )
