"""Plot of a search: scores over trials, parameter importance, and parameters against scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from forecaster.evaluation.plots import (
    BLUE,
    GREY,
    INK,
    NAIVE,
    OCHRE,
    PALE,
    SMALL,
    finish_axes,
    label_ends,
)
from forecaster.search.report import free_columns, importance, value_text
from forecaster.search.trial import COMPLETED, PRUNED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS, MOST_BARS = 6, 8  # parameters in a panel each, and in the importance bars
MOST_LABELS, MOST_LETTERS = 6, 30  # of the values along an axis
LOGARITHMIC = 10.0  # ratio of largest to smallest value above which an axis is logarithmic


def plot_search(trials: pd.DataFrame, objective: str, figure: Figure | None = None) -> Figure:
    """Draw a search: a dot is a completed trial, a ring a pruned one, at its estimated score.

    Trials above the upper limit of an axis are triangles at its edge.

    Args:
        trials: as `trials_frame` gives them, at least one of them completed.
        objective: name of the minimized score.
        figure: the figure to draw on; a new pyplot figure if None.

    Returns:
        The figure; ``figure.savefig("search.png", dpi=200)`` saves it.
    """
    shares = importance(trials)
    names = [*shares.index] or free_columns(trials)
    names = names[:MOST_PANELS]
    rows = -(-len(names) // 3)
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(11, 3.6 + 2.6 * rows), layout="constrained")
    heights = [3.6, max(2.6 * rows, 0.1)]
    upper, lower = cast("np.ndarray", figure.subfigures(2, 1, height_ratios=heights))
    trial_axes, share_axes = upper.subplots(1, 2, width_ratios=[2.2, 1])
    top = _highest_shown(trials)
    _draw_trials(trial_axes, trials, objective, top)
    _draw_importance(share_axes, shares)
    for number, name in enumerate(names, 1):
        _draw_parameter(lower.add_subplot(rows, 3, number), trials, name, top)
    return figure


def _highest_shown(trials: pd.DataFrame) -> float:
    """Compute the upper limit of all score axes: outliers must not compress the good trials."""
    scores = trials["score"]
    return 1.08 * max(scores.quantile(0.8), 1.2 * scores.min())


def _draw_trials(ax: Axes, trials: pd.DataFrame, objective: str, top: float) -> None:
    best = trials["score"].where(trials["status"] == COMPLETED).cummin().ffill()
    naive = pd.Series(trials.loc[trials["status"] == COMPLETED, "naive"].iloc[0], trials.index)
    top = max(top, 1.08 * naive.iloc[0])
    ax.step(trials.index, best, where="post", color=BLUE, linewidth=1.6, zorder=3)
    naive_style: Mapping[str, Any] = NAIVE
    ax.plot(trials.index, naive, **naive_style)
    _scatter(ax, trials.index, trials, top)
    finish_axes(ax, f"{objective}, mean of the folds, trial by trial", pd.RangeIndex(2))
    ax.set_ylim(top=top)
    label_ends(ax, [(naive, "seasonal naive", OCHRE), (best, "best", BLUE)])


def _scatter(ax: Axes, x: Any, trials: pd.DataFrame, top: float) -> None:
    """Draw completed trials as dots, pruned ones as rings, those above `top` as triangles there."""
    x, scores = np.asarray(x, float), trials["score"].to_numpy()
    for status, face, edge in ((COMPLETED, BLUE, BLUE), (PRUNED, "none", PALE)):
        for is_above, marker in ((False, "o"), (True, "^")):
            chosen = (trials["status"] == status).to_numpy() & ((scores > top) == is_above)
            heights = np.minimum(scores[chosen], 0.985 * top)
            style: dict[str, Any] = {"facecolors": face, "edgecolors": edge, "s": 22, "zorder": 4}
            ax.scatter(x[chosen], heights, marker=marker, clip_on=False, **style)


def _draw_importance(ax: Axes, shares: pd.Series) -> None:
    shown = shares.head(MOST_BARS)[::-1]
    finish_axes(ax, "What mattered", pd.RangeIndex(2))
    ax.grid(visible=False)
    if not len(shown):
        text = "too few trials to tell"
        ax.annotate(text, (0.5, 0.5), xycoords="axes fraction", color=GREY, ha="center")
        ax.set(xticks=[], yticks=[])
        return
    ax.barh(range(len(shown)), shown, color=PALE, height=0.6)
    ax.set_yticks(range(len(shown)), [_short(name) for name in shown.index], color=INK)
    ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")


def _draw_parameter(ax: Axes, trials: pd.DataFrame, name: str, top: float) -> None:
    """Draw a parameter against the score: numeric on an axis, else a place for each value.

    Trials without the parameter stand above "–".
    """
    from matplotlib import ticker

    shown = trials[trials["score"].notna()]
    named = shown[shown[name].notna()]
    finish_axes(ax, _short(name), pd.RangeIndex(2))
    if all(isinstance(v, float) for v in named[name]) and named[name].nunique() > MOST_LABELS:
        numbers = named[name].astype(float)
        if numbers.min() > 0 and numbers.max() / numbers.min() > LOGARITHMIC:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 3)))
            ax.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
            ax.xaxis.set_minor_locator(ticker.NullLocator())
        _scatter(ax, numbers, named, top)
    else:
        labels = [*sorted(named[name].unique(), key=_order), *[None] * (len(named) < len(shown))]
        positions = shown[name].map(labels.index).to_numpy(float)
        jitter = np.random.default_rng(0).uniform(-0.12, 0.12, len(positions))
        _scatter(ax, positions + jitter, shown, top)
        texts = ["–" if label is None else value_text(label) for label in labels]
        is_long = sum(map(len, texts)) > MOST_LETTERS
        ax.set_xticks(range(len(labels)), texts, rotation=90 if is_long else 0, fontsize=SMALL)
        ax.set_xlim(-0.5, len(labels) - 0.5)
    ax.set_ylim(top=top)


def _short(name: str) -> str:
    return name.split("__")[-1]


def _order(value: Any) -> tuple[bool, Any]:
    """Sort numbers before texts."""
    is_number = isinstance(value, int | float)
    return (not is_number, value if is_number else str(value))
