"""What the parameters of a `Forecaster` must be, and what stands for those that are left at None.

Parameters come as `Forecaster.get_params(deep=False)` gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from forecaster.data.covariates import GROUPS
from forecaster.data.reading import SeriesTable
from forecaster.data.time_grid import default_input_length, season_length
from forecaster.inputs.time_features import (
    TimeFeatures,
    as_time_features,
    check_time_features,
    default_time_features,
)
from forecaster.inputs.windows import WindowSpec
from forecaster.network.covariate_encoder import CovariateKinds
from forecaster.network.heads import Point, Quantiles, as_output
from forecaster.network.model import NORMALIZATIONS, build_model, check_backend, compile_forward
from forecaster.network.recurrent import as_network
from forecaster.training.loop import Training
from forecaster.utils.checks import check_choice, check_integer

CHANNELS = ("independent", "joint")


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Whether every parameter is as it must be; the frame's part is checked when it is read.

    Raises:
        RuntimeError: if Keras does not run on TensorFlow.
        TypeError, ValueError: if a parameter has another type, or lies outside its range.
    """
    check_backend()
    check_integer("horizon", parameters["horizon"], minimum=1)
    for name in ("input_length", "season_length"):
        if parameters[name] is not None:
            check_integer(name, parameters[name], minimum=1)
    for name in GROUPS:
        if not isinstance(parameters[name], list | tuple):
            raise TypeError(
                f"`{name}` must be a list of columns. Received: {name}={parameters[name]!r}. For "
                "one column write a list of one."
            )
    check_time_features(parameters["time_features"])
    check_choice("channels", parameters["channels"], CHANNELS)
    check_choice("normalization", parameters["normalization"], NORMALIZATIONS)
    seed, training = parameters["seed"], parameters["training"]
    check_integer("seed", seed, minimum=0)
    if seed >= 2**32:
        raise ValueError(f"`seed` must be below 2**32. Received: seed={seed!r}.")
    if not isinstance(training, Training):
        raise TypeError(
            f"`training` must be a Training. Received: training={training!r}. "
            "For example Training(epochs=20)."
        )
    as_network(parameters["network"])
    training.loss_for(as_output(parameters["output"]))


def window_spec(parameters: Mapping[str, Any], table: SeriesTable) -> WindowSpec:
    """The shapes that these parameters and series ask for."""
    season, length = parameters["season_length"], parameters["input_length"]
    if season is None:
        season = season_length(table.freq)
    if length is None:
        length = default_input_length(season, parameters["horizon"], table.lengths.max())
    return WindowSpec(
        input_length=int(length),  # it may be NumPy's, which JSON and Keras's seeds refuse
        horizon=int(parameters["horizon"]),
        channels=table.num_targets if parameters["channels"] == "joint" else 1,
        head_width=as_output(parameters["output"]).width,
        season_length=int(season),
        seed=int(parameters["seed"]),
    )


def time_features(
    parameters: Mapping[str, Any], table: SeriesTable, spec: WindowSpec
) -> TimeFeatures:
    """The features of time that these parameters ask for."""
    return as_time_features(_feature_names(parameters, table, spec), table.starts)


def settled(parameters: Mapping[str, Any], table: SeriesTable) -> dict[str, Any]:
    """The values of those parameters that may be left to the number of rows."""
    spec = window_spec(parameters, table)
    names = _feature_names(parameters, table, spec)
    return {"input_length": spec.input_length, "time_features": names}


def _feature_names(parameters, table, spec):
    names = parameters["time_features"]
    if isinstance(names, str) and names == "auto":
        return [*default_time_features(table.freq, spec.input_length, table.lengths.max())] or None
    return names


def new_model(
    parameters: Mapping[str, Any], spec: WindowSpec, kinds: CovariateKinds
) -> tuple[keras.Model, Callable]:
    """A model with fresh weights, and its compiled forward pass."""
    network, output = as_network(parameters["network"]), as_output(parameters["output"])
    model = build_model(network, spec, parameters["normalization"], output, kinds)
    return model, compile_forward(model)


def asked_levels(output: Point | Quantiles, quantiles: Any) -> list[float] | None:
    """The levels that a forecast is asked for, which must be levels of its output."""
    if quantiles is None:
        return None
    known = list(output.levels)
    if not known:
        raise ValueError(
            f"`quantiles` must be None for a point forecaster. Received: quantiles={quantiles!r}. "
            "Fit with `output`, for example output=Quantiles([0.1, 0.5, 0.9])."
        )
    levels = [*quantiles] if isinstance(quantiles, Sequence | np.ndarray) else [quantiles]
    if not levels or any(level not in known for level in levels):
        raise ValueError(
            f"`quantiles` must be among the levels of `output`, {known}. Received: "
            f"quantiles={quantiles!r}. Fit with those levels to have others."
        )
    return levels
