"""What a fit leaves behind: all that later forecasts, updates, copies and artifacts need of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from forecaster.epochs import FitHistory
from forecaster.network import RecurrentNetwork, SavedNetwork
from forecaster.output import Point, Quantiles, as_output
from forecaster.parameters import new_model
from forecaster.plain import parameters_from_plain, plain_parameters
from forecaster.table import SeriesTable
from forecaster.time_grid import freq_name
from forecaster.windows import WindowSource, WindowSpec, forecast_at

FREE = ("training", "seed")  # parameters that the weights at hand do not depend on any more


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights, the parameters and shapes they are for, and the end of the rows they have seen.

    Args:
        parameters: of the forecaster, as `get_params(deep=False)` gives them.
        spec: shapes of the windows.
        model: from raw windows to forecasts in the targets' units.
        forward: the same, compiled.
        epochs: loss and scores of each.
        layout: the last row, for its columns and its time.
        history: the last rows, which a forecast reads and an update looks back on; None where
            an artifact was saved without them.
    """

    parameters: dict[str, Any]
    spec: WindowSpec
    model: keras.Model
    forward: Callable
    epochs: FitHistory
    layout: SeriesTable
    history: SeriesTable | None

    @classmethod
    def on(
        cls,
        table: SeriesTable,
        parameters: dict[str, Any],
        spec: WindowSpec,
        model: keras.Model,
        forward: Callable,
        epochs: FitHistory,
    ) -> Fitted:
        """What is left of a fit on `table`."""
        history = table.tail(spec.input_length + spec.horizon)
        return cls(parameters, spec, model, forward, epochs, table.tail(1), history)

    @property
    def output(self) -> Point | Quantiles:
        """What the forecasts are."""
        return as_output(self.parameters["output"])

    @property
    def is_joint(self) -> bool:
        """Whether the weights are for all columns together."""
        return self.parameters["channels"] == "joint"

    def forecast(self, table: SeriesTable, cutoffs: np.ndarray) -> np.ndarray:
        """From `cutoffs` (C,), numbers of known rows: (C, S, H, width) in the targets' units."""
        source = WindowSource(table, joint=self.is_joint)
        return forecast_at(self.forward, source, self.spec, cutoffs)

    def rows_seen(self, table: SeriesTable) -> int:
        """How many rows of `table` lie at or before the last time that the weights have seen."""
        try:
            times = table.times(0, 0, table.num_rows)
            return int(times.searchsorted(self.layout.end, side="right"))
        except (TypeError, ValueError):  # times of another kind: nobody knows
            return table.num_rows

    def changed(self, parameters: Mapping[str, Any]) -> list[str]:
        """Names of the parameters that are not what the weights are for."""
        before = self.parameters
        return [name for name in before if name not in FREE and parameters[name] != before[name]]

    def reason_to_refit(self, table: SeriesTable, rows: int) -> str | None:
        """Why the weights must not forecast from the first `rows` of `table`; None if they may."""
        is_other = self.is_joint and not table.targets.equals(self.layout.targets)
        if is_other or table.freq != self.layout.freq:
            return "the weights at hand are for other columns, or another step of the times"
        if self.rows_seen(table) > rows:
            return f"the weights at hand have seen the rows up to {self.layout.end}"
        return None

    def note(self, *, keep_history: bool) -> tuple[dict[str, Any], np.ndarray | None]:
        """All but the model as plain data, and the values of the history if they are to be kept.

        Raises:
            TypeError: if a column label, or the network, cannot be written as plain data.
        """
        parameters, kept = dict(self.parameters), self.history if keep_history else None
        if not isinstance(parameters["network"], str | RecurrentNetwork):
            parameters["network"] = SavedNetwork.of(self.model)
        note = {
            "parameters": plain_parameters(parameters),
            "spec": asdict(self.spec),
            "freq": freq_name(self.layout.freq),
            "columns": [str(target) for target in self.layout.targets],
            "quantiles": list(self.output.levels),
            "fit": _plain_epochs(self.epochs),
            "layout": (self.layout if kept is None else kept).layout(),
        }
        return note, None if kept is None else kept.values

    @classmethod
    def from_note(
        cls, note: dict[str, Any], weights: list[np.ndarray], values: np.ndarray | None
    ) -> Fitted:
        """What was described by `note()`, with these weights."""
        layout = note["layout"]
        unknown = np.full((len(layout["targets"]), layout["offsets"][-1]), np.nan)
        table = SeriesTable.from_layout(layout, unknown if values is None else values)
        return _rebuilt(
            parameters_from_plain(note["parameters"]),
            WindowSpec(**note["spec"]),
            weights,
            _epochs_from_plain(note["fit"]),
            table.tail(1),
            None if values is None else table,
        )

    def __reduce__(self):
        """Copies and other processes get the weights: a compiled pass stays where it is."""
        weights = self.model.get_weights()
        rest = (self.epochs, self.layout, self.history)
        return _rebuilt, (self.parameters, self.spec, weights, *rest)


def _plain_epochs(epochs: FitHistory) -> dict[str, Any]:
    """Texts for the numbers that JSON does not have: NaN and the infinities."""
    return {
        "loss": [_plain_number(loss) for loss in epochs.loss],
        "validation_score": [_plain_number(score) for score in epochs.validation_score],
        "naive_score": _plain_number(epochs.naive_score),
    }


def _plain_number(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)


def _epochs_from_plain(plain: dict[str, Any]) -> FitHistory:
    losses, scores = ([float(n) for n in plain[name]] for name in ("loss", "validation_score"))
    return FitHistory(losses, scores, float(plain["naive_score"]))


def _rebuilt(parameters, spec, weights, epochs, layout, history) -> Fitted:
    model, forward = new_model(parameters, spec)
    model.set_weights(weights)
    return Fitted(parameters, spec, model, forward, epochs, layout, history)
