"""Forecast time series with recurrent Keras networks, from a DataFrame to a SavedModel.

Public names are imported on first use (PEP 562), so that `forecaster --help` and
`forecaster.datasets` do not load TensorFlow.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers read; a test keeps it equal to the table below
    from forecaster.data.frame_checks import FrameWarning
    from forecaster.evaluation.folds import Folds
    from forecaster.evaluation.plots import plot_forecast
    from forecaster.files.table import read_table
    from forecaster.forecaster import Forecaster
    from forecaster.inputs.spec import WindowSpec
    from forecaster.network.heads import Quantiles
    from forecaster.network.recurrent import RecurrentNetwork
    from forecaster.search.search import ForecasterSearch
    from forecaster.search.space import space
    from forecaster.training.settings import Training

_MODULE_OF = {
    "Folds": "forecaster.evaluation.folds",
    "Forecaster": "forecaster.forecaster",
    "ForecasterSearch": "forecaster.search.search",
    "FrameWarning": "forecaster.data.frame_checks",
    "Quantiles": "forecaster.network.heads",
    "RecurrentNetwork": "forecaster.network.recurrent",
    "Training": "forecaster.training.settings",
    "WindowSpec": "forecaster.inputs.spec",
    "plot_forecast": "forecaster.evaluation.plots",
    "read_table": "forecaster.files.table",
    "space": "forecaster.search.space",
}

__all__ = [
    "Folds",
    "Forecaster",
    "ForecasterSearch",
    "FrameWarning",
    "Quantiles",
    "RecurrentNetwork",
    "Training",
    "WindowSpec",
    "plot_forecast",
    "read_table",
    "space",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # 20 ms that only this name needs

        value = version("keras-forecaster")
    elif name in _MODULE_OF:
        value = getattr(_imported(_MODULE_OF[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value  # later look-ups find it without this function
    return value


def _imported(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in ("jax", "torch"):
            raise
        # Keras was set to a backend that is not installed.
        raise RuntimeError(
            "Keras must run on its TensorFlow backend for a Forecaster. Received: one that needs "
            f"{error.name}, which is not installed. Set KERAS_BACKEND=tensorflow and start again."
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
