"""scikit-learn's parameter contract for an estimator whose parameters are frozen dataclasses.

`get_params` and `set_params` reach into a spec by scikit-learn's names: ``network__units`` is the
field `units` of the parameter `network`. A spec is replaced, never changed.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from sklearn.base import BaseEstimator


class SpecEstimator(BaseEstimator):
    """A `BaseEstimator` that expands parameters which are dataclasses."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; with `deep`, the fields of specs too, as ``parameter__field``."""
        params = super().get_params(deep=False)
        if deep:
            for name in list(params):
                spec = self._as_spec(name)
                params |= {f"{name}__{field.name}": getattr(spec, field.name) for field in _fields(spec)}
        return params

    def set_params(self, **params: Any) -> SpecEstimator:
        """Set parameters, or fields of specs by ``parameter__field``; returns itself.

        Raises:
            ValueError: if there is no such parameter or field.
        """
        known = self.get_params()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"Parameters must be among those of {type(self).__name__}. "
                    f"Received: {name}={params[name]!r}. Known are {', '.join(sorted(known))}."
                )
        # Whole parameters first, so that a field goes into the spec that came in the same call.
        for name in sorted(params, key=lambda name: "__" in name):
            parameter, _, field = name.partition("__")
            value = replace(self._as_spec(parameter), **{field: params[name]}) if field else params[name]
            setattr(self, parameter, value)
        return self

    def _as_spec(self, name: str) -> Any:
        """The parameter as a spec, where it is one or stands for one."""
        return getattr(self, name)


def _fields(spec: Any):
    return fields(spec) if is_dataclass(spec) and not isinstance(spec, type) else ()
