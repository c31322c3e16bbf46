"""scikit-learn's parameter contract for an estimator whose parameters are frozen dataclasses.

`get_params` and `set_params` reach into a spec by scikit-learn's names: ``network__units`` is the
field `units` of the parameter `network`. A spec is replaced, never changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import Field, fields, is_dataclass, replace
from threading import RLock
from typing import Any, Self

from sklearn.base import BaseEstimator

METADATA_ROUTING = "get_metadata_routing"  # of scikit-learn's pipelines


class Estimator(BaseEstimator):
    """A `BaseEstimator` without scikit-learn's metadata routing, which nothing here needs."""

    def __init_subclass__(cls) -> None:
        """Leave out `BaseEstimator`'s hook, which adds `set_fit_request` and the like to `cls`."""

    def _one_at_a_time(self) -> Any:
        """Return the lock that a call which changes the fitted attributes holds."""
        return self.__dict__.setdefault("_lock", RLock())

    def _learn(self, **fitted: Any) -> Self:
        """Set the fitted attributes; no other thread, and no signal, sees some of them only."""
        before = self.__dict__.copy()  # kept meanwhile: a destructor would let other code run
        self.__dict__.update(fitted)
        del before
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle all but the lock: each copy has its own."""
        return {name: value for name, value in super().__getstate__().items() if name != "_lock"}

    def __dir__(self) -> list[str]:
        """Return what a user may call or read: parameters, methods, and what `fit` has set."""
        names = super().__dir__()
        return [name for name in names if not name.startswith("_") and name != METADATA_ROUTING]


class SpecEstimator(Estimator):
    """An `Estimator` that expands parameters which are dataclasses."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters by name; with `deep`, fields of specs too, as ``parameter__field``."""
        params = super().get_params(deep=False)
        specs = {name: self._as_spec(name) for name in params} if deep else {}
        for name, spec in specs.items():
            for part in _fields(spec):
                params[f"{name}__{part.name}"] = getattr(spec, part.name)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, or fields of specs by ``parameter__field``; return the estimator itself.

        Raises:
            TypeError, ValueError: if there is no such parameter or field, or a spec refuses the
                value; then nothing is changed.
        """
        fresh = copy(self)
        # Whole parameters first, so that a field goes into the spec that came in the same call.
        for name in sorted(params, key=lambda name: "__" in name):
            known, value = fresh.get_params(), params[name]
            if name not in known:
                raise ValueError(
                    f"Parameters must be among those of {type(self).__name__}. "
                    f"Received: {name}={value!r}. Known are {', '.join(sorted(known))}."
                )
            parameter, _, field = name.partition("__")
            if field:
                value = replace(fresh._as_spec(parameter), **{field: value})
            setattr(fresh, parameter, value)
        self.__dict__.update(fresh.get_params(deep=False))
        return self

    def _as_spec(self, name: str) -> Any:
        """Return a parameter as a spec, where it is one or stands for one."""
        return getattr(self, name)


def _fields(spec: Any) -> Iterable[Field[Any]]:
    return fields(spec) if is_dataclass(spec) and not isinstance(spec, type) else ()
