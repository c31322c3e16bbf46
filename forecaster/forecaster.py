"""`Forecaster`: fit, predict, update, backtest, save and load, on DataFrames."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from os import PathLike
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.utils.validation import check_is_fitted

from forecaster.config import Channels
from forecaster.data.future import future_frame, missing_future, with_future
from forecaster.data.series_table import SeriesTable
from forecaster.data.writing import forecast_frame
from forecaster.engine import Engine, Frame
from forecaster.estimator import SpecEstimator
from forecaster.evaluation.backtest import choose_cutoffs, run_backtest
from forecaster.evaluation.backtest_result import BacktestResult
from forecaster.fitted import Fitted
from forecaster.network.cells import CELLS
from forecaster.network.core import Core
from forecaster.network.heads import Quantiles, asked_levels
from forecaster.network.model import as_network, check_backend
from forecaster.network.normalization import Normalization
from forecaster.network.recurrent import Cell, RecurrentNetwork
from forecaster.training.settings import Training
from forecaster.utils.checks import check_integer
from forecaster.utils.deprecation import renamed_argument
from forecaster.utils.executors import Workers, check_workers
from forecaster.utils.progress import progress_bar


class Forecaster(SpecEstimator):
    """Forecaster of every numeric column of a DataFrame, with one recurrent network.

    The constructor stores; `fit` checks and learns; what it learns ends in ``_``.

    Args:
        horizon: steps of `freq` to forecast, at least 1.
        input_length: steps of history that the network sees, at least 1; None takes three seasons
            or three horizons, whichever is more, but no more than a third of the rows.
        target: the column to forecast, or a list of columns; None takes all numeric ones.
        id_column: the column that says which series a row belongs to, where series stand below
            each other; None where every series has a column, or the index has levels (id, time).
        time_column: the column with the times; None takes the index.
        freq: step of the times, such as "h", "MS" or, for integer times, 1; None finds it.
        season_length: steps in a season, at least 1; None takes it from `freq` (24 for hours,
            12 for months).
        past_covariates: columns that are known up to each cutoff, such as measured weather. Numbers
            and booleans are numeric; texts and the dtype "category" are categories.
        future_covariates: columns that are known over the horizon too, such as prices; `predict`
            is given them as `future`.
        static_covariates: columns that hold one value for each id.
        weight_column: the column that says how much each row counts in the loss and in the
            validation score, from 0 on; only their ratios matter. None lets all count alike.
        time_features: "auto" for the cycles that a window is too short to show and the data show
            (a network of three days of hours is given the day of the week), None, or a list among
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
        model_: the Keras model, from windows to forecasts, both in the units of the windows.
        history_: a `FitHistory`: loss and validation score of each epoch of `fit`.
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
        channels: Channels = "independent",
        normalization: Normalization = "last",
        network: Cell | RecurrentNetwork | Core = RecurrentNetwork(),
        output: Literal["point"] | Quantiles = "point",
        training: Training = Training(),
        seed: int = 0,
    ) -> None:
        self.horizon, self.input_length, self.season_length = horizon, input_length, season_length
        self.target, self.id_column, self.time_column = target, id_column, time_column
        self.freq, self.weight_column = freq, weight_column
        self.past_covariates, self.future_covariates = past_covariates, future_covariates
        self.static_covariates, self.time_features = static_covariates, time_features
        self.channels, self.normalization, self.network = channels, normalization, network
        self.output, self.training, self.seed = output, training, seed

    def fit(
        self,
        frame: Frame,
        *,
        callbacks: Sequence[keras.callbacks.Callback] | keras.callbacks.Callback | None = (),
        strategy: tf.distribute.Strategy | None = None,
        resume_dir: str | PathLike | None = None,
        verbose: Literal["auto"] | int = "auto",
    ) -> Forecaster:
        """Fit fresh weights.

        Early stopping on the last rows; then, unless ``training.refit`` is off, retrain from
        scratch on all rows for the best number of epochs.

        Args:
            frame: a column for each series, rows in any order, times in the index or `time_column`.
                Or the path of a Parquet file, or of a folder of them, which may be larger than
                memory if `id_column` and `time_column` are given: then the rows of one id must fit,
                TMPDIR must have room for all rows twice, and `freq` is found in the first ids.
            callbacks: Keras callbacks, whose `logs` have `loss` and `val_loss`. The refit, a second
                run, calls only those that neither use `val_loss` nor write files, or that have
                `sees_refit` set. They begin anew in a fit that is resumed.
            strategy: such as `tf.distribute.MirroredStrategy()` for several GPUs of one host.
            resume_dir: folder for the state after each epoch, from which the same call goes on.
            verbose: 0 is silent, anything else a line an epoch.

        Returns:
            The forecaster itself.

        Raises:
            RuntimeError: if Keras does not run on TensorFlow, or a fit was before a fork to here.
            TypeError, ValueError: before any training, if an argument is not as it must be; or if
                the fit diverges.
            FileNotFoundError, ImportError: if there are no Parquet files, or no pyarrow.
            OSError: if the disk is full.

        Warns:
            FrameWarning: if rows are missing, columns are left out or constant, or the error on the
                last rows is 3 times the seasonal naive's, or 30 times where `epochs` ended it.
        """
        engine = Engine.of(self.get_params(deep=False))
        table = engine.read(frame)
        run = engine.shown_run(table, callbacks, strategy, resume_dir, verbose)
        with self._one_at_a_time():
            return self._adopt(engine.fit_table(table, run=run))

    def predict(
        self,
        history: Frame | None = None,
        *,
        future: pd.DataFrame | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> pd.DataFrame:
        """Forecast the `horizon` steps after a history.

        Args:
            history: one row or more of each id, also new ids, and other columns where channels are
                independent and `target` is None; a path, as for `fit`; None for that of the fit.
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
            TypeError, ValueError: if an argument is not as it must be, or a parameter was changed.
                Times must be of the kind that the fit had: with a zone, without one, or periods.

        Warns:
            FrameWarning: if a window holds no value, a covariate has an unknown category, or times
                were converted from another zone: forecasts come back in that of the history.
        """
        fitted = self._current_fit()
        levels = asked_levels(fitted.config.head, quantiles)
        if future is not None and not self.future_covariates:
            raise ValueError(
                "`future` must be None for a forecaster without future covariates. Received: a "
                "frame. Name its columns by `future_covariates`, and fit again."
            )
        table = Engine(fitted.config).read_history(history, fitted)
        known = recent = table.tail(fitted.spec.input_length)
        if self.future_covariates:
            known = with_future(recent, future, self.horizon)
        fitted.warn_of_categories(known)
        forecast = fitted.forecast_table(known, np.arange(table.num_ids), recent.lengths)
        fitted.warn_of_nan(forecast, table)
        if levels is None:
            return forecast_frame(table, fitted.config.head.prediction(forecast))
        columns = [fitted.config.head.levels.index(level) for level in levels]
        return forecast_frame(table, forecast[..., columns], levels=levels)

    def future_frame(self, history: Frame | None = None) -> pd.DataFrame:
        """Return the rows that `predict` needs as `future`, with covariates to be filled in.

        Args:
            history: as for `predict`.

        Returns:
            The `horizon` steps after each id's last row, in the layout of the history.

        Raises:
            NotFittedError, TypeError, ValueError: as for `predict`.
        """
        return future_frame(self._history(history), self.horizon)

    def missing_future(
        self, history: Frame | None = None, future: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Return the rows of `future_frame(history)` that `future` lacks, or lacks a value in.

        Args:
            history: as for `predict`.
            future: what there is of it; None for nothing.

        Returns:
            A frame as `future_frame` gives it, with the values that `future` has.

        Raises:
            NotFittedError, TypeError, ValueError: as for `predict`.
        """
        return missing_future(self._history(history), future, self.horizon)

    def update(self, frame: Frame) -> Forecaster:
        """Train the fitted weights further, on each window with a target not seen yet, once.

        Use it when new rows have come and a whole `fit` takes too long. Afterwards `predict()`
        forecasts what follows the new rows.

        Args:
            frame: the new rows, or the whole history with them, or a path, as for `fit`; known
                rows are replaced. It must have the columns of the fit, in any order.

        Returns:
            The forecaster itself, which stays as it was until the call ends, or if it fails.

        Raises:
            NotFittedError: before `fit`.
            TypeError, ValueError: if the frame is not as it must be, or no row of it is new.
        """
        engine = Engine.of(self.get_params(deep=False))
        with self._one_at_a_time(), progress_bar("Update", 1):
            fitted = self._current_fit()
            table = engine.read_like_fit(frame, fitted, to_learn=True)
            return self._adopt(engine.update_table(table, fitted))

    @renamed_argument(window="train_length")
    def backtest(
        self,
        frame: Frame,
        *,
        cutoffs: int | Sequence = 10,
        stride: int = 1,
        refit: bool | int = False,
        gap: int = 0,
        train_length: int | None = None,
        workers: Workers = 0,
    ) -> BacktestResult:
        """Forecast from many cutoffs in the past, and compare with what happened.

        No row is scored that the weights have seen: the fitted weights are used if they end at or
        before the first cutoff; otherwise a clone is fitted up to there. The forecaster itself is
        not changed. On a terminal a bar shows how many fits are done.

        Args:
            frame: as for `fit`.
            cutoffs: how many, the last that have a whole horizon after them; or the times
                themselves, each the last time seen.
            stride: steps between two cutoffs, at least 1.
            refit: whether to fit fresh weights at every cutoff; a number n: at every n-th.
            gap: steps before a cutoff that its weights must not have seen, at least 0.
            train_length: rows in the rolling training window, at least 1; None: expanding.
            workers: where refits run: 0 is here, n is n processes; or a function that makes a
                `concurrent.futures.Executor`. What is sent to a process must fit into memory.

        Returns:
            Forecasts, actual values and the seasonal naive forecasts; see `BacktestResult`.

        Raises:
            TypeError, ValueError: if an argument or the frame is not as it must be.
        """
        check_integer("refit", int(refit) if isinstance(refit, bool) else refit, minimum=0)
        check_integer("gap", gap, minimum=0)
        if train_length is not None:
            check_integer("train_length", train_length, minimum=1)
        check_workers(workers)
        engine = Engine.of(self.get_params(deep=False))
        fitted = None if refit else getattr(self, "_fitted", None)
        table = engine.read(frame, fitted)
        return run_backtest(
            engine,
            table,
            choose_cutoffs(table, self.horizon, cutoffs, stride),
            levels=engine.config.head.levels,
            season_length=engine.window_spec(table).season_length,
            fitted=fitted,
            refit=int(refit),
            gap=gap,
            train_length=train_length,
            workers=workers,
        )

    def save(
        self, path: str | PathLike, *, overwrite: bool = False, keep_history: bool = True
    ) -> None:
        """Write a SavedModel directory, which answers without this package and loads with it.

        Its signature `serving_default` takes named inputs with any number of time steps from 1:
        ``past_values`` (batch, time, targets) float32, NaN where missing, and those that the
        forecaster uses of ``past_covariates``, ``future_covariates``, ``static``, ``past_time`` and
        ``future_time``, which `manifest.json` describes column by column. It returns ``prediction``
        (batch, horizon, targets) and, for quantiles, ``quantiles`` (batch, horizon, targets,
        levels), all in the targets' units. `serving_float64` is for values that float32 would
        round; saving/serving.py has both in full.

        Args:
            path: the directory, new or empty, with ``~`` for the home directory. Missing parents
                are made; others who save to it meanwhile wait for their turn.
            overwrite: whether an artifact that is there may be replaced, with all that lies in it.
            keep_history: whether the end of the history goes along, so that `predict()` works.

        Raises:
            NotFittedError: before `fit`.
            FileExistsError: if `path` exists and may not be replaced.
            OSError: if it cannot be written; what was there stays whole.
            TypeError, ValueError: if a label or the network cannot be written as JSON, a parameter
                was changed since the fit, or weights are not finite.
        """
        self._current_fit().save(path, overwrite=overwrite, keep_history=keep_history)

    @classmethod
    def load(cls, path: str | PathLike) -> Forecaster:
        """Read the forecaster that `save` wrote; it gives the same forecasts, bit for bit.

        Raises:
            FileNotFoundError: if nothing is at `path`.
            ValueError: if it is no artifact, one of a later format, or damaged (it names the file).
        """
        check_backend()
        return cls._from_fitted(Fitted.load(path))

    @classmethod
    def _from_fitted(cls, fitted: Fitted) -> Forecaster:
        return cls(**fitted.config.parameters)._adopt(fitted)

    def _history(self, history: Frame | None) -> SeriesTable:
        """Read the history to forecast from; None is that of the fit."""
        fitted = self._current_fit()
        return Engine(fitted.config).read_history(history, fitted)

    def _current_fit(self) -> Fitted:
        """Return the state after the fit, if it is still what the parameters ask for."""
        check_is_fitted(self, "model_")
        return self._fitted.with_parameters(self.get_params(deep=False))

    def _as_spec(self, name: str) -> Any:
        is_cell = name == "network" and isinstance(self.network, str) and self.network in CELLS
        return as_network(self.network) if is_cell else super()._as_spec(name)

    def _adopt(self, fitted: Fitted) -> Forecaster:
        """Set the fitted attributes, all at once."""
        return self._learn(
            _fitted=fitted,
            model_=fitted.trained.model,
            history_=fitted.trained.history,
            train_end_=fitted.last_rows.end,
            freq_=fitted.last_rows.freq,
            input_length_=fitted.spec.input_length,
            season_length_=fitted.spec.season_length,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Pickle all but the model, which `Fitted` makes again from its weights."""
        return {name: value for name, value in super().__getstate__().items() if name != "model_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_fitted" in state:
            self._adopt(self._fitted)
