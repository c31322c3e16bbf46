"""`ForecasterConfig`: a forecaster's parameters, checked, resolved on data, to and from JSON."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from pandas.tseries.frequencies import to_offset

from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.data.json_index import label_from_json, label_to_json
from forecaster.data.labels import check_list, check_one_label, listed
from forecaster.data.reading import Reading
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_parts import until_observed
from forecaster.data.time_grid import season_length
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.time_features import (
    TimeFeatures,
    as_time_features,
    check_time_features,
    default_time_features,
)
from forecaster.network.core import Core
from forecaster.network.heads import Point, Quantiles, as_output
from forecaster.network.model import SavedNetwork, as_network, check_backend
from forecaster.network.normalization import NORMALIZATIONS, Normalization
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.settings import Training
from forecaster.utils.checks import check_choice, check_integer

Channels = Literal["independent", "joint"]
LABELS = ("id_column", "time_column", "weight_column")
LISTS = ("target", *COVARIATE_ROLES)
NETWORKS = {spec.__name__: spec for spec in (RecurrentNetwork, SavedNetwork)}


@dataclass(frozen=True, kw_only=True)
class ForecasterConfig:
    """Parameters of a `Forecaster`; the docstring of that class describes each.

    Args:
        reading: the parameters that say how a frame is read.
        horizon, input_length, season_length, time_features, channels, normalization, network,
            output, training, seed: as in `Forecaster`.
    """

    reading: Reading
    horizon: int
    input_length: int | None
    season_length: int | None
    time_features: Any
    channels: Channels
    normalization: Normalization
    network: str | Core
    output: str | Point | Quantiles
    training: Training
    seed: int

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> ForecasterConfig:
        """Make a config of parameters as `Forecaster.get_params(deep=False)` gives them."""
        rest = {
            name: listed(value) if name in LISTS else value for name, value in parameters.items()
        }
        reading = Reading(**{field.name: rest.pop(field.name) for field in fields(Reading)})
        return cls(reading=reading, **rest)

    def checked(self) -> ForecasterConfig:
        """Check every parameter, and return the config itself.

        Columns are checked later, when a frame is read.

        Raises:
            RuntimeError: if Keras does not run on TensorFlow.
            TypeError, ValueError: if a parameter has another type, or lies outside its range.
            ImportError: if a parameter needs a package that is not installed.
        """
        check_backend()
        check_integer("horizon", self.horizon, minimum=1)
        for name in ("input_length", "season_length"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum=1)
        for name in LABELS:
            check_one_label(name, getattr(self.reading, name))
        check_list("target", self.reading.target, or_one=True)
        for name in COVARIATE_ROLES:
            check_list(name, getattr(self.reading, name))
        check_time_features(self.time_features)
        check_choice("channels", self.channels, get_args(Channels))
        check_choice("normalization", self.normalization, NORMALIZATIONS)
        check_integer("seed", self.seed, minimum=0)
        if self.seed >= 2**32:
            raise ValueError(f"`seed` must be below 2**32. Received: seed={self.seed!r}.")
        if not isinstance(self.training, Training):
            raise TypeError(
                f"`training` must be a Training. Received: training={self.training!r}. "
                "For example Training(epochs=20)."
            )
        as_network(self.network)
        self.training.loss_for(self.head)
        return self

    @property
    def core(self) -> Core:
        """Return the function that makes the core network."""
        return as_network(self.network)

    @property
    def head(self) -> Point | Quantiles:
        """Return the output that the network is trained for."""
        return as_output(self.output)

    @property
    def is_joint(self) -> bool:
        """Return whether one window holds all targets."""
        return self.channels == "joint"

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters by their names in `Forecaster`."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**vars(own.pop("reading")), **own}

    def changed(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return the names of parameters that differ, as far as fitted weights depend on them."""
        now = ForecasterConfig.of(parameters).parameters
        return [
            name
            for name, value in self.parameters.items()
            if name not in ("training", "seed") and not _is_same(name, value, now[name])
        ]

    def window_spec(self, table: SeriesTable) -> WindowSpec:
        """Return the shapes of windows of `table`, with defaults resolved on its observed rows."""
        return self._window_spec(until_observed(table))

    def resolved(self, table: SeriesTable) -> dict[str, Any]:
        """Resolve the data-dependent defaults on the observed rows of a table.

        Returns:
            Values of the parameters whose defaults depend on the number of rows.
        """
        observed = until_observed(table)
        spec = self._window_spec(observed)
        names = self._feature_names(observed, spec)
        return {"input_length": spec.input_length, "time_features": names}

    def resolved_time_features(self, table: SeriesTable, spec: WindowSpec) -> TimeFeatures:
        """Return the time features of windows of these shapes."""
        return as_time_features(self._feature_names(table, spec), table.starts)

    def to_json(self) -> dict[str, Any]:
        """Serialize the parameters to JSON-compatible values; `from_json` is the way back.

        Raises:
            TypeError: if a label is not a text, a number, None or a tuple of those.
        """
        reading = self.reading
        target = reading.target
        described = self.parameters | {
            "target": [label_to_json(label) for label in target]
            if isinstance(target, list)
            else {"label": label_to_json(target)},
            **{name: label_to_json(getattr(reading, name)) for name in LABELS},
            **{
                name: [label_to_json(label) for label in getattr(reading, name)]
                for name in COVARIATE_ROLES
            },
            "time_features": _time_features_to_json(self.time_features),
            "freq": _freq_to_json(reading.freq),
            "network": _network_to_json(self.network),
            "output": list(self.output.levels) if isinstance(self.output, Quantiles) else "point",
            "training": asdict(self.training),
        }
        return json.loads(json.dumps(described, default=np.generic.item))  # NumPy's numbers too

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> ForecasterConfig:
        """Return the config that `to_json` described; nothing is evaluated."""
        target, network, output = (described[name] for name in ("target", "network", "output"))
        roles: dict[str, Any] = {name: label_from_json(described[name]) for name in LABELS}
        for name in COVARIATE_ROLES:
            roles[name] = tuple(label_from_json(label) for label in described[name])
        parameters = {
            **described,
            **roles,
            "target": [label_from_json(label) for label in target]
            if isinstance(target, list)
            else label_from_json(target["label"]),
            "network": network if isinstance(network, str) else _network_from_json(network),
            "output": output if isinstance(output, str) else Quantiles(output),
            "training": Training(**described["training"]),
        }
        return cls.of(parameters)

    def _window_spec(self, observed: SeriesTable) -> WindowSpec:
        season, length = self.season_length, self.input_length
        if season is None:
            season = season_length(observed.freq)
        if length is None:
            length = default_input_length(season, self.horizon, observed.lengths.max())
        return WindowSpec(
            input_length=int(length),  # it may be NumPy's, which JSON and Keras's seeds refuse
            horizon=int(self.horizon),
            channels=observed.num_targets if self.is_joint else 1,
            head_width=self.head.width,
            season_length=int(season),
            seed=int(self.seed),
        )

    def _feature_names(self, table: SeriesTable, spec: WindowSpec) -> Any:
        names = self.time_features
        if isinstance(names, str) and names == "auto":
            found = default_time_features(table.freq, spec.input_length, table.lengths.max())
            return [*found] or None
        return names


