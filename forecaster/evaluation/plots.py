"""Frames -> pictures: a forecast after its history, and a backtest.

Nothing global changes, neither a style sheet nor a setting of matplotlib: every colour and size is
given to the artist it is for, and the font stays the user's own. Lines carry their names at their
right end, so that no legend is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.data.time_grid import shortlist

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#33383f"  # what happened
BLUE = "#2c6ca3"  # the forecast
OCHRE = "#b0702a"  # the naive; colour-blind eyes tell it from the blue, and in grey the dashes do
GREY = "#7d848d"  # axes, and words about the picture
FAINT = "#e7e9ec"
PALE = "#6f9abf"  # words about a band
SMALL = 9  # points

HISTORY = {"color": INK, "linewidth": 1.3, "zorder": 3}
FORECAST = {"color": BLUE, "linewidth": 1.8, "zorder": 4}
NAIVE = {"color": OCHRE, "linewidth": 1.1, "linestyle": (0, (4, 2.5)), "zorder": 2}
EDGE = {"color": BLUE, "linewidth": 0.8, "alpha": 0.7, "zorder": 3}
BAND = {"color": BLUE, "alpha": 0.16, "linewidth": 0, "zorder": 1}


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
    """Draw a forecast after its history: the median, shaded bands, and what happened if known.

    Use it for one series at a time. All that is given is drawn, so cut a long history short:
    ``plot_forecast(load["north"].iloc[-14 * 24 :], model.predict()["north"])``. Lines and bands of
    the horizon start from the last value observed.

    Args:
        history: one series, indexed by times, periods or integers.
        forecast: the same series, as `Forecaster.predict` gives it: one column, or a column for
            each quantile, whose label is (or ends in) its level.
        levels: the quantiles to draw, all of `forecast` if None. Two levels that are symmetric
            around 0.5 make a band, 0.5 the line in the middle.
        actual: what happened over the horizon.
        naive: the seasonal naive forecast of the horizon.
        ax: where to draw; a new pyplot figure if None.
        title: above the picture; the name of the series if None.

    Returns:
        The Axes; ``ax.figure.savefig("forecast.png", dpi=200)`` saves the picture.

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
    cutoffs: Sequence,
    *,
    score: str = "MAE",
    title: str | None = None,
) -> tuple[Axes, Axes]:
    """Draw forecasts from some cutoffs over what happened, and the score of each step.

    `BacktestResult.plot` calls it.

    Args:
        forecasts: the rows of one series in ``BacktestResult.forecasts``.
        scores: ``BacktestResult.scores(by="step")``.
        cutoffs: whose forecasts to draw, at least one, in the order of time.
        score: the column of `scores` to draw.
        title: above the forecasts, usually the name of the series.

    Returns:
        The Axes of the forecasts and of the scores, in a new pyplot figure.

    Raises:
        ValueError: if `scores` has no column `score`.
    """
    if score not in scores:
        raise ValueError(
            f"`score` must be one of {shortlist(scores.columns)}. Received: score={score!r}."
        )
    time_axes, step_axes = _new_axes((11, 3.8), width_ratios=[2.4, 1])
    windows = [forecasts[forecasts["cutoff"] == cutoff].set_index("time") for cutoff in cutoffs]
    known = forecasts.drop_duplicates("time").set_index("time")["actual"].sort_index()
    # As much of what happened as the forecasts cover, and one horizon before them.
    shown = known.index.get_indexer([windows[0].index[0], windows[-1].index[-1]])
    known = known.iloc[max(0, shown[0] - len(windows[0])) : shown[1] + 1]
    time_axes.plot(_x(known.index), known, **HISTORY)
    levels = {name: float(name[1:]) for name in forecasts if name.startswith("q")}
    for cutoff, window in zip(cutoffs, windows, strict=True):  # the last one carries the labels
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


