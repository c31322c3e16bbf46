"""`Engine`: the fit of tables, driven by `Forecaster`, backtests and searches alike.

In come checked parameters and tables, out go fitted weights. `Forecaster` is the face that users
call; it makes an engine of its parameters at the door.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import tensorflow as tf
from rich.console import Console

from forecaster.config import ForecasterConfig
from forecaster.data.frame_checks import FrameWarning
from forecaster.data.hints import other_kind_of_ids
from forecaster.data.interop import columns_of
from forecaster.data.messages import shortlist
from forecaster.data.parquet import parquet_columns, read_parquet
from forecaster.data.quality import (
    reject_larger,
    warn_of_constants,
    warn_of_labels,
    warn_of_lost_digits,
)
from forecaster.data.reading import Reading, read_frame
from forecaster.data.series_table import SeriesTable
from forecaster.data.table_json import table_sha256
from forecaster.data.table_parts import until_observed
from forecaster.data.time_grid import freq_name
from forecaster.data.time_kinds import KnownTimes
from forecaster.fitted import Fitted
from forecaster.inputs.spec import WindowSpec
from forecaster.training.callbacks import checked_callbacks
from forecaster.training.loop import train, train_further
from forecaster.training.task import Run, Task, rows_needed
from forecaster.utils.files import reserve_folder
from forecaster.utils.warn import warn

# A path is of a Parquet file, or of a folder of them: see data/parquet.py.
Frame: TypeAlias = pd.DataFrame | pd.Series | str | PathLike


@dataclass(frozen=True)
class Engine:
    """Forecaster without the DataFrame face: it fits and updates weights on tables.

    Args:
        config: checked parameters.
    """

    config: ForecasterConfig

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Engine:
        """Make an engine of parameters as `Forecaster.get_params(deep=False)` gives them.

        Raises:
            RuntimeError, TypeError, ValueError, ImportError: if one is not as it must be.
        """
        return cls(ForecasterConfig.of(parameters).checked())

    @property
    def horizon(self) -> int:
        """Return the number of steps of a forecast."""
        return self.config.horizon

    def read(self, frame: Frame, fitted: Fitted | None = None) -> SeriesTable:
        """Read the frame of a fit or a backtest.

        Args:
            frame: the frame.
            fitted: fitted weights that a backtest may use, whose kind of times it must have.
        """
        known = None if fitted is None else fitted.known_times("frame")
        table = _read(frame, self.config.reading, known=known)
        warn_of_constants(table.values, table.series, table.offsets)
        self._check_levels(table)
        warn_of_labels(table)
        return table

    def read_like_fit(
        self, frame: Frame, fitted: Fitted, *, to_learn: bool = False, argument: str = "frame"
    ) -> SeriesTable:
        """Read a frame that continues, or resembles, the one of a fit.

        Args:
            frame: a history to forecast from, or rows to learn from.
            fitted: the fit, whose columns and step the frame must have.
            to_learn: whether all targets and weights are needed.
            argument: name of the user's argument that holds the frame, for errors of its times.

        Raises:
            TypeError, ValueError: if the frame is not as it must be; a note of the error tells
                what the fit was on.
        """
        last_rows = fitted.last_rows
        reading = replace(self.config.reading, freq=last_rows.freq)
        if to_learn or self.config.is_joint:
            reading = replace(reading, target=list(last_rows.targets))
        try:
            weights = reading.weight_column
            if weights is not None and not to_learn and weights not in _columns(frame):
                reading = replace(reading, weight_column=None)  # forecasts need none
            table = _read(frame, reading, last_rows, fitted.known_times(argument))
            self._check_levels(table)
        except (TypeError, ValueError) as error:
            error.add_note(
                f"The fit was on {shortlist(last_rows.targets)} in steps of "
                f"{freq_name(last_rows.freq)!r}."
            )
            raise
        if not to_learn and (other := other_kind_of_ids(table.ids, last_rows.ids)):
            warn(
                f"`frame` has ids of another kind than `fit` saw, all taken for new series: "
                f"{other} converts them.",
                FrameWarning,
            )
        # What is learned from stays in the zone of the fit.
        return replace(table, layout=replace(table.layout, zone=None)) if to_learn else table

    def read_history(self, frame: Frame | None, fitted: Fitted) -> SeriesTable:
        """Read the history to forecast from; None is the one that was kept of the fit."""
        if frame is not None:
            return self.read_like_fit(frame, fitted, argument="history")
        if fitted.history is None:
            raise ValueError(
                "`history` must be given, because this artifact was saved with keep_history=False. "
                "Received: history=None. Call predict(history)."
            )
        return fitted.history

    def window_spec(self, table: SeriesTable) -> WindowSpec:
        """Return the shapes of the windows that a fit on `table` has."""
        return self.config.window_spec(table)

    def describe(self, table: SeriesTable) -> str:
        """Describe a table and the windows of a fit on it, in a line."""
        spec = self.window_spec(table)
        shortest, longest = table.lengths.min(), table.lengths.max()
        rows = longest if shortest == longest else f"{shortest} to {longest}"
        return (
            f"{len(table.series)} series of {rows} rows, freq={freq_name(table.freq)!r}, "
            f"season_length={spec.season_length}, input_length={spec.input_length}"
        )

    @property
    def _unit(self) -> str:
        """Return the unit of losses and validation scores."""
        loss = self.config.training.loss_for(self.config.head)
        name = "pinball loss" if loss == "pinball" else loss.upper()
        return f"{name} / the seasonal naive's {'squared ' if loss == 'mse' else ''}MAE"

    def resume_folder(self, table: SeriesTable, path: str | PathLike | None) -> Path | None:
        """Reserve the folder that keeps the state of a fit, if one is asked for.

        Raises:
            ValueError: if it holds the state of another fit.
        """
        if path is None:
            return None
        identity = self.config.to_json() | {"data": table_sha256(table)}
        return reserve_folder(Path(path), identity, argument="resume_dir", kind="fit")

    def shown_run(
        self,
        table: SeriesTable,
        callbacks: Any = (),
        strategy: tf.distribute.Strategy | None = None,
        resume_dir: str | PathLike | None = None,
        verbose: Any = "auto",
    ) -> Run:
        """Return how `Forecaster.fit` runs a fit, by its arguments; show what it is a fit on.

        Raises:
            TypeError: if one of the callbacks is none.
            ValueError: if `resume_dir` holds the state of another fit.
        """
        given = checked_callbacks(callbacks)
        show = partial(Console().print, highlight=False, markup=False)
        report = (lambda line: None) if verbose == 0 else show
        report(self.describe(table))
        report(f"loss and validation: {self._unit} in training")
        folder = self.resume_folder(table, resume_dir)
        return Run(given, strategy, folder, report, warn=partial(warn, category=FrameWarning))

    def rows_needed(self, table: SeriesTable) -> int:
        """Return the fewest rows of an id of `table` that can be fitted on."""
        return rows_needed(self.window_spec(table), self.config.training)

    def fit_table(
        self, table: SeriesTable, *, epochs: int | None = None, run: Run = Run()
    ) -> Fitted:
        """Fit fresh weights on a table.

        Args:
            table: the series.
            epochs: the number of epochs, where it is known: then no row is held out. None finds
                it by early stopping.
            run: how the fit is watched and kept.
        """
        observed = until_observed(table)  # once here: what is cut already is not cut again
        task = self._task(observed, self.window_spec(observed), run)
        trained = train(task, epochs)
        return Fitted.on(table, self.config, task.spec, trained)

    def update_table(self, table: SeriesTable, fitted: Fitted) -> Fitted:
        """Train a copy of fitted weights further, on windows of `table` with a target not seen yet.

        Raises:
            ValueError: if no row is new, the table is too short, or the fit diverges.
        """
        if (fitted.rows_seen(table) == table.lengths).all():
            raise ValueError(
                f"`frame` must have rows after {fitted.last_rows.end}, the last that the weights "
                f"have seen. Received: a frame that ends at {table.end}."
            )
        table = fitted.with_later(table)
        fitted = fitted.knowing_spreads(table)
        first = (fitted.rows_seen(table) - self.horizon + 1).clip(1)
        trained = fitted.copy_trained()
        train_further(self._task(table, fitted.spec, Run()), trained, first)
        return Fitted.on(table, self.config, fitted.spec, trained)

    def _check_levels(self, table: SeriesTable) -> None:
        """Check that windows can be handed to the network without the loss of what varies."""
        if self.config.normalization != "none":
            warn_of_lost_digits(table, np.float64, digits=5)
            return
        warn_of_lost_digits(table, np.float32, digits=4)
        reject_larger(
            table,
            1e18,
            'with normalization="none", which hands them to the network as they are',
            'Use normalization="last", or scale the column.',
        )

    def _task(self, table: SeriesTable, spec: WindowSpec, run: Run) -> Task:
        # Later rows must not reveal that a series goes on after a gap.
        observed, config = until_observed(table), self.config
        return Task(
            table=observed,
            time_features=config.resolved_time_features(observed, spec),
            spec=spec,
            network=config.core,
            normalization=config.normalization,
            output=config.head,
            training=config.training,
            is_joint=config.is_joint,
            run=run,
        )


def _read(
    frame: Frame,
    reading: Reading,
    before: SeriesTable | None = None,
    known: KnownTimes | None = None,
) -> SeriesTable:
    if isinstance(frame, str | PathLike):
        return read_parquet(Path(frame), reading, before=before, known=known)
    return read_frame(frame, reading, before=before, known=known)


def _columns(frame: Frame) -> Collection[Hashable]:
    if isinstance(frame, str | PathLike):
        return parquet_columns(Path(frame))
    return columns_of(frame)