def default_input_length(season_length: int, horizon: int, rows: int) -> int:
    """Return the default number of history steps in a window.

    Three seasons or three horizons, whichever is more, in whole seasons; but no more than a third
    of the rows, so that windows to learn from remain, and never less than a season.
    """
    wanted = -(-3 * max(season_length, horizon) // season_length)
    return season_length * max(min(wanted, rows // 3 // season_length), 1)


def _is_same(name: str, before: Any, now: Any) -> bool:
    return tuple(now) == tuple(before) if name in COVARIATE_ROLES else now == before


def _time_features_to_json(time_features: Any) -> str | list[str] | None:
    is_json = time_features is None or isinstance(time_features, str)
    return time_features if is_json else list(time_features)


def _freq_to_json(freq: Any) -> Hashable:
    """Name a step, as pandas names offsets and time deltas."""
    is_json = freq is None or isinstance(freq, str | Integral)
    return freq if is_json else to_offset(freq).freqstr


def _network_to_json(network: str | Core) -> Any:
    if isinstance(network, str):
        return network
    if isinstance(network, RecurrentNetwork | SavedNetwork) and type(network) in NETWORKS.values():
        return {"kind": type(network).__name__, **asdict(network)}
    # Any other function is identified by where it is defined; `save` writes the core it made.
    named = network if hasattr(network, "__qualname__") else type(network)
    return {"kind": "function", "name": f"{named.__module__}.{named.__qualname__}"}


def _network_from_json(described: Mapping[str, Any]) -> Core:
    rest = dict(described)
    return NETWORKS[rest.pop("kind")](**rest)
