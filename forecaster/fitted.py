"""State after a fit: all that later forecasts, updates, copies and artifacts need of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from os import PathLike
from typing import Any

import numpy as np

from forecaster.config import ForecasterConfig
from forecaster.data.concat import concat_in_time
from forecaster.data.frame_checks import FrameWarning
from forecaster.data.messages import shortlist
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_json import table_arrays, table_from_json, table_to_json
from forecaster.data.time_grid import freq_name
from forecaster.data.time_kinds import KnownTimes
from forecaster.inputs.batches import forecast_at
from forecaster.inputs.covariate_coder import CovariateCoder, new_source
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.spreads import Spreads
from forecaster.network.guards import (
    at_most_weights,
    dtype_policy,
    policy_of,
    set_saved_weights,
)
from forecaster.network.model import SavedNetwork, build_model, compile_forward
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.saving import artifact
from forecaster.saving.serving import Serving
from forecaster.training.callbacks import FitHistory
from forecaster.training.loop import Trained
from forecaster.training.validation import observes
from forecaster.utils.processes import check_not_forked
from forecaster.utils.warn import warn


@dataclass(frozen=True, eq=False)
class Fitted:
    """Fitted weights, with their parameters and shapes, and the end of the rows they have seen.

    Args:
        config: parameters of the forecaster.
        spec: shapes of the windows.
        trained: model, forward pass, what was learned of the covariates, and the fit's history.
        last_rows: the last row of each id, for its columns and its time.
        history: the last rows, which a forecast reads and an update looks back on; None where
            an artifact was saved without them.
    """

    config: ForecasterConfig
    spec: WindowSpec
    trained: Trained
    last_rows: SeriesTable
    history: SeriesTable | None

    @classmethod
    def on(
        cls, table: SeriesTable, config: ForecasterConfig, spec: WindowSpec, trained: Trained
    ) -> Fitted:
        """Keep of a table what is needed after a fit on it."""
        history = table.tail(spec.input_length + spec.horizon)
        return cls(config, spec, trained, table.tail(1), history)

    def forecast_table(
        self, table: SeriesTable, ids: np.ndarray, cutoffs: np.ndarray
    ) -> np.ndarray:
        """Forecast (K,) ids from (K,) cutoffs, numbers of known rows: (K, S, H, width).

        Raises:
            ValueError: if weights of the network are not finite.
        """
        check_not_forked()
        source = new_source(
            table,
            self.trained.coder,
            self.spec,
            joint=self.config.is_joint,
            spreads=self.trained.spreads,
        )
        forecast = forecast_at(self.trained.forward, source, self.spec, ids, cutoffs)
        if not np.isfinite(forecast).all():
            self._check_weights()
        return forecast

    def warn_of_categories(self, table: SeriesTable) -> None:
        """Warn of categories in a table that the fit did not see."""
        for label, categories in self.trained.coder.unseen(table).items():
            warn(
                f"Covariate {label!r} has categories that `fit` did not know, which are all taken "
                f"for an unknown one: {shortlist(categories)}.",
                FrameWarning,
            )

    def warn_of_nan(self, forecast: np.ndarray, table: SeriesTable) -> None:
        """Warn of series whose forecasts, (I, S, H, width), are not finite, and tell why."""
        failed = ~np.isfinite(forecast).all((2, 3))  # (I, S)
        if not failed.any():
            return
        rows, length = table.lengths, self.spec.input_length
        first, ids = np.maximum(rows - length, 0), np.arange(table.num_ids)
        has_value = observes(table, ids, first, rows).T
        if (blind := failed & ~has_value).any():
            warn(
                f"The forecasts of {shortlist(table.series[blind.ravel()])} are NaN, because their "
                f"newest {length} rows hold no value.",
                FrameWarning,
            )
        if (broken := failed & has_value).any():
            warn(
                f"The forecasts of {shortlist(table.series[broken.ravel()])} are NaN or infinite, "
                f"though their newest {length} rows hold values: the network gives them. Fit "
                "again, perhaps with another `network`, or bring the column closer to 0.",
                FrameWarning,
            )

    def _check_weights(self) -> None:
        """Check that no weight is the reason why a forecast is not finite."""
        wrong = [
            weight.path
            for weight in self.trained.model.weights
            if not np.isfinite(weight.numpy()).all()
        ]
        if wrong:
            raise ValueError(
                "The weights of the network must be finite numbers. Received: NaN or infinite ones "
                f"in {shortlist(wrong)}, so that it forecasts nothing. Call fit(frame) again, or "
                "load the forecaster again."
            )

    def with_later(self, table: SeriesTable) -> SeriesTable:
        """Put later rows behind the history that is kept, if one is."""
        return table if self.history is None else concat_in_time(self.history, table)

    def knowing_spreads(self, table: SeriesTable) -> Fitted:
        """Return the same weights with the spreads of the ids of `table` that they lack."""
        spreads = self.trained.spreads
        known = None if spreads is None else spreads.extended(table)
        return replace(self, trained=replace(self.trained, spreads=known))

    def known_times(self, argument: str) -> KnownTimes:
        """Return the times of the fit, which those of an argument with a frame must be like."""
        return KnownTimes(self.last_rows.starts, self.last_rows.freq, argument)

    def rows_seen(self, table: SeriesTable) -> np.ndarray:
        """Count the rows of each id of `table` that the weights have seen: (I,)."""
        if table.ids is None or self.last_rows.ids is None:
            return table.rows_until(self.last_rows.end)
        known = self.last_rows.ids.get_indexer(table.ids)
        rows = table.rows_until(self.last_rows.ends.take(np.maximum(known, 0)))
        return np.where(known >= 0, rows, 0)

    def reason_to_refit(self, model: Any, table: SeriesTable, until: Any) -> str | None:
        """Explain why these weights must not forecast `table` from `until`; None if they may.

        Args:
            model: the `Engine` that asks, whose config these weights must fit.
            table: the series.
            until: the last time that the weights may have seen.
        """
        if changed := self.config.changed(model.config.parameters):
            return f"{', '.join(changed)} changed since the fit"
        is_other = self.config.is_joint and not table.targets.equals(self.last_rows.targets)
        if is_other or table.freq != self.last_rows.freq:
            return "the weights at hand are for other columns, or another step of the times"
        if not self._ends_by(until):
            return f"the weights at hand have seen the rows up to {self.last_rows.end}"
        return None

    def _ends_by(self, time: Any) -> bool:
        try:
            return bool(self.last_rows.end <= time)
        except TypeError:  # times of another kind: nobody knows
            return False

    def to_metadata(
        self, *, keep_history: bool
    ) -> tuple[dict[str, Any], dict[str, np.ndarray] | None]:
        """Serialize all but the model to JSON, with the arrays of the history if it is kept.

        Raises:
            TypeError: if a column label, or the network, cannot be written as JSON.
        """
        config, kept = self.config, self.history if keep_history else None
        if not isinstance(config.network, str | RecurrentNetwork):
            config = replace(config, network=SavedNetwork.of(self.trained.model))
        metadata = {
            "parameters": config.to_json(),
            "spec": asdict(self.spec),
            "covariates": self.trained.coder.to_json(),
            "freq": freq_name(self.last_rows.freq),
            "columns": [str(target) for target in self.last_rows.targets],
            "quantiles": list(config.head.levels),
            "fit": _history_to_json(self.trained.history),
            "layout": table_to_json(self.last_rows if kept is None else kept),
            "spreads": None if self.trained.spreads is None else self.trained.spreads.to_json(),
        }
        if policy := policy_of(self.trained.model):
            metadata["dtype_policy"] = policy
        return metadata, None if kept is None else table_arrays(kept)

    @classmethod
    def from_metadata(
        cls,
        metadata: Mapping[str, Any],
        weights: list[np.ndarray],
        history: dict[str, np.ndarray] | None,
    ) -> Fitted:
        """Return what `to_metadata` described, with these weights.

        Raises:
            Exception: of any type, if the description is damaged.
        """
        layout = metadata["layout"]
        unknown = np.full((len(layout["targets"]), layout["offsets"][-1]), np.nan)
        table = table_from_json(layout, **({"values": unknown} if history is None else history))
        config = ForecasterConfig.from_json(metadata["parameters"])
        older: list[list[float | None]] = [[None] * table.num_targets] * table.num_ids
        spreads = Spreads.from_json(metadata.get("spreads") or older, table)
        # The times of a forecast must exist too.
        table.times_at(np.arange(table.num_ids), table.lengths - 1 + metadata["spec"]["horizon"])
        with at_most_weights(sum(array.size for array in weights)):
            return _rebuilt(
                config,
                WindowSpec(**metadata["spec"]),
                CovariateCoder.from_json(metadata["covariates"]),
                None if config.normalization == "none" else spreads,
                weights,
                _history_from_json(metadata["fit"]),
                table.tail(1),
                None if history is None else table,
                metadata.get("dtype_policy"),
            )

    def save(self, path: str | PathLike, *, overwrite: bool, keep_history: bool) -> None:
        """Write an artifact, as `Forecaster.save` describes it."""
        check_not_forked()
        metadata, history = self.to_metadata(keep_history=keep_history)
        model, trained = self.trained.model, self.trained
        serving = Serving(
            self.spec, trained.coder, self.config.head, self.last_rows, trained.spreads
        )
        artifact.save(path, model, serving, metadata, history, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | PathLike) -> Fitted:
        """Read what `save` wrote."""
        loaded = artifact.load(path)
        try:
            return cls.from_metadata(*loaded)
        except MemoryError:
            raise
        except Exception as error:  # Keras, pandas and layers of the user raise many types
            raise artifact.not_built(path, error) from error

    def with_parameters(self, parameters: Mapping[str, Any]) -> Fitted:
        """Return the same weights under a forecaster's parameters as they are now.

        Raises:
            ValueError: if one was changed that the weights depend on.
        """
        if changed := self.config.changed(parameters):
            values = ", ".join(f"{name}={parameters[name]!r}" for name in changed)
            raise ValueError(
                f"{', '.join(f'`{name}`' for name in changed)} must be what `fit` saw. Received: "
                f"{values}, set since then. Call fit(frame) again."
            )
        return replace(self, config=ForecasterConfig.of(parameters))

    def copy_trained(self) -> Trained:
        """Copy the model, to train it further while others forecast with this one."""
        trained = self.trained
        with trained.model.distribute_strategy.scope():
            return _trained(
                self.config,
                self.spec,
                trained.coder,
                trained.spreads,
                trained.model.get_weights(),
                trained.history,
                policy_of(trained.model),
            )

    def __reduce__(self) -> tuple[Callable[..., Fitted], tuple[Any, ...]]:
        """Pickle the weights alone: copies and other processes compile a model of their own."""
        weights, trained = self.trained.model.get_weights(), self.trained
        rest = (trained.history, self.last_rows, self.history, policy_of(trained.model))
        return _rebuilt, (self.config, self.spec, trained.coder, trained.spreads, weights, *rest)


def untrained(
    config: ForecasterConfig,
    spec: WindowSpec,
    coder: CovariateCoder,
    spreads: Spreads | None = None,
) -> Trained:
    """Build a model with fresh weights, and its forward pass."""
    model = build_model(config.core, spec, config.normalization, config.head, coder.kinds)
    return Trained(coder, model, compile_forward(model), FitHistory(), spreads)


def _rebuilt(
    config: ForecasterConfig,
    spec: WindowSpec,
    coder: CovariateCoder,
    spreads: Spreads | None,
    weights: list[np.ndarray],
    fit_history: FitHistory,
    last_rows: SeriesTable,
    history: SeriesTable | None,
    policy: str | None = None,
) -> Fitted:
    trained = _trained(config, spec, coder, spreads, weights, fit_history, policy)
    return Fitted(config, spec, trained, last_rows, history)


def _trained(
    config: ForecasterConfig,
    spec: WindowSpec,
    coder: CovariateCoder,
    spreads: Spreads | None,
    weights: list[np.ndarray],
    history: FitHistory,
    policy: str | None,
) -> Trained:
    with dtype_policy(policy):
        trained = replace(untrained(config, spec, coder, spreads), history=history)
    set_saved_weights(trained.model, weights)
    return trained


def _history_to_json(history: FitHistory) -> dict[str, Any]:
    """Serialize with texts for the numbers that JSON does not have: NaN and the infinities."""
    return {
        "loss": [_number_to_json(loss) for loss in history.loss],
        "validation_score": [_number_to_json(score) for score in history.validation_score],
        "naive_score": _number_to_json(history.naive_score),
    }


def _number_to_json(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)


def _history_from_json(described: Mapping[str, Any]) -> FitHistory:
    losses, scores = ([float(n) for n in described[name]] for name in ("loss", "validation_score"))
    return FitHistory(losses, scores, float(described["naive_score"]))
