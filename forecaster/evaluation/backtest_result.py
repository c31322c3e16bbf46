"""Result of a backtest: arrays of forecasts, and the frames, scores and plots made of them.

Who owns what: `BacktestResult` holds the arrays, and maps each value to its series, cutoff, step
and time; `metrics.py` owns the formulas, `plots.py` the plots.
"""

from __future__ import annotations

import html
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.data.time_grid import Freq, TimeGrid
from forecaster.evaluation.metrics import (
    Errors,
    Metric,
    grouped_scores,
    point_errors,
    quantile_errors,
    quotient,
    without_noise,
)
from forecaster.evaluation.plots import plot_backtest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Grouping: TypeAlias = Literal["series", "step", "cutoff"]
Forecast: TypeAlias = Literal["prediction", "naive"]

GROUPINGS: tuple[Grouping, ...] = ("series", "step", "cutoff")
FORECASTS: tuple[Forecast, ...] = ("prediction", "naive")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BacktestResult:
    """Forecasts from many cutoffs with the actual values, and their scores.

    `Forecaster.backtest` returns one. All data are arrays of K windows (a window is one series at
    one cutoff) and H steps. They must not be changed, because what is made of them is cached.

    Args:
        series: (K,) labels, the series of each window.
        cutoffs: (K,) times, periods or integers, the last known time of each window.
        freq: step from one time to the next, a pandas offset, or an integer for integer times.
        actual: (K, H), the actual values, NaN where missing, in the target's units.
        prediction: (K, H), the point forecast, for quantiles the median, in the target's units.
        naive: (K, H), the seasonal naive forecast of the same values, in the target's units.
        absolute_scale: (K,), the scale of MASE, as `seasonal_scales` returns it.
        squared_scale: (K,), the scale of RMSSE, the same.
        quantiles: (K, H, Q), in the target's units; None for a point forecast, the default.
        levels: the Q probabilities of the quantiles.

    Raises:
        ValueError: if there is no window, or the shape of an array does not fit `actual`.

    Example:
        >>> result = BacktestResult(
        ...     series=["a"], cutoffs=[9], freq=1,
        ...     actual=np.array([[1.0, 2.0]]), prediction=np.array([[1.0, 3.0]]),
        ...     naive=np.array([[2.0, 4.0]]), absolute_scale=np.ones(1), squared_scale=np.ones(1),
        ... )
        >>> result.scores(by="step")["MAE"].unstack("forecast")
        forecast  prediction  naive
        step
        1                0.0    1.0
        2                1.0    2.0
    """

    series: pd.Index
    cutoffs: pd.Index
    freq: Freq
    actual: np.ndarray
    prediction: np.ndarray
    naive: np.ndarray
    absolute_scale: np.ndarray
    squared_scale: np.ndarray
    quantiles: np.ndarray | None = None
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        # A tuple is one label, of a column with two levels.
        object.__setattr__(self, "series", pd.Index(self.series, tupleize_cols=False))
        object.__setattr__(self, "cutoffs", pd.Index(self.cutoffs))
        windows = np.shape(self.actual)
        if len(windows) != 2 or 0 in windows:
            raise ValueError(
                f"`actual` must have a row for each window and a column for each step. "
                f"Received: actual.shape={windows}. Give at least one of both."
            )
        one_each = ("series", "cutoffs", "absolute_scale", "squared_scale")
        expected: dict[str, tuple[int, ...]] = dict.fromkeys(one_each, windows[:1])
        expected |= {"prediction": windows, "naive": windows}
        if self.quantiles is not None:
            expected["quantiles"] = (*windows, len(self.levels))
        for name, shape in expected.items():
            received = np.shape(getattr(self, name))
            if received != shape:
                raise ValueError(
                    f"`{name}` must have the shape {shape}, because `actual` has {windows}. "
                    f"Received: {name}.shape={received}. "
                    "Give one row for each window, that is for each series and cutoff."
                )

    def __len__(self) -> int:
        return len(self.actual)

    @property
    def horizon(self) -> int:
        """Return the number of steps in each window, H."""
        return self.actual.shape[1]

    @cached_property
    def forecasts(self) -> pd.DataFrame:
        """Return all values as a frame with a row for each.

        The columns are series, cutoff, step, time, actual, prediction, q0.1, ..., naive.
        `step` is 1 to H, `time` the time that was forecast. The frame of K * H rows takes several
        times the memory of the arrays, so it is made on first use.
        """
        columns: dict[str, Any] = {
            "series": self.series.repeat(self.horizon),
            "cutoff": self.cutoffs.repeat(self.horizon),
            "step": np.tile(np.arange(1, self.horizon + 1), len(self)),
            "time": self._times(),
            "actual": self.actual.reshape(-1),
            "prediction": self.prediction.reshape(-1),
        }
        if self.quantiles is not None:
            for position, level in enumerate(self.levels):
                columns[f"q{level}"] = self.quantiles[..., position].reshape(-1)
        return pd.DataFrame(columns | {"naive": self.naive.reshape(-1)})

    def scores(self, by: Grouping | Sequence[Grouping] | None = None) -> pd.DataFrame:
        """Compute the scores of the prediction and of the seasonal naive forecast.

        MAE and RMSE are in the target's units, sMAPE in percent (0..200), MASE and RMSSE relative
        to the seasonal differences of the rows up to each cutoff. For quantiles there are
        `pinball`, in the target's units, and `coverage`, the fraction of actual values inside the
        outermost symmetric interval; the naive forecast is used as each of its own quantiles, and
        has no interval. `skill` is 1 - MAE / MAE of the naive, over values that both forecast: 0 is
        no better than the naive, 1 is perfect.

        Every value of a group has the same weight. Left out are missing actual values, naive
        forecasts from a history without an observed value, and for MASE and RMSSE windows whose
        scale is zero or undefined. A prediction that is NaN makes the scores of its group NaN.

        Args:
            by: "series", "step", "cutoff", a list of these, or None for one group of everything.

        Returns:
            A row for each group and forecast. The index has the levels in `by`, then "forecast"
            with "prediction" and "naive".

        Raises:
            ValueError: if `by` names anything else, or the same twice.
        """
        names = _checked_grouping(by)
        columns = {"series": self.series, "cutoff": self.cutoffs}
        # (K,) codes and their labels: series in order of appearance, cutoffs by time.
        keys = {
            name: columns[name].factorize(sort=name == "cutoff") for name in names if name != "step"
        }
        groups, first = _combine([codes for codes, _ in keys.values()], len(self))
        average = partial(grouped_scores, by_step="step" in names)
        scores = {
            name: average(partial(self._errors, name), groups, len(first), self.horizon)
            for name in FORECASTS
        }
        cells: dict[Grouping, tuple[np.ndarray, pd.Index]] = {
            name: (codes[first], labels) for name, (codes, labels) in keys.items()
        }
        order, index = _ordered_cells(names, cells, len(first), self.horizon)
        baseline = scores["naive"]["skill"]  # an MAE
        table = {}
        for name in scores["prediction"]:
            pair = [scores[f].get(name, np.full(baseline.shape, np.nan)) for f in FORECASTS]
            if name == "skill":
                pair = [1 - quotient(error, baseline) for error in pair]
            # Two of (groups, H or 1) -> one value a row, the prediction's above the naive's.
            table[name] = np.stack([values.reshape(-1)[order] for values in pair], -1).reshape(-1)
        return pd.DataFrame(table, index=index)

    def to_utilsforecast(self) -> pd.DataFrame:
        """Return the long frame that utilsforecast, hierarchicalforecast and similar packages take.

        Use it for scores that `scores` does not have:
        ``utilsforecast.evaluation.evaluate(frame, metrics, models=["prediction", "naive"])``.

        Returns:
            K * H rows with unique_id, ds, cutoff, y, the models prediction and naive, and for each
            quantile but the median the bound of its interval: 0.1 is
            ``prediction-lo-80``, 0.975 is ``prediction-hi-95``. Periods become the timestamps of
            their starts, because these tools know no periods.
        """
        long = self.forecasts
        names = {"series": "unique_id", "time": "ds", "actual": "y"}
        names |= {
            f"q{level}": f"prediction-{'lo' if level < 0.5 else 'hi'}-{abs(100 - 200 * level):.6g}"
            for level in self.levels
        }
        order = ["series", "time", "cutoff", "actual", "prediction", "naive"]
        order += [f"q{level}" for level in self.levels if level != 0.5]
        frame = long[order].rename(columns=names)
        if isinstance(self.cutoffs, pd.PeriodIndex):
            frame = frame.assign(ds=frame["ds"].dt.start_time, cutoff=frame["cutoff"].dt.start_time)
        return frame

    def plot(
        self,
        series: Hashable | None = None,
        cutoffs: int | Sequence[Any] = 3,
        *,
        score: Metric = "MAE",
    ) -> tuple[Axes, Axes]:
        """Draw one series with forecasts from several cutoffs, and its score step by step.

        Args:
            series: label of the series; the first one if None.
            cutoffs: number of cutoffs to draw, the last whose forecasts do not overlap; or the
                cutoffs themselves.
            score: the column of `scores` to draw.

        Returns:
            The two Axes, in a new pyplot figure.

        Raises:
            ValueError: if there is no such series, cutoff or score.
        """
        chosen = self._of_series(self.series[0] if series is None else series)
        known = chosen.cutoffs.unique().sort_values()
        drawn: Sequence[Any]
        if isinstance(cutoffs, int | Integral):
            drawn = known[_last_apart(known, chosen.freq, self.horizon, int(cutoffs))]
        else:
            drawn = cutoffs
        unknown = [cutoff for cutoff in drawn if not (known == cutoff).any()]
        if unknown or not len(drawn):
            raise ValueError(
                f"`cutoffs` must be a number or some of the {len(known)} cutoffs, the last times "
                f"seen, from {known[0]} to {known[-1]}. Received: {shortlist(unknown)}. "
                "See `result.cutoffs`."
            )
        return plot_backtest(
            chosen.forecasts,
            chosen.scores(by="step"),
            sorted(drawn),
            score=score,
            title=str(chosen.series[0]),
        )

    def _of_series(self, label: Hashable) -> BacktestResult:
        """Select the windows of one series."""
        windows = np.flatnonzero(self.series.isin([label]))
        if not len(windows):
            raise ValueError(
                f"`series` must be one of {shortlist(self.series.unique())}. "
                f"Received: series={label!r}. Leave it out for the first one."
            )
        names = ["series", "cutoffs", "actual", "prediction", "naive"]
        names += ["absolute_scale", "squared_scale"] + ["quantiles"] * (self.quantiles is not None)
        return replace(self, **{name: getattr(self, name)[windows] for name in names})

    def _times(self) -> pd.Index:
        """Return the time of every value, (K * H,)."""
        codes, cutoffs = self.cutoffs.factorize(sort=True)
        times = forecast_times(cutoffs, self.freq, self.horizon)
        # (K,) -> (K, H) positions in the times of the distinct cutoffs -> (K * H,)
        return times.take((codes[:, None] * self.horizon + np.arange(self.horizon)).reshape(-1))

    def _errors(self, name: Forecast, windows: np.ndarray) -> Errors:
        """Compute errors of a forecast in some windows; "skill" is of values both forecast."""
        actual, forecast = self.actual[windows], getattr(self, name)[windows]
        known = ~np.isnan(actual)
        in_both = known & ~np.isnan(self.naive[windows])
        scored = known if name == "prediction" else in_both
        errors = point_errors(
            actual, forecast, self.absolute_scale[windows], self.squared_scale[windows], scored
        )
        if self.quantiles is not None and name == "prediction":
            errors |= quantile_errors(actual, self.quantiles[windows], self.levels, scored)
        elif self.quantiles is not None:
            same = forecast[..., None].repeat(len(self.levels), axis=-1)
            errors["pinball"] = quantile_errors(actual, same, self.levels, scored)["pinball"]
        return errors | {"skill": (without_noise(errors["MAE"][0], actual), in_both)}

    def __repr__(self) -> str:
        return f"{self._summary()}\n{self.scores().to_string(float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        scores = self.scores().to_html(float_format="{:.4g}".format)
        return f"<p>{html.escape(self._summary())}</p>\n{scores}"

    def _summary(self) -> str:
        """Return the numbers of series, cutoffs and steps in one line."""
        series, cutoffs = self.series.nunique(), self.cutoffs.nunique()
        return (
            f"{type(self).__name__}: {series:,} series, {cutoffs:,} cutoffs, horizon {self.horizon}"
        )


