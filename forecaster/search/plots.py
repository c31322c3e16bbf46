"""The picture of a search: scores over trials, what mattered, and parameters against scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from forecaster.search.report import free_columns, importance
from forecaster.search.trial import COMPLETED, PRUNED, value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS, MOST_BARS = 6, 8  # parameters drawn against the score, and by their importance
MOST_LABELS, MOST_LETTERS = 6, 30  # of the values along an axis
LOGARITHMIC = 10.0  # ratio of the largest to the smallest value from which an axis is logarithmic


def plot_search(trials: pd.DataFrame, objective: str, figure: Figure | None = None) -> Figure:
    """Draw a search: a dot is a completed trial, a ring a pruned one, at its estimated score.

    Trials above the picture are arrows at its upper edge.

    Args:
        trials: as `trials_frame` gives them, at least one of them completed.
        objective: the name of what was made small.
        figure: where to draw; a new pyplot figure if None.

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
    upper, lower = figure.subfigures(2, 1, height_ratios=[3.6, max(2.6 * rows, 0.1)])
    trial_axes, share_axes = upper.subplots(1, 2, width_ratios=[2.2, 1])
    top = _highest_shown(trials)
    _draw_trials(trial_axes, trials, objective, top)
    _draw_importance(share_axes, shares)
    for number, name in enumerate(names, 1):
        _draw_parameter(lower.add_subplot(rows, 3, number), trials, name, top)
    return figure


def _highest_shown(trials) -> float:
    """The top of all axes of scores: bad trials must not press the good ones together."""
    scores = trials["score"]
    return 1.08 * max(scores.quantile(0.8), 1.2 * scores.min())


def _draw_trials(ax: Axes, trials, objective, top) -> None:
    best = trials["score"].where(trials["status"] == COMPLETED).cummin().ffill()
    naive = pd.Series(trials.loc[trials["status"] == COMPLETED, "naive"].iloc[0], trials.index)
    top = max(top, 1.08 * naive.iloc[0])
    ax.step(trials.index, best, where="post", color=BLUE, linewidth=1.6, zorder=3)
    ax.plot(trials.index, naive, **NAIVE)
    _scatter(ax, trials.index, trials, top)
    finish_axes(ax, f"{objective}, mean of the folds, trial by trial", pd.RangeIndex(2))
    ax.set_ylim(top=top)
    label_ends(ax, [(naive, "seasonal naive", OCHRE), (best, "best", BLUE)])


def _scatter(ax: Axes, x, trials, top) -> None:
    """Completed trials as dots, pruned ones as rings, those above the top as arrows there."""
    x, scores = np.asarray(x, float), trials["score"].to_numpy()
    for status, face, edge in ((COMPLETED, BLUE, BLUE), (PRUNED, "none", PALE)):
        for is_above, marker in ((False, "o"), (True, "^")):
            chosen = (trials["status"] == status).to_numpy() & ((scores > top) == is_above)
            heights = np.minimum(scores[chosen], 0.985 * top)
            style = {"facecolors": face, "edgecolors": edge, "s": 22, "zorder": 4}
            ax.scatter(x[chosen], heights, marker=marker, clip_on=False, **style)


def _draw_importance(ax: Axes, shares) -> None:
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


def _draw_parameter(ax: Axes, trials, name, top) -> None:
    """A parameter against the score: numbers along an axis, others side by side, – without one."""
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
        places = shown[name].map(labels.index).to_numpy(float)
        shift = np.random.default_rng(0).uniform(-0.12, 0.12, len(places))  # dots stay apart
        _scatter(ax, places + shift, shown, top)
        texts = ["–" if label is None else value_text(label) for label in labels]
        is_long = sum(map(len, texts)) > MOST_LETTERS
        ax.set_xticks(range(len(labels)), texts, rotation=90 if is_long else 0, fontsize=SMALL)
        ax.set_xlim(-0.5, len(labels) - 0.5)
    ax.set_ylim(top=top)


def _short(name: str) -> str:
    return name.split("__")[-1]


def _order(value):
    is_number = isinstance(value, int | float)
    return (not is_number, value if is_number else str(value))
