"""A forecaster's parameters <-> plain data for JSON; nothing is evaluated on the way back."""

from __future__ import annotations

import json
from dataclasses import asdict
from numbers import Integral
from typing import Any

import numpy as np
from pandas.tseries.frequencies import to_offset

from forecaster.data.covariates import GROUPS
from forecaster.data.reading import label_from_plain, plain_label
from forecaster.network.heads import Quantiles
from forecaster.network.model import SavedNetwork
from forecaster.network.recurrent import Core, RecurrentNetwork
from forecaster.training.loop import Training

LABELS = ("id_column", "time_column", "weight_column")
NETWORKS = {spec.__name__: spec for spec in (RecurrentNetwork, SavedNetwork)}


def plain_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """What `Forecaster.get_params(deep=False)` gives, as plain data.

    Raises:
        TypeError: if a label cannot be written as plain data.
    """
    target, output = parameters["target"], parameters["output"]
    plain = parameters | {
        "target": [plain_label(label) for label in target]
        if isinstance(target, list)
        else {"label": plain_label(target)},
        **{name: plain_label(parameters[name]) for name in LABELS},
        **{name: [plain_label(label) for label in parameters[name]] for name in GROUPS},
        "time_features": _plain_time_features(parameters["time_features"]),
        "freq": _plain_freq(parameters["freq"]),
        "network": _plain_network(parameters["network"]),
        "output": list(output.levels) if isinstance(output, Quantiles) else "point",
        "training": asdict(parameters["training"]),
    }
    return json.loads(json.dumps(plain, default=np.generic.item))  # numbers may be NumPy's


def parameters_from_plain(plain: dict[str, Any]) -> dict[str, Any]:
    """The parameters that `plain_parameters` wrote."""
    target, network, output = (plain[name] for name in ("target", "network", "output"))
    return plain | {
        "target": [label_from_plain(label) for label in target]
        if isinstance(target, list)
        else label_from_plain(target["label"]),
        **{name: label_from_plain(plain[name]) for name in LABELS},
        **{name: tuple(label_from_plain(label) for label in plain[name]) for name in GROUPS},
        "network": network if isinstance(network, str) else _network(network),
        "output": output if isinstance(output, str) else Quantiles(output),
        "training": Training(**plain["training"]),
    }


def _plain_time_features(time_features: Any) -> str | list[str] | None:
    is_plain = time_features is None or isinstance(time_features, str)
    return time_features if is_plain else list(time_features)


def _plain_freq(freq: Any) -> str | int | None:
    """A step by its name, which pandas has for offsets and time deltas."""
    is_plain = freq is None or isinstance(freq, str | Integral)
    return freq if is_plain else to_offset(freq).freqstr


def _plain_network(network: str | Core) -> Any:
    if isinstance(network, str):
        return network
    if type(network) in NETWORKS.values():
        return {"kind": type(network).__name__, **asdict(network)}
    # Any other function: where it lives tells it apart; `save` writes what it made.
    named = network if hasattr(network, "__qualname__") else type(network)
    return {"kind": "function", "name": f"{named.__module__}.{named.__qualname__}"}


def _network(plain: dict[str, Any]) -> Core:
    plain = dict(plain)
    return NETWORKS[plain.pop("kind")](**plain)