def forecast_times(cutoffs: pd.Index, freq: Freq, horizon: int) -> pd.Index:
    """Return the times of steps 1..horizon after each cutoff: (C,), sorted -> (C * H,)."""
    steps = np.tile(np.arange(1, horizon + 1), len(cutoffs))
    return TimeGrid(cutoffs, freq).times_at(steps, np.repeat(np.arange(len(cutoffs)), horizon))


def _last_apart(cutoffs: pd.Index, freq: Freq, horizon: int, count: int) -> list[int]:
    """Return positions of at most `count` cutoffs, the last ones whose forecasts do not overlap."""
    ends = forecast_times(cutoffs, freq, horizon)[horizon - 1 :: horizon]
    positions = [len(cutoffs) - 1]
    while len(positions) < count and (before := ends.searchsorted(cutoffs[positions[-1]], "right")):
        positions.append(before - 1)
    return positions[::-1]


def _combine(keys: list[np.ndarray], num_windows: int) -> tuple[np.ndarray, np.ndarray]:
    """Group windows by their codes; return the group of each (K,) and its first window (G,)."""
    combined = np.zeros(num_windows, np.int64)
    for codes in keys:
        combined = combined * (codes.max(initial=0) + 1) + codes
    _, first, groups = np.unique(combined, return_index=True, return_inverse=True)
    return groups, first


