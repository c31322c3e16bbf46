"""`Forecaster`: fit, predict, update, backtest, save, load. Mostly calls down the road of data."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from rich.console import Console
from sklearn.utils.validation import check_is_fitted

from forecaster.config import (
    asked_levels,
    check_parameters,
    new_model,
    time_features,
    window_spec,
)
from forecaster.data.concat import joined
from forecaster.data.frame_checks import FrameWarning, warn_of_constants
from forecaster.data.future import future_frame, missing_future, with_future
from forecaster.data.interop import columns_of
from forecaster.data.parquet import parquet_columns, read_parquet
from forecaster.data.reading import Reading, SeriesTable, forecast_frame, read_frame
from forecaster.data.time_grid import freq_name, shortlist
from forecaster.estimator import SpecEstimator
from forecaster.evaluation.backtest import choose_cutoffs, run_backtest
from forecaster.evaluation.backtest_result import BacktestResult
from forecaster.fitted import Fitted
from forecaster.inputs.windows import WindowSpec
from forecaster.network.heads import Quantiles, as_output
from forecaster.network.model import check_backend
from forecaster.network.recurrent import CELLS, Core, RecurrentNetwork, as_network
from forecaster.plain import plain_parameters
from forecaster.saving import artifact
from forecaster.saving.serving import Serving
from forecaster.training.loop import Task, Training, rows_needed, train, train_on
from forecaster.utils.checks import check_integer
from forecaster.utils.executors import Workers, check_workers
from forecaster.utils.files import reserve_folder

# A path is of a Parquet file, or of a folder of them: parquet_folder.py says what is read how.
Frame = pd.DataFrame | pd.Series | str | PathLike


class Forecaster(SpecEstimator):
    """Forecasts every numeric column of a DataFrame with one recurrent network.

    The constructor stores; `fit` checks and learns; what it learns ends in ``_``.

    Args:
        horizon: steps of `freq` to forecast, at least 1.
        input_length: steps of history that the network sees, at least 1; None takes three seasons
            or three horizons, whichever is more, but no more than a third of the rows.
        target: the column or columns to forecast; None takes all numeric ones.
        id_column: the column that says which series a row belongs to, where series stand below
            each other; None where every series has a column, or the index has levels (id, time).
        time_column: the column with the times; None takes the index.
        freq: step of the times, such as "h", "MS" or, for integer times, 1; None finds it.
        season_length: steps in a season, at least 1; None takes it from `freq` (24 for hours,
            12 for months).
        past_covariates: columns that are known up to each cutoff, such as measured weather. Numbers
            and booleans are numbers; texts are categories.
        future_covariates: columns that are known over the horizon too, such as prices; `predict`
            is given them as `future`.
        static_covariates: columns that hold one value for each id.
        weight_column: the column that says how much each row counts in the loss and in the
            validation score, from 0 on; only their ratios matter. None lets all count alike.
        time_features: "auto" for the cycles that a window is too short to show and the data show
            (a network of three days of hours is told the day of the week), None, or a list among
            "hour", "day_of_week", "day_of_month", "day_of_year", "week", "month" and
            "holidays:DE" for any country. Other functions of time are future covariates.
        channels: "independent" forecasts each column on its own, with the same network, so that
            other columns can be forecast too; "joint" feeds all columns together.
        normalization: of each window by itself: "last" (its last value and standard deviation),
            "standard" (its mean and standard deviation) or "none".
        network: a `RecurrentNetwork`, the name of a cell as short for
            ``RecurrentNetwork(cell=name)``, or any function ``(WindowSpec) -> keras.Model``.
        output: "point" or `Quantiles`.
        training: how to fit.
        seed: of weights, dropout and the order of windows, from 0 to 2**32 - 1. The same seed,
            data and machine give the same forecasts, bit for bit.

    Attributes:
        model_: the Keras model, from raw windows to forecasts in the targets' units.
        history_: a `FitHistory`: loss and validation score of each epoch.
        train_end_: the last time that the weights have seen.
        input_length_, season_length_, freq_: what was given or found.

    Example:
        >>> from forecaster.datasets import load_dataset
        >>> model = Forecaster(horizon=12, training=Training(epochs=2), seed=1)
        >>> model.fit(load_dataset("air_passengers"), verbose=0).predict().shape
        (12, 1)
    """

    def __init__(
        self,
        horizon: int,
        input_length: int | None = None,
        *,
        target: Hashable | list | None = None,
        id_column: Hashable | None = None,
        time_column: Hashable | None = None,
        freq: str | int | pd.offsets.BaseOffset | None = None,
        season_length: int | None = None,
        past_covariates: Sequence[Hashable] = (),
        future_covariates: Sequence[Hashable] = (),
        static_covariates: Sequence[Hashable] = (),
        weight_column: Hashable | None = None,
        time_features: str | Sequence[str] | None = "auto",
        channels: str = "independent",
        normalization: str = "last",
        network: str | RecurrentNetwork | Core = RecurrentNetwork(),
        output: str | Quantiles = "point",
        training: Training = Training(),
        seed: int = 0,
    ):
        self.horizon = horizon
        self.input_length = input_length
        self.target = target
        self.id_column = id_column
        self.time_column = time_column
        self.freq = freq
        self.season_length = season_length
        self.past_covariates = past_covariates
        self.future_covariates = future_covariates
        self.static_covariates = static_covariates
        self.weight_column = weight_column
        self.time_features = time_features
        self.channels = channels
        self.normalization = normalization
        self.network = network
        self.output = output
        self.training = training
        self.seed = seed

    def fit(
        self,
        frame: Frame,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        strategy: tf.distribute.Strategy | None = None,
        resume_dir: str | PathLike | None = None,
        verbose: str | int = "auto",
    ) -> Forecaster:
        """Fit fresh weights.

        The newest rows judge: training stops when they are no longer forecast better; then, unless
        ``training.refit`` is off, fresh weights are fitted on all rows for as many epochs.

        Args:
            frame: a column for each series, rows in any order, times in the index or `time_column`.
                Or the path of a Parquet file, or of a folder of them, which may be larger than
                memory where `id_column` and `time_column` are given: then only all rows of one id
                must fit, and TMPDIR must name a disk with room for all rows twice. `freq` is found
                in the first ids.
            callbacks: of Keras, beside our own.
            strategy: such as `tf.distribute.MirroredStrategy()` for several GPUs of one host.
            resume_dir: folder for the state after each epoch. A fit that was killed goes on from
                there when it is called again with the same parameters and frame.
            verbose: 0 is silent, anything else a line an epoch.

        Returns:
            itself.

        Raises:
            RuntimeError: if Keras does not run on TensorFlow.
            TypeError, ValueError: if a parameter, the frame or `resume_dir` is not as it must be,
                said before any training; or if the fit diverges.
            FileNotFoundError, ImportError: if there are no Parquet files, or no pyarrow.
            OSError: if the disk is full.

        Warns:
            FrameWarning: if rows are missing, columns are left out, or nothing can be learned from
                one.
        """
        table = self.read_table(frame)
        spec, report = self.window_spec(table), _reporter(verbose)
        shortest, longest = table.lengths.min(), table.lengths.max()
        rows = longest if shortest == longest else f"{shortest} to {longest}"
        report(
            f"{len(table.series)} series of {rows} rows, freq={freq_name(table.freq)!r}, "
            f"season_length={spec.season_length}, input_length={spec.input_length}"
        )
        task = self._task(table, spec, report=report, callbacks=callbacks, strategy=strategy)
        if resume_dir is not None:
            identity = plain_parameters(self.get_params(deep=False)) | {"data": table.sha256()}
            folder = reserve_folder(Path(resume_dir), identity, argument="resume_dir", kind="fit")
            task = replace(task, resume_dir=folder)
        return self._learn(task, table)

    def predict(
        self,
        history: Frame | None = None,
        *,
        future: pd.DataFrame | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> pd.DataFrame:
        """Forecast the `horizon` steps after a history.

        Args:
            history: one row or more of each id; ids that `fit` did not see too, and other columns
                where channels are independent and `target` is None; or a path, as for `fit`. None
                is the history of the fit.
            future: the future covariates over the horizon, a row for each step of each id, in the
                layout of the history; `future_frame` gives it to fill in.
            quantiles: levels to give, among those of ``output=Quantiles([...])``; None gives the
                point forecast.

        Returns:
            The times after the history in its own layout, in the targets' units. Wide: its columns,
            with `quantiles` one for each (column, level). Long: "prediction", or with `quantiles`
            "q0.1" and so on, after each id's own last row.

        Raises:
            NotFittedError: before `fit`.
            TypeError, ValueError: if `history`, `future` or `quantiles` is not as it must be, or a
                parameter was changed since the fit.

        Warns:
            FrameWarning: if forecasts are NaN, because a window holds no value; or if a covariate
                has a category that the fit did not know.
        """
        fitted = self._current_fit()
        levels = asked_levels(fitted.output, quantiles)
        if future is not None and not self.future_covariates:
            raise ValueError(
                "`future` must be None for a forecaster without future covariates. Received: a "
                "frame. Name its columns by `future_covariates`, and fit again."
            )
        table = self._history(history)
        known = recent = table.tail(self.input_length_)
        if self.future_covariates:
            known = with_future(recent, future, self.horizon)
        for label, categories in fitted.coder.unseen(known).items():
            warnings.warn(
                f"Covariate {label!r} has categories that `fit` did not know, which are all taken "
                f"for an unknown one: {shortlist(categories)}.",
                FrameWarning,
                stacklevel=2,
            )
        forecast = fitted.forecast(known, np.arange(table.num_ids), recent.lengths)
        unknown = table.series[np.isnan(forecast).any((2, 3)).ravel()]
        if len(unknown):
            warnings.warn(
                f"The forecasts of {shortlist(unknown)} are NaN, because their newest "
                f"{self.input_length_} rows hold no value.",
                FrameWarning,
                stacklevel=2,
            )
        if levels is None:
            return forecast_frame(table, fitted.output.prediction(forecast))
        columns = [fitted.output.levels.index(level) for level in levels]
        return forecast_frame(table, forecast[..., columns], levels=levels)

    def future_frame(self, history: Frame | None = None) -> pd.DataFrame:
        """The rows that `predict` needs as `future`, with the future covariates to be filled in.

        Args:
            history: as for `predict`.

        Returns:
            The `horizon` steps after each id's last row, in the layout of the history.

        Raises:
            NotFittedError: before `fit`.
            TypeError, ValueError: if `history` is not as it must be.
        """
        return future_frame(self._history(history), self.horizon)

    def missing_future(
        self, history: Frame | None = None, future: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """The rows of `future_frame(history)` that `future` lacks, or in which it lacks a value.

        Args:
            history: as for `predict`.
            future: what there is of it; None for nothing.

        Returns:
            A frame as `future_frame` gives it, with the values that `future` has.

        Raises:
            NotFittedError: before `fit`.
            TypeError, ValueError: if `history` or `future` is not as it must be.
        """
        return missing_future(self._history(history), future, self.horizon)

    def update(self, frame: Frame) -> Forecaster:
        """Go on from the weights at hand: one visit to every window with a target not seen yet.

        Use it when new rows have come and a whole `fit` is too dear. Afterwards `predict()`
        forecasts what follows the new rows.

        Args:
            frame: the new rows, or the whole history with them, or a path, as for `fit`; known
                rows are replaced. It must have the columns of the fit, in any order.

        Returns:
            itself. A call that fails leaves it as it was.

        Raises:
            NotFittedError: before `fit`.
            TypeError, ValueError: if the frame is not as it must be, a column of the fit is not in
                it, or no row is new.
        """
        check_parameters(self.get_params(deep=False))
        fitted = self._current_fit()
        table = self._read_like_fit(frame, to_learn=True)
        if (fitted.rows_seen(table) == table.lengths).all():
            raise ValueError(
                f"`frame` must have rows after {self.train_end_}, the last that the weights have "
                f"seen. Received: a frame that ends at {table.end}."
            )
        if fitted.history is not None:
            table = joined(fitted.history, table)
        first = np.maximum(fitted.rows_seen(table) - self.horizon + 1, 1)
        train_on(self._task(table, fitted.spec), fitted.coder, fitted.model, first)
        model = (fitted.coder, fitted.model, fitted.forward, fitted.epochs)
        return self._adopt(Fitted.on(table, self.get_params(deep=False), fitted.spec, *model))

    def backtest(
        self,
        frame: Frame,
        *,
        cutoffs: int | Sequence = 10,
        stride: int = 1,
        refit: bool | int = False,
        gap: int = 0,
        window: int | None = None,
        workers: Workers = 0,
    ) -> BacktestResult:
        """Forecast from many cutoffs in the past, and compare with what happened.

        No row is scored that the weights have seen: the fitted weights are used if they end at or
        before the first cutoff; otherwise a clone with fresh weights is fitted up to there. This
        forecaster itself stays as it is.

        Args:
            frame: as for `fit`.
            cutoffs: how many, the last that have a whole horizon after them; or the times
                themselves, each the last time seen.
            stride: steps between two cutoffs, at least 1.
            refit: whether fresh weights are fitted at every cutoff; a number n: at every n-th.
            gap: steps before a cutoff that its weights must not have seen, at least 0.
            window: how many of the newest rows are fitted on, at least 1; None is all.
            workers: where refits run: 0 is here, n is n processes; or a function that makes a
                `concurrent.futures.Executor`. What is sent to a process must fit into memory.

        Returns:
            Forecasts, actual values and the seasonal naive forecasts; see `BacktestResult`.

        Raises:
            TypeError, ValueError: if an argument or the frame is not as it must be.
        """
        check_integer("refit", int(refit) if isinstance(refit, bool) else refit, minimum=0)
        check_integer("gap", gap, minimum=0)
        if window is not None:
            check_integer("window", window, minimum=1)
        check_workers(workers)
        table = self.read_table(frame)
        return run_backtest(
            self,
            table,
            choose_cutoffs(table, self.horizon, cutoffs, stride),
            levels=as_output(self.output).levels,
            season_length=self.window_spec(table).season_length,
            refit=int(refit),
            gap=gap,
            window=window,
            workers=workers,
        )

    def save(
        self, path: str | PathLike, *, overwrite: bool = False, keep_history: bool = True
    ) -> None:
        """Write a SavedModel directory, which answers without this package and loads with it.

        Its signature `serving_default` takes the history by named inputs, of any number of time
        steps from 1: ``past_values`` (batch, time, targets) float32, NaN where missing, and what
        else the forecaster uses of ``past_covariates``, ``future_covariates``, ``static``,
        ``past_time`` and ``future_time``, which `manifest.json` describes column by column. It
        gives ``prediction`` (batch, horizon, targets) and, for quantiles, ``quantiles`` (batch,
        horizon, targets, levels), all in the targets' units.

        Args:
            path: the directory; ``~`` is the home directory, missing parents are made.
            overwrite: whether an artifact that is there may be replaced, with all that lies in it.
            keep_history: whether the end of the history goes along, so that `predict()` works.

        Raises:
            NotFittedError: before `fit`.
            FileExistsError: if `path` exists and may not be replaced.
            OSError: if it cannot be written; what was there stays whole.
            TypeError: if a column label, or the network, cannot be written as plain data.
            ValueError: if a parameter was changed since the fit.
        """
        fitted = self._current_fit()
        note, history = fitted.note(keep_history=keep_history)
        serving = Serving(fitted.spec, fitted.coder, fitted.output, fitted.layout)
        artifact.save(path, fitted.model, serving, note, history, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | PathLike) -> Forecaster:
        """The forecaster that `save` wrote; it gives the same forecasts, bit for bit.

        Raises:
            FileNotFoundError: if nothing is at `path`.
            ValueError: if it is no artifact, one of a later format, or a damaged one (the error
                names the file).
        """
        check_backend()
        fitted = Fitted.from_note(*artifact.load(path))
        return cls(**fitted.parameters)._adopt(fitted)

    def read_table(self, frame: Frame) -> SeriesTable:
        """The frame of a fit or a backtest as arrays, after the parameters were checked."""
        check_parameters(self.get_params(deep=False))
        table = self._read_frame(frame, self.target, self.freq, self.weight_column)
        warn_of_constants(table.values, table.series, table.offsets)
        return table

    def fit_table(self, table: SeriesTable, *, epochs: int | None = None) -> Forecaster:
        """Fit fresh weights on a table, silently; for so many epochs where no row is to judge."""
        return self._learn(self._task(table, self.window_spec(table)), table, epochs)

    def forecast_table(
        self, table: SeriesTable, ids: np.ndarray, cutoffs: np.ndarray
    ) -> np.ndarray:
        """Forecasts of `ids` (K,) from `cutoffs` (K,), numbers of known rows: (K, S, H, width)."""
        return self._fitted.forecast(table, ids, cutoffs)

    def window_spec(self, table: SeriesTable) -> WindowSpec:
        """The shapes of the windows that a fit on `table` has."""
        return window_spec(self.get_params(deep=False), table.until_observed())

    def rows_needed(self, table: SeriesTable) -> int:
        """The fewest rows of an id of `table` that `fit_table` can do with."""
        return rows_needed(self.window_spec(table), self.training)

    def reason_to_refit(self, table: SeriesTable, until: Any) -> str | None:
        """Why the weights must not forecast `table` from the time `until`; None if they may.

        The empty text where there are no weights, which is nothing to be told of.
        """
        if not hasattr(self, "_fitted"):
            return ""
        if changed := self._fitted.changed(self.get_params(deep=False)):
            return f"{', '.join(changed)} changed since the fit"
        return self._fitted.reason_to_refit(table, until)

    def _history(self, history: Frame | None) -> SeriesTable:
        """What to forecast from: the history that is given, or else that of the fit."""
        fitted = self._current_fit()
        if history is not None:
            return self._read_like_fit(history)
        if fitted.history is None:
            raise ValueError(
                "`history` must be given, because this artifact was saved with keep_history=False. "
                "Received: history=None. Call predict(history)."
            )
        return fitted.history

    def _read_frame(self, frame: Frame, target: Any, freq: Any, weight_column: Any) -> SeriesTable:
        reading = Reading(
            target=target,
            freq=freq,
            id_column=self.id_column,
            time_column=self.time_column,
            past_covariates=self.past_covariates,
            future_covariates=self.future_covariates,
            static_covariates=self.static_covariates,
            weight_column=weight_column,
        )
        if _is_path(frame):
            return read_parquet(frame, reading)
        return read_frame(frame, **vars(reading))

    def _read_like_fit(self, frame: Frame, *, to_learn: bool = False) -> SeriesTable:
        """A frame that continues, or resembles, the one of the fit."""
        fitted, target = self._fitted, self.target
        if to_learn or fitted.is_joint:
            target = list(fitted.layout.targets)
        freq, weight_column = fitted.layout.freq, self.weight_column
        try:
            if weight_column is not None and not to_learn and weight_column not in _columns(frame):
                weight_column = None  # forecasts need none
            return self._read_frame(frame, target, freq, weight_column)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{error} The fit was on {shortlist(fitted.layout.targets)} in steps of "
                f"{freq_name(freq)!r}."
            ) from None

    def _current_fit(self) -> Fitted:
        """What was fitted, if it is still what the parameters ask for."""
        check_is_fitted(self, "model_")
        now = self.get_params(deep=False)
        if changed := self._fitted.changed(now):
            raise ValueError(
                f"{', '.join(f'`{name}`' for name in changed)} must be what `fit` saw. Received: "
                f"{', '.join(f'{name}={now[name]!r}' for name in changed)}, set since then. Call "
                "fit(frame) again."
            )
        return replace(self._fitted, parameters=now)

    def _as_spec(self, name: str) -> Any:
        is_cell = name == "network" and isinstance(self.network, str) and self.network in CELLS
        return as_network(self.network) if is_cell else super()._as_spec(name)

    def _task(self, table: SeriesTable, spec: WindowSpec, **how: Any) -> Task:
        """What is learned from `table`."""
        parameters = self.get_params(deep=False)
        # Rows that come later must not tell that a series goes on after a gap.
        observed = table.until_observed()
        return Task(
            table=observed,
            time_features=time_features(parameters, observed, spec),
            spec=spec,
            output=as_output(self.output),
            training=self.training,
            is_joint=self.channels == "joint",
            new_model=partial(new_model, parameters, spec),
            **how,
        )

    def _learn(self, task: Task, table: SeriesTable, epochs: int | None = None) -> Forecaster:
        """Fit on a task, for forecasts of what comes after the `table` that it was made of."""
        parameters = self.get_params(deep=False)
        return self._adopt(Fitted.on(table, parameters, task.spec, *train(task, epochs)))

    def _adopt(self, fitted: Fitted) -> Forecaster:
        """Set all that ends in ``_``, only when all of it is there."""
        self._fitted = fitted
        self.model_, self.history_ = fitted.model, fitted.epochs
        self.train_end_, self.freq_ = fitted.layout.end, fitted.layout.freq
        self.input_length_ = fitted.spec.input_length
        self.season_length_ = fitted.spec.season_length
        return self

    def __getstate__(self) -> dict[str, Any]:
        """All but the model, which `Fitted` makes again from its weights."""
        return {name: value for name, value in super().__getstate__().items() if name != "model_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_fitted" in state:
            self._adopt(self._fitted)


def _reporter(verbose: str | int) -> Callable[[str], None]:
    """What a line of progress is given to."""
    if verbose == 0:
        return lambda line: None
    return partial(Console().print, highlight=False, markup=False)


def _is_path(frame: Any) -> bool:
    """Whether a frame is told by the path of its Parquet files."""
    return isinstance(frame, str | PathLike)


def _columns(frame: Any) -> Collection[Hashable]:
    return parquet_columns(frame) if _is_path(frame) else columns_of(frame)
