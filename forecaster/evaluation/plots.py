"""Plots of a forecast after its history, and of a backtest.

No global setting of matplotlib changes: every colour and size is set on its artist, and the font is
the user's. Lines are labelled at their right end, without a legend.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist
from forecaster.evaluation.metrics import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#33383f"  # actual values
BLUE = "#2c6ca3"  # the forecast
OCHRE = "#b0702a"  # the naive; distinct from blue for the colour-blind, dashed for grey prints
GREY = "#7d848d"  # axes and annotations
FAINT = "#e7e9ec"  # grid lines
PALE = "#6f9abf"  # labels of bands
SMALL = 9  # points

HISTORY: dict[str, Any] = {"color": INK, "linewidth": 1.3, "zorder": 3}
FORECAST: dict[str, Any] = {"color": BLUE, "linewidth": 1.8, "zorder": 4}
NAIVE: dict[str, Any] = {"color": OCHRE, "linewidth": 1.1, "linestyle": (0, (4, 2.5)), "zorder": 2}
EDGE: dict[str, Any] = {"color": BLUE, "linewidth": 0.8, "alpha": 0.7, "zorder": 3}
BAND: dict[str, Any] = {"color": BLUE, "alpha": 0.16, "linewidth": 0, "zorder": 1}

Label: TypeAlias = tuple[pd.Series, str, str]  # line, text, color


def plot_forecast(
    history: pd.DataFrame | pd.Series,
    forecast: pd.DataFrame | pd.Series,
    *,
    levels: Sequence[float] | None = None,
    actual: pd.DataFrame | pd.Series | None = None,
    naive: pd.DataFrame | pd.Series | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw a forecast after its history: the median, shaded bands, and actual values if known.

    Use it for one series at a time. The whole history is drawn, so shorten a long one:
    ``plot_forecast(load["north"].iloc[-14 * 24 :], model.predict()["north"])``. Lines and bands of
    the horizon start from the last observed value.

    Args:
        history: one series, indexed by times, periods or integers.
        forecast: the same series, as `Forecaster.predict` returns it: one column, or a column for
            each quantile, whose label is (or ends in) its level.
        levels: the quantiles to draw, all of `forecast` if None. Two levels that are symmetric
            around 0.5 make a band, 0.5 the line in the middle.
        actual: the actual values of the horizon.
        naive: the seasonal naive forecast of the horizon.
        ax: where to draw; a new pyplot figure if None.
        title: above the plot; the name of the series if None.

    Returns:
        The Axes; ``ax.figure.savefig("forecast.png", dpi=200)`` saves the plot.

    Raises:
        ValueError: if a frame holds more than one series, or `forecast` lacks one of `levels`.

    Example:
        >>> months = pd.period_range("2030-01", periods=6, freq="M")
        >>> load = pd.Series([3.0, 4.0, 5.0, 4.0, 3.0, 4.0], months, name="load")
        >>> plot_forecast(load[:4], load[4:] + 0.2, actual=load[4:]).get_title(loc="left")
        'load'
    """
    past = _one_series(history, "history")
    lines, quantiles = _center_and_quantiles(forecast, levels)
    if actual is not None:
        lines["actual"] = _one_series(actual, "actual")
    if naive is not None:
        lines["seasonal naive"] = _one_series(naive, "naive")
    ax = _new_axes((8, 3.8))[0] if ax is None else ax
    ax.plot(_x(past.index), past, **HISTORY)
    labels = _draw(ax, lines, quantiles, past)
    if len(past):
        ax.axvline(_x(past.index)[-1], color=GREY, linewidth=0.8, alpha=0.45, zorder=0)
    name = past.name if title is None else title
    finish_axes(ax, "" if name is None else str(name), past.index)
    label_ends(ax, labels)
    return ax