def _ordered_cells(
    by: Sequence[Grouping],
    cells: Mapping[Grouping, tuple[np.ndarray, pd.Index]],
    num_groups: int,
    horizon: int,
) -> tuple[np.ndarray, pd.Index]:
    """Sort cells (groups, H or 1), in the order of the scores, by the levels of `by`.

    Args:
        by: names of the levels.
        cells: of each level but "step", the codes of the groups and their labels.
        num_groups: number of groups, without the steps.
        horizon: H.

    Returns:
        The positions of the flattened cells in that order, and an index with both forecasts of
        each.
    """
    steps = horizon if "step" in by else 1
    codes = {name: np.repeat(group_codes, steps) for name, (group_codes, _) in cells.items()}
    labels: dict[Grouping, Any] = {name: own for name, (_, own) in cells.items()}
    codes["step"], labels["step"] = np.tile(np.arange(steps), num_groups), range(1, steps + 1)
    order = np.lexsort([codes[name] for name in reversed(by)] or [codes["step"]])
    forecast = np.tile(np.arange(len(FORECASTS)), len(order))
    index = pd.MultiIndex(
        levels=[*(labels[name] for name in by), FORECASTS],
        codes=[*(np.repeat(codes[name][order], len(FORECASTS)) for name in by), forecast],
        names=[*by, "forecast"],
    )
    return order, index if by else index.get_level_values("forecast")


def _checked_grouping(by: Grouping | Sequence[Grouping] | None) -> list[Grouping]:
    """Return `by` as a list, after a check of its names."""
    names: list[Grouping] = [] if by is None else [by] if isinstance(by, str) else list(by)
    if not set(names) <= set(GROUPINGS) or len(set(names)) < len(names):
        raise ValueError(
            '`by` must be None, "series", "step", "cutoff" or a list of these, each once. '
            f"Received: by={by!r}. For one row a step of the horizon write scores(by='step')."
        )
    return names
