"""What a fit leaves behind: all that later forecasts, updates, copies and artifacts need of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from forecaster.config import new_model
from forecaster.data.covariates import GROUPS
from forecaster.data.reading import SeriesTable
from forecaster.data.time_grid import freq_name
from forecaster.inputs.covariate_coder import CovariateCoder, new_source
from forecaster.inputs.windows import WindowSpec, forecast_at
from forecaster.network.heads import Point, Quantiles, as_output
from forecaster.network.model import SavedNetwork
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.plain import parameters_from_plain, plain_parameters
from forecaster.training.callbacks import FitHistory

FREE = ("training", "seed")  # parameters that the weights at hand do not depend on any more


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights, the parameters and shapes they are for, and the end of the rows they have seen.

    Args:
        parameters: of the forecaster, as `get_params(deep=False)` gives them.
        spec: shapes of the windows.
        coder: what was learned of the covariates.
        model: from raw windows to forecasts in the targets' units.
        forward: the same, compiled.
        epochs: loss and scores of each.
        layout: the last row of each id, for its columns and its time.
        history: the last rows, which a forecast reads and an update looks back on; None where
            an artifact was saved without them.
    """

    parameters: dict[str, Any]
    spec: WindowSpec
    coder: CovariateCoder
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
        coder: CovariateCoder,
        model: keras.Model,
        forward: Callable,
        epochs: FitHistory,
    ) -> Fitted:
        """What is left of a fit on `table`."""
        history = table.tail(spec.input_length + spec.horizon)
        layout = table.tail(1)
        return cls(parameters, spec, coder, model, forward, epochs, layout, history)

    @property
    def output(self) -> Point | Quantiles:
        """What the forecasts are."""
        return as_output(self.parameters["output"])

    @property
    def is_joint(self) -> bool:
        """Whether the weights are for all columns together."""
        return self.parameters["channels"] == "joint"

    def forecast(self, table: SeriesTable, ids: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
        """Of `ids` (K,) from `cutoffs` (K,), numbers of known rows: (K, S, H, width)."""
        source = new_source(table, self.coder, self.spec, joint=self.is_joint)
        return forecast_at(self.forward, source, self.spec, ids, cutoffs)

    def rows_seen(self, table: SeriesTable) -> np.ndarray:
        """How many rows of each id of `table` the weights have seen: (I,)."""
        if table.ids is None or self.layout.ids is None:
            return table.rows_until(self.layout.end)
        known = self.layout.ids.get_indexer(table.ids)
        rows = table.rows_until(self.layout.ends.take(np.maximum(known, 0)))
        return np.where(known >= 0, rows, 0)

    def changed(self, parameters: Mapping[str, Any]) -> list[str]:
        """Names of the parameters that are not what the weights are for."""
        return [
            name
            for name, before in self.parameters.items()
            if name not in FREE and not _is_same(name, before, parameters[name])
        ]

    def reason_to_refit(self, table: SeriesTable, until: Any) -> str | None:
        """Why the weights must not forecast `table` from the time `until`; None if they may."""
        is_other = self.is_joint and not table.targets.equals(self.layout.targets)
        if is_other or table.freq != self.layout.freq:
            return "the weights at hand are for other columns, or another step of the times"
        if not self._ends_by(until):
            return f"the weights at hand have seen the rows up to {self.layout.end}"
        return None

    def _ends_by(self, time: Any) -> bool:
        try:
            return bool(self.layout.end <= time)
        except TypeError:  # times of another kind: nobody knows
            return False

    def note(self, *, keep_history: bool) -> tuple[dict[str, Any], dict[str, np.ndarray] | None]:
        """All but the model as plain data, and the arrays of the history if they are to be kept.

        Raises:
            TypeError: if a column label, or the network, cannot be written as plain data.
        """
        parameters, kept = dict(self.parameters), self.history if keep_history else None
        if not isinstance(parameters["network"], str | RecurrentNetwork):
            parameters["network"] = SavedNetwork.of(self.model)
        note = {
            "parameters": plain_parameters(parameters),
            "spec": asdict(self.spec),
            "covariates": self.coder.to_plain(),
            "freq": freq_name(self.layout.freq),
            "columns": [str(target) for target in self.layout.targets],
            "quantiles": list(self.output.levels),
            "fit": _plain_epochs(self.epochs),
            "layout": (self.layout if kept is None else kept).layout(),
        }
        return note, None if kept is None else kept.arrays()

    @classmethod
    def from_note(
        cls,
        note: dict[str, Any],
        weights: list[np.ndarray],
        history: dict[str, np.ndarray] | None,
    ) -> Fitted:
        """What was described by `note()`, with these weights."""
        layout = note["layout"]
        unknown = np.full((len(layout["targets"]), layout["offsets"][-1]), np.nan)
        arrays = {"values": unknown} if history is None else history
        table = SeriesTable.from_layout(layout, **arrays)
        return _rebuilt(
            parameters_from_plain(note["parameters"]),
            WindowSpec(**note["spec"]),
            CovariateCoder.from_plain(note["covariates"]),
            weights,
            _epochs_from_plain(note["fit"]),
            table.tail(1),
            None if history is None else table,
        )

    def __reduce__(self):
        """Copies and other processes get the weights: a compiled pass stays where it is."""
        weights = self.model.get_weights()
        rest = (self.epochs, self.layout, self.history)
        return _rebuilt, (self.parameters, self.spec, self.coder, weights, *rest)


def _is_same(name: str, before: Any, now: Any) -> bool:
    return tuple(now) == tuple(before) if name in GROUPS else now == before


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


def _rebuilt(parameters, spec, coder, weights, epochs, layout, history) -> Fitted:
    model, forward = new_model(parameters, spec, coder.kinds)
    model.set_weights(weights)
    return Fitted(parameters, spec, coder, model, forward, epochs, layout, history)