def plot_backtest(
    forecasts: pd.DataFrame,
    scores: pd.DataFrame,
    cutoffs: Sequence[Any],
    *,
    score: Metric = "MAE",
    title: str | None = None,
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Draw forecasts from some cutoffs over the actual values, and the score of each step.

    `BacktestResult.plot` calls it.

    Args:
        forecasts: the rows of one series in ``BacktestResult.forecasts``.
        scores: ``BacktestResult.scores(by="step")``.
        cutoffs: cutoffs of the forecasts to draw, at least one, in order.
        score: the column of `scores` to draw.
        title: above the forecasts, usually the name of the series.
        axes: where to draw the forecasts and the scores; a new pyplot figure if None.

    Returns:
        The Axes of the forecasts and of the scores.

    Raises:
        ValueError: if `scores` has no column `score`.
    """
    if score not in scores:
        raise ValueError(
            f"`score` must be one of {shortlist(scores.columns)}. Received: score={score!r}."
        )
    time_axes, step_axes = axes or _new_axes((11, 3.8), width_ratios=[2.4, 1])
    windows = [forecasts[forecasts["cutoff"] == cutoff].set_index("time") for cutoff in cutoffs]
    known = forecasts.drop_duplicates("time").set_index("time")["actual"].sort_index()
    # The actual values that the forecasts cover, and one horizon before them.
    shown = known.index.get_indexer([windows[0].index[0], windows[-1].index[-1]])
    known = known.iloc[max(0, shown[0] - len(windows[0])) : shown[1] + 1]
    time_axes.plot(_x(known.index), known, **HISTORY)
    levels = {name: float(name[1:]) for name in forecasts if name.startswith("q")}
    labels: list[Label] = []
    for cutoff, window in zip(cutoffs, windows, strict=True):  # the last one is labelled
        quantiles = {level: window[name] for name, level in levels.items() if level != 0.5}
        lines = {"forecast": window["prediction"], "seasonal naive": window["naive"]}
        labels = _draw(time_axes, lines, quantiles, known[known.index == cutoff])
    finish_axes(time_axes, "" if title is None else str(title), known.index)
    label_ends(time_axes, [*labels, (known, "actual", INK)])

    by_step = scores[score].unstack("forecast")
    labels = _draw(
        step_axes, {"forecast": by_step["prediction"], "seasonal naive": by_step["naive"]}
    )
    if by_step.min().min() >= 0:
        step_axes.set_ylim(bottom=0)
    finish_axes(step_axes, f"{score} by step of the horizon", by_step.index)
    label_ends(step_axes, labels)
    return time_axes, step_axes


def _one_series(data: pd.DataFrame | pd.Series, name: str) -> pd.Series:
    """Return the only column of a frame; `name` is the user's argument."""
    if isinstance(data, pd.Series):
        return data
    if data.shape[1] == 1:
        return data.iloc[:, 0]
    raise ValueError(
        f"`{name}` must hold one series. Received: {data.shape[1]} columns: "
        f"{shortlist(data.columns)}. Choose one by its label, e.g. {name}[{data.columns[0]!r}]."
    )


def _center_and_quantiles(
    forecast: pd.DataFrame | pd.Series, levels: Sequence[float] | None
) -> tuple[dict[str, pd.Series], dict[float, pd.Series]]:
    """Return the point forecast or median by its name, if any, and other quantiles by level."""
    if isinstance(forecast, pd.Series) or (forecast.shape[1] == 1 and levels is None):
        return {"forecast": _one_series(forecast, "forecast")}, {}
    names = forecast.columns
    labels = names.get_level_values(-1)
    of_one_series = names.nlevels == 1 or len(names.droplevel(-1).unique()) == 1
    if not of_one_series or not all(isinstance(label, float) and 0 < label < 1 for label in labels):
        return {"forecast": _one_series(forecast, "forecast")}, {}
    columns = {level: forecast.iloc[:, position] for position, level in enumerate(labels)}
    missing = [level for level in levels or () if level not in columns]
    if missing:
        raise ValueError(
            f"`levels` must be columns of `forecast`: {shortlist(columns)}. "
            f"Received: levels={levels!r}. Ask for them with predict(quantiles=...)."
        )
    chosen = {level: columns[level] for level in (columns if levels is None else levels)}
    center = {"forecast": chosen.pop(0.5)} if 0.5 in chosen else {}
    return center, chosen


def _draw(
    ax: Axes,
    lines: Mapping[str, pd.Series],
    quantiles: Mapping[float, pd.Series] | None = None,
    past: pd.Series | None = None,
) -> list[Label]:
    """Draw named lines and bands of quantiles, from the last value of the past on if given.

    Returns:
        The label of each.
    """
    quantiles = {} if quantiles is None else quantiles
    if past is not None and past.notna().any():
        start = past.dropna().iloc[-1:]
        lines = {name: pd.concat([start, line]) for name, line in lines.items()}
        quantiles = {level: pd.concat([start, line]) for level, line in quantiles.items()}
    labels: list[Label] = []
    alone = set(quantiles)
    for low, high in _symmetric_pairs(quantiles):
        upper = quantiles[high]
        ax.fill_between(_x(upper.index), quantiles[low], upper, **BAND)
        labels.append((upper, f"{100 * (high - low):.4g} %", PALE))
        alone -= {low, high}
    for level in sorted(alone):
        ax.plot(_x(quantiles[level].index), quantiles[level], **EDGE)
        labels.append((quantiles[level], f"quantile {level}", PALE))
    styles = {"forecast": FORECAST, "actual": HISTORY, "seasonal naive": NAIVE}
    for name, line in lines.items():
        ax.plot(_x(line.index), line, marker="o" if len(line) < 2 else "", **styles[name])
        labels.append((line, name, styles[name]["color"]))
    return labels


def _symmetric_pairs(levels: Collection[float]) -> list[tuple[float, float]]:
    """Return the pairs of levels that are symmetric around 0.5, from the outermost one on."""
    below, above = (
        sorted(level for level in levels if side * (level - 0.5) > 0) for side in (-1, 1)
    )
    return [(low, high) for low in below for high in above if math.isclose(low + high, 1)]


def _x(index: pd.Index) -> np.ndarray:
    """Convert an index for matplotlib: periods to their start, time zones to local time."""
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    elif isinstance(index, pd.DatetimeIndex):
        index = index.tz_localize(None)
    return index.to_numpy()


def _new_axes(size: tuple[float, float], **grid: Any) -> np.ndarray:
    """Make a pyplot figure with a row of Axes; `grid` are options of its `GridSpec`."""
    import matplotlib.pyplot as plt

    columns = len(grid.get("width_ratios", [1]))
    _, axes = plt.subplots(1, columns, figsize=size, layout="constrained", squeeze=False, **grid)
    return axes[0]


def finish_axes(ax: Axes, title: str, index: pd.Index) -> None:
    """Style the title, spines, grid and ticks of Axes; ticks of x are of the kind of `index`."""
    from matplotlib import dates, ticker

    ax.set_title(title, loc="left", color=INK, fontsize=12, pad=12)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(GREY)
    ax.grid(axis="y", color=FAINT, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(colors=GREY, labelsize=SMALL, length=3)
    ax.tick_params(axis="y", length=0)
    ax.yaxis.set_major_locator(ticker.MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], min_n_ticks=3))
    ax.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.10g}"))
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        locator = dates.AutoDateLocator(minticks=3, maxticks=8)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        ax.xaxis.get_offset_text().set(color=GREY, size=SMALL)
    else:
        ax.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=True))
    ax.margins(x=0.01)


