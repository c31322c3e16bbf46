"""A forecaster's parameters <-> plain data that JSON can hold. Nothing is evaluated on the way back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from forecaster.network import Core, RecurrentNetwork, SavedNetwork
from forecaster.output import Point, Quantiles
from forecaster.table import label_from_plain, plain_label
from forecaster.time_grid import freq_name
from forecaster.training import Training

NETWORKS = {spec.__name__: spec for spec in (RecurrentNetwork, SavedNetwork)}


def plain_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """What `Forecaster.get_params(deep=False)` gives, as plain data.

    Raises:
        TypeError: if a label or the network cannot be written as plain data.
    """
    target, output, freq = (parameters[name] for name in ("target", "output", "freq"))
    return parameters | {
        "target": [plain_label(label) for label in target]
        if isinstance(target, list)
        else {"label": plain_label(target)},
        "time_column": plain_label(parameters["time_column"]),
        "freq": freq if freq is None or isinstance(freq, str) else freq_name(freq),
        "network": _plain_network(parameters["network"]),
        "output": list(output.levels) if isinstance(output, Quantiles) else "point",
        "training": asdict(parameters["training"]),
    }


def parameters_from_plain(plain: dict[str, Any]) -> dict[str, Any]:
    """The parameters that `plain_parameters` wrote."""
    target, network, output = (plain[name] for name in ("target", "network", "output"))
    return plain | {
        "target": [label_from_plain(label) for label in target]
        if isinstance(target, list)
        else label_from_plain(target["label"]),
        "time_column": label_from_plain(plain["time_column"]),
        "network": network if isinstance(network, str) else _network(network),
        "output": output if isinstance(output, str) else Quantiles(output),
        "training": Training(**plain["training"]),
    }


def _plain_network(network: str | Core) -> Any:
    if isinstance(network, str):
        return network
    if type(network).__name__ in NETWORKS:
        return {"kind": type(network).__name__, **asdict(network)}
    # Any other function: where it lives tells it apart; `save` writes what it made.
    return {"kind": "function", "name": f"{network.__module__}.{network.__qualname__}"}


def _network(plain: dict[str, Any]) -> Core:
    plain = dict(plain)
    return NETWORKS[plain.pop("kind")](**plain)
