"""The picture of a search: scores over trials, what mattered, and parameters against scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.plots import BLUE, GREY, INK, OCHRE, PALE, SMALL, finish_axes
from forecaster.search_report import importance
from forecaster.trials import COMPLETED, PRUNED, parameter_columns, value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 6  # parameters drawn against the score
LOGARITHMIC = 20.0  # ratio of the largest to the smallest value from which an axis is logarithmic


def plot_search(trials: pd.DataFrame, objective: str, figure: Figure | None = None) -> Figure:
    """Draw a search.

    Args:
        trials: as `trials_frame` gives them, at least one of them completed.
        objective: the name of what was made small.
        figure: where to draw; a new pyplot figure if None.

    Returns:
        The figure; ``figure.savefig("search.png", dpi=200)`` saves it.
    """
    shares = importance(trials)
    names = [*shares.index] or _free(trials)
    names = names[:MOST_PANELS]
    rows = -(-len(names) // 3)
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(11, 3.6 + 2.6 * rows), layout="constrained")
    grid = figure.add_gridspec(1 + rows, 3, height_ratios=[1.3] + [1] * rows)
    top = _highest_shown(trials)
    _draw_trials(figure.add_subplot(grid[0, :2]), trials, objective, top)
    _draw_importance(figure.add_subplot(grid[0, 2]), shares)
    for number, name in enumerate(names):
        ax = figure.add_subplot(grid[1 + number // 3, number % 3])
        _draw_parameter(ax, trials, name, top)
    return figure


def _free(trials) -> list[str]:
    return [name for name in parameter_columns(trials) if trials[name].map(repr).nunique() > 1]


def _highest_shown(trials) -> float:
    """The top of all axes of scores: bad trials must not press the good ones together."""
    scores = trials.loc[trials["status"] == COMPLETED, "score"]
    return 1.08 * max(scores.quantile(0.9), trials["naive"].max(), 1.2 * scores.min())


def _draw_trials(ax: Axes, trials, objective, top) -> None:
    best = trials["score"].where(trials["status"] == COMPLETED).cummin().ffill()
    ax.step(trials.index, best, where="post", color=BLUE, linewidth=1.6, zorder=3)
    naive = trials["naive"].max()
    ax.axhline(naive, color=OCHRE, linewidth=1.1, linestyle=(0, (4, 2.5)), zorder=2)
    _scatter(ax, trials.index, trials, top)
    finish_axes(ax, f"{objective}, mean of folds, trial by trial", pd.RangeIndex(2))
    ax.set_ylim(top=top)
    end = {"xytext": (6, 0), "textcoords": "offset points", "fontsize": SMALL, "va": "center"}
    for text, height, color in (("seasonal naive", naive, OCHRE), ("best", best.iloc[-1], BLUE)):
        ax.annotate(text, (1, height), xycoords=("axes fraction", "data"), color=color, **end)


def _scatter(ax: Axes, x, trials, top) -> None:
    """Completed trials as dots, pruned ones as rings, those above the top as arrows there."""
    x = np.asarray(x, float)
    for status, face in ((COMPLETED, BLUE), (PRUNED, "none")):
        chosen = (trials["status"] == status).to_numpy()
        scores = trials["score"].to_numpy()[chosen]
        for inside, marker in ((scores <= top, "o"), (scores > top, "^")):
            heights = np.minimum(scores[inside], 0.985 * top)
            edge = BLUE if status == COMPLETED else PALE
            style = {"facecolors": face, "edgecolors": edge, "s": 22, "zorder": 4}
            ax.scatter(x[chosen][inside], heights, marker=marker, **style)


def _draw_importance(ax: Axes, shares) -> None:
    shown = shares.head(MOST_PANELS + 2)[::-1]
    ax.barh([name.split("__")[-1] for name in shown.index], shown, color=PALE, height=0.6)
    finish_axes(ax, "What mattered", pd.RangeIndex(2))
    ax.grid(visible=False)
    ax.xaxis.set_major_formatter("{x:.0%}")
    if not len(shown):
        text = "too few trials to tell"
        ax.annotate(text, (0.5, 0.5), xycoords="axes fraction", color=GREY, ha="center")
        ax.set(xticks=[], yticks=[])


def _draw_parameter(ax: Axes, trials, name, top) -> None:
    """A parameter against the score: numbers along an axis, others side by side."""
    shown = trials[trials[name].notna() & trials["score"].notna()]
    values = shown[name]
    finish_axes(ax, name.split("__")[-1], pd.RangeIndex(2))
    if all(isinstance(value, float) for value in values):
        numbers = values.astype(float)
        if numbers.min() > 0 and numbers.max() / numbers.min() > LOGARITHMIC:
            ax.set_xscale("log")
        _scatter(ax, numbers, shown, top)
    else:
        labels = sorted(values.unique(), key=_order)
        places = values.map({label: place for place, label in enumerate(labels)}).to_numpy(float)
        shift = np.random.default_rng(0).uniform(
            -0.12, 0.12, len(places)
        )  # so that dots stay apart
        _scatter(ax, places + shift, shown, top)
        texts = [value_text(label) for label in labels]
        is_long = sum(map(len, texts)) > 45
        ax.set_xticks(range(len(labels)), texts, rotation=90 if is_long else 0)
        ax.tick_params(axis="x", labelsize=SMALL - 2 if is_long else SMALL, colors=INK)
    ax.set_ylim(top=top)


def _order(value):
    is_number = isinstance(value, int | float)
    return (not is_number, value if is_number else str(value))