def label_ends(ax: Axes, labels: Sequence[Label]) -> None:
    """Label each line at its right end; labels that would overlap are moved apart."""
    labels = [(line.dropna(), text, color) for line, text, color in labels if line.notna().any()]
    if not labels:
        return
    ax.autoscale_view()  # transData ignores the pending limits of new lines
    points = 72 / ax.figure.dpi
    ends = [(_x(line.index)[-1], line.iloc[-1]) for line, _, _ in labels]
    heights = ax.transData.transform([(0, y) for _, y in ends])[:, 1] * points
    shifts = _spread(heights, gap=1.3 * SMALL) - heights
    for (_, text, color), end, shift in zip(labels, ends, shifts, strict=True):
        style: dict[str, Any] = {
            "color": color,
            "fontsize": SMALL,
            "va": "center",
            "annotation_clip": False,
        }
        ax.annotate(text, end, (6, shift), textcoords="offset points", **style)


def _spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Return the heights closest to the given ones (least squares) at least `gap` apart."""
    order = np.argsort(heights, kind="stable")
    slots = gap * np.arange(len(heights))
    wanted = heights[order] - slots
    # Isotonic regression, because positions less their slots must not decrease: min-max formula.
    means = [
        max(min(wanted[a : b + 1].mean() for b in range(i, len(wanted))) for a in range(i + 1))
        for i in range(len(wanted))
    ]
    spread = np.empty(len(heights))
    spread[order] = means + slots
    return spread