def _one_series(data, name: str) -> pd.Series:
    if isinstance(data, pd.Series):
        return data
    if data.shape[1] == 1:
        return data.iloc[:, 0]
    raise ValueError(
        f"`{name}` must hold one series. Received: {data.shape[1]} columns: "
        f"{shortlist(data.columns)}. Choose one by its label, e.g. {name}[{data.columns[0]!r}]."
    )


def _center_and_quantiles(forecast, levels):
    """The line in the middle, if there is one, by its name; and the columns by their levels."""
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


def _draw(ax, lines, quantiles=(), past=()) -> list[tuple[pd.Series, str, str]]:
    """Draw named lines and the bands of quantiles from the last value of the past on.

    Returns:
        The labels that they want: line, text and color.
    """
    quantiles = dict(quantiles)
    if len(past) and past.notna().any():
        start = past.dropna().iloc[-1:]
        lines, quantiles = (
            {key: pd.concat([start, line]) for key, line in group.items()}
            for group in (lines, quantiles)
        )
    labels = []
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


def _symmetric_pairs(levels):
    below, above = (
        sorted(level for level in levels if side * (level - 0.5) > 0) for side in (-1, 1)
    )
    return [(low, high) for low in below for high in above if math.isclose(low + high, 1)]


def _x(index: pd.Index) -> np.ndarray:
    """What matplotlib takes for times: periods by their start, zones by their own clock."""
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    elif isinstance(index, pd.DatetimeIndex):
        index = index.tz_localize(None)
    return index.to_numpy()


def _new_axes(size, **grid) -> np.ndarray:
    import matplotlib.pyplot as plt

    columns = len(grid.get("width_ratios", [1]))
    _, axes = plt.subplots(1, columns, figsize=size, layout="constrained", squeeze=False, **grid)
    return axes[0]


def finish_axes(ax, title: str, index: pd.Index) -> None:
    """Everything about the Axes that is not data: quiet, and the same in every picture."""
    from matplotlib import dates, ticker

    ax.set_title(title, loc="left", color=INK, fontsize=12, pad=12)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(GREY)
    ax.grid(axis="y", color=FAINT, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(colors=GREY, labelsize=SMALL, length=3)
    ax.tick_params(axis="y", length=0)
    ax.yaxis.set_major_locator(ticker.MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.10g}"))
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        locator = dates.AutoDateLocator(minticks=3, maxticks=8)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        ax.xaxis.get_offset_text().set(color=GREY, size=SMALL)
    else:
        ax.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=True))
    ax.margins(x=0.01)


def label_ends(ax, labels) -> None:
    """Write the name of each line at its right end, moved apart where they would overlap."""
    labels = [(line.dropna(), text, color) for line, text, color in labels if line.notna().any()]
    if not labels:
        return
    ax.autoscale_view()  # transData does not ask for the limits of what was just drawn
    points = 72 / ax.figure.dpi
    ends = [(_x(line.index)[-1], line.iloc[-1]) for line, _, _ in labels]
    heights = ax.transData.transform([(0, y) for _, y in ends])[:, 1] * points
    shifts = _spread(heights, gap=1.3 * SMALL) - heights
    for (_, text, color), end, shift in zip(labels, ends, shifts, strict=True):
        style = {"color": color, "fontsize": SMALL, "va": "center", "annotation_clip": False}
        ax.annotate(text, end, (6, shift), textcoords="offset points", **style)


def _spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """The heights closest to the given ones (least squares) that lie at least `gap` apart."""
    order = np.argsort(heights, kind="stable")
    slots = gap * np.arange(len(heights))
    wanted = heights[order] - slots
    # What must not decrease is found by isotonic regression, here as its min-max formula.
    means = [
        max(min(wanted[a : b + 1].mean() for b in range(i, len(wanted))) for a in range(i + 1))
        for i in range(len(wanted))
    ]
    spread = np.empty(len(heights))
    spread[order] = means + slots
    return spread
