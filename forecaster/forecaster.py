"""`Forecaster`: fit, predict, update, backtest, save, load. Mostly calls down the road of the data."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, replace
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

from forecaster import artifact
from forecaster.backtest import choose_cutoffs, run_backtest
from forecaster.backtest_result import BacktestResult
from forecaster.checks import check_choice, check_integer
from forecaster.network import (
    NORMALIZATIONS,
    Core,
    RecurrentNetwork,
    SavedNetwork,
    as_network,
    build_model,
    check_backend,
    compile_forward,
)
from forecaster.output import Quantiles, as_output
from forecaster.parallel import Workers
from forecaster.plain import parameters_from_plain, plain_parameters
from forecaster.specs import SpecEstimator
from forecaster.table import SeriesTable, forecast_frame, read_frame
from forecaster.time_grid import default_input_length, freq_name, season_length, shortlist
from forecaster.training import FitHistory, Task, Training, open_resume_dir, train, train_on
from forecaster.windows import WindowSource, WindowSpec, forecast_at

Frame = pd.DataFrame | pd.Series


class Forecaster(SpecEstimator):
    """Forecasts every numeric column of a DataFrame with one recurrent network.

    The constructor stores; `fit` checks and learns; what it learns ends in ``_``.

    Args:
        horizon: steps of `freq` to forecast, at least 1.
        input_length: steps of history that the network sees, at least 1; None takes three seasons
            or three horizons, whichever is more, but no more than a third of the rows.
        target: the column or columns to forecast; None takes all numeric ones.
        time_column: the column with the times; None takes the index.
        freq: step of the times, such as "h", "MS" or, for integer times, 1; None finds it.
        season_length: steps in a season, at least 1; None takes it from `freq` (24 for hours,
            12 for months).
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
        time_column: Hashable | None = None,
        freq: str | int | pd.offsets.BaseOffset | None = None,
        season_length: int | None = None,
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
        self.time_column = time_column
        self.freq = freq
        self.season_length = season_length
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
            callbacks: of Keras, beside our own.
            strategy: such as `tf.distribute.MirroredStrategy()` for several GPUs of one host.
            resume_dir: folder for the state after each epoch. A fit that was killed goes on from
                there when it is called again with the same parameters and frame.
            verbose: 0 is silent, anything else a line an epoch.

        Returns:
            itself.

        Raises:
            TypeError, ValueError: if a parameter, the frame or `resume_dir` is not as it must be;
                before any training.
        """
        table = self._read(frame)
        spec, report = self._new_spec(table), _reporter(verbose)
        report(
            f"{table.num_targets} series of {table.num_rows} rows, freq={freq_name(table.freq)!r}, "
            f"season_length={spec.season_length}, input_length={spec.input_length}"
        )
        task = self._task(table, spec, report=report, callbacks=callbacks, strategy=strategy)
        if resume_dir is not None:
            identity = plain_parameters(self.get_params(deep=False)) | {"data": table.sha256()}
            task = replace(task, resume_dir=open_resume_dir(Path(resume_dir), identity))
        return self._learn(task)

    def predict(
        self, history: Frame | None = None, *, quantiles: Sequence[float] | None = None
    ) -> pd.DataFrame:
        """Forecast the `horizon` steps after a history.

        Args:
            history: one row or more; other columns too where channels are independent and `target`
                is None. None is the history of the fit.
            quantiles: levels to give, among those of ``output=Quantiles([...])``; None gives the
                point forecast.

        Returns:
            A frame with the columns of the history and the times after it, in the targets' units;
            with `quantiles` a column for each (column, level).

        Raises:
            NotFittedError: before `fit`.
            TypeError, ValueError: if `history` or `quantiles` is not as it must be.
        """
        check_is_fitted(self, "model_")
        levels, output = self._asked_levels(quantiles), as_output(self.output)
        table = self._history if history is None else self._read_history(history)
        if table is None:
            raise ValueError(
                "`history` must be given, because this artifact was saved with keep_history=False. "
                "Received: history=None. Call predict(history)."
            )
        forecast = self.forecast_table(table, np.array([table.num_rows]))[0]
        if levels is None:
            return forecast_frame(table, output.prediction(forecast))
        columns = [output.levels.index(level) for level in levels]
        return forecast_frame(table, forecast[..., columns], levels=levels)

    def update(self, frame: Frame) -> Forecaster:
        """Go on from the weights at hand: one visit to every window with a target not seen yet.

        Use it when new rows have come and a whole `fit` is too dear. Afterwards `predict()`
        forecasts what follows the new rows.

        Args:
            frame: the new rows, or the whole history with them; known rows are replaced.

        Returns:
            itself.

        Raises:
            NotFittedError: before `fit`.
            ValueError: if the columns are not those of the fit, or no row is new.
        """
        check_is_fitted(self, "model_")
        table = self._read_history(frame)
        if not table.targets.equals(self._layout.targets):
            raise ValueError(
                f"`frame` must have the columns of the fit, {shortlist(self._layout.targets)}. "
                f"Received: {shortlist(table.targets)}. Call `fit` for other columns."
            )
        if self._history is not None:
            table = self._history.joined(table)
        seen = self.rows_seen(table)
        if seen == table.num_rows:
            raise ValueError(
                f"`frame` must have rows after {self.train_end_}, the last that the weights have "
                f"seen. Received: a frame that ends at {table.end}."
            )
        train_on(self._task(table, self._window_spec), self.model_, max(seen - self.horizon + 1, 1))
        return self._remember(table)

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
                `concurrent.futures.Executor`.

        Returns:
            Forecasts, actual values and the seasonal naive forecasts; see `BacktestResult`.

        Raises:
            TypeError, ValueError: if an argument or the frame is not as it must be.
        """
        check_integer("refit", int(refit) if isinstance(refit, bool) else refit, minimum=0)
        check_integer("gap", gap, minimum=0)
        if window is not None:
            check_integer("window", window, minimum=1)
        table = self._read(frame)
        return run_backtest(
            self,
            table,
            choose_cutoffs(table, self.horizon, cutoffs, stride),
            levels=as_output(self.output).levels,
            season_length=self._season_length(table),
            refit=int(refit),
            gap=gap,
            window=window,
            workers=workers,
        )

    def save(
        self, path: str | PathLike, *, overwrite: bool = False, keep_history: bool = True
    ) -> None:
        """Write a SavedModel directory, which answers without this package and loads with it.

        Its signature `serving_default` takes ``past_values`` (batch, time, targets) float32, NaN
        where missing, of any number of time steps from 1, and gives ``prediction`` (batch,
        horizon, targets) and, for quantiles, ``quantiles`` (batch, horizon, targets, levels), all
        in the targets' units.

        Args:
            path: the directory.
            overwrite: whether an artifact that is there may be replaced.
            keep_history: whether the end of the history goes along, so that `predict()` works.

        Raises:
            NotFittedError: before `fit`.
            FileExistsError: if `path` exists and may not be replaced.
            OSError: if it cannot be written; what was there stays whole.
            TypeError: if a column label, or the network, cannot be written as plain data.
        """
        check_is_fitted(self, "model_")
        output = as_output(self.output)
        kept = self._history if keep_history and self._history is not None else self._layout
        parameters = self.get_params(deep=False)
        if not isinstance(self.network, str | RecurrentNetwork):
            parameters["network"] = SavedNetwork.of(self.model_)
        note = {
            "parameters": plain_parameters(parameters),
            "spec": asdict(self._window_spec),
            "freq": freq_name(self._layout.freq),
            "columns": [str(target) for target in self._layout.targets],
            "quantiles": list(output.levels),
            "fit": asdict(self.history_),
            "layout": kept.layout(),
        }
        artifact.save(
            Path(path),
            self.model_,
            self._window_spec,
            output,
            self._layout.num_targets,
            note,
            None if kept is self._layout else kept.values,
            overwrite=overwrite,
        )

    @classmethod
    def load(cls, path: str | PathLike) -> Forecaster:
        """The forecaster that `save` wrote; it gives the same forecasts, bit for bit.

        Raises:
            FileNotFoundError: if nothing is at `path`.
            ValueError: if it is no artifact, one of a later format, or a damaged one (the error
                names the file).
        """
        check_backend()
        note, weights, values = artifact.load(Path(path))
        model = cls(**parameters_from_plain(note["parameters"]))
        model._window_spec = WindowSpec(**note["spec"])
        model.model_, model._forward = model._new_model(model._window_spec)
        model.model_.set_weights(weights)
        model.history_ = FitHistory(**note["fit"])
        unknown = np.full((len(note["layout"]["targets"]), note["layout"]["offsets"][-1]), np.nan)
        table = SeriesTable.from_layout(note["layout"], unknown if values is None else values)
        model._remember(table)
        if values is None:
            model._history = None
        return model

    def fit_table(self, table: SeriesTable) -> Forecaster:
        """Fit fresh weights on a table, silently; returns itself."""
        return self._learn(self._task(table, self._new_spec(table)))

    def forecast_table(self, table: SeriesTable, cutoffs: np.ndarray) -> np.ndarray:
        """Forecasts from `cutoffs` (C,), numbers of known rows: (C, S, H, width), targets' units."""
        source = WindowSource(table, joint=self.channels == "joint")
        return forecast_at(self._forward, source, self._window_spec, cutoffs)

    def rows_seen(self, table: SeriesTable) -> int | None:
        """How many rows of `table` lie at or before `train_end_`; None where nothing is fitted."""
        if not hasattr(self, "model_"):
            return None
        times = table.times(0, 0, table.num_rows)
        try:
            return int(times.searchsorted(self.train_end_, side="right"))
        except TypeError:  # times of another kind
            return table.num_rows

    def _check(self) -> None:
        """Whether every parameter is as it must be."""
        check_backend()
        check_integer("horizon", self.horizon, minimum=1)
        for name in ("input_length", "season_length"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum=1)
        check_choice("channels", self.channels, ("independent", "joint"))
        check_choice("normalization", self.normalization, NORMALIZATIONS)
        check_integer("seed", self.seed, minimum=0)
        if self.seed >= 2**32:
            raise ValueError(f"`seed` must be below 2**32. Received: seed={self.seed!r}.")
        if not isinstance(self.training, Training):
            raise TypeError(
                f"`training` must be a Training. Received: training={self.training!r}. "
                "For example Training(epochs=20)."
            )
        as_network(self.network)
        self.training.loss_for(as_output(self.output))

    def _read(self, frame: Frame) -> SeriesTable:
        """The frame of a fit or a backtest, after the parameters were checked."""
        self._check()
        return read_frame(frame, target=self.target, time_column=self.time_column, freq=self.freq)

    def _read_history(self, frame: Frame) -> SeriesTable:
        """A frame that continues, or resembles, the one of the fit."""
        target = list(self._layout.targets) if self.channels == "joint" else self.target
        return read_frame(
            frame, target=target, time_column=self.time_column, freq=self._layout.freq
        )

    def _season_length(self, table: SeriesTable) -> int:
        return season_length(table.freq) if self.season_length is None else self.season_length

    def _input_length(self, table: SeriesTable) -> int:
        if self.input_length is not None:
            return self.input_length
        return default_input_length(self._season_length(table), self.horizon, table.num_rows)

    def _asked_levels(self, quantiles: Sequence[float] | None) -> list[float] | None:
        """The levels that `predict` was asked for, which must be levels of the output."""
        known = as_output(self.output).levels
        if quantiles is None:
            return None
        if not known:
            raise ValueError(
                f"`quantiles` must be None for a point forecaster. Received: quantiles={quantiles!r}."
                f" Fit with output=Quantiles({list(quantiles)!r})."
            )
        if not quantiles or not set(quantiles) <= set(known):
            raise ValueError(
                f"`quantiles` must be among the levels of `output`, {list(known)}. "
                f"Received: quantiles={quantiles!r}. Fit with those levels to have others."
            )
        return list(quantiles)

    def _as_spec(self, name: str) -> Any:
        return as_network(self.network) if name == "network" else super()._as_spec(name)

    def _new_spec(self, table: SeriesTable) -> WindowSpec:
        return WindowSpec(
            input_length=self._input_length(table),
            horizon=self.horizon,
            channels=table.num_targets if self.channels == "joint" else 1,
            head_width=as_output(self.output).width,
            season_length=self._season_length(table),
            seed=self.seed,
        )

    def _task(self, table: SeriesTable, spec: WindowSpec, **how: Any) -> Task:
        """What is learned from `table`."""
        return Task(
            table=table,
            source=WindowSource(table, joint=self.channels == "joint"),
            spec=spec,
            output=as_output(self.output),
            training=self.training,
            new_model=partial(self._new_model, spec),
            **how,
        )

    def _new_model(self, spec: WindowSpec) -> tuple[keras.Model, Callable]:
        """Fresh weights and their compiled forward pass."""
        network, output = as_network(self.network), as_output(self.output)
        model = build_model(network, spec, self.normalization, output)
        return model, compile_forward(model)

    def _learn(self, task: Task) -> Forecaster:
        """Set all that ends in ``_``, only when all of it is there."""
        self.model_, self._forward, self.history_ = train(task)
        self._window_spec = task.spec
        return self._remember(task.table)

    def _remember(self, table: SeriesTable) -> Forecaster:
        """Keep the end of the history: what a forecast reads, and what an update looks back on."""
        self.input_length_, self.season_length_ = self._window_spec.input_length, self._window_spec.season_length
        self.freq_, self.train_end_ = table.freq, table.end
        self._history = table.tail(self._window_spec.input_length + self.horizon)
        self._layout = table.tail(1)
        return self


def _reporter(verbose: str | int) -> Callable[[str], None]:
    """What a line of progress is given to."""
    if verbose == 0:
        return lambda line: None
    return partial(Console().print, highlight=False, markup=False)
