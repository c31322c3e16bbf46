"""What a search found, as text, and which parameters mattered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.preprocessing import OrdinalEncoder

from forecaster.search.trial import COMPLETED, fold_columns, parameter_columns, value_text

FEWEST_RANKED = 8  # trials from which the importance of parameters can be read
SHOWN = 6  # parameters in the text


def report(trials: pd.DataFrame, objective: str) -> str:
    """A search as text: what was tried, what was best beside the naive, and what mattered.

    Args:
        trials: as `trials_frame` gives them, at least one of them completed.
        objective: the name of what was made small.
    """
    best = trials[trials["status"] == COMPLETED]["score"].idxmin()
    counts = ", ".join(
        f"{count} {status}" for status, count in trials["status"].value_counts().items()
    )
    title = f"{objective}, mean of {len(fold_columns(trials))} folds"
    scores = _score_table(trials, best).rename_axis(columns=title)
    lines = [
        f"{len(trials)} trials ({counts}) in {trials['seconds'].sum():,.0f} s of work",
        "",
        scores.to_string(float_format="{:.4g}".format, na_rep=""),
        "",
        "The best",
        *_pairs({name: value_text(trials.loc[best, name]) for name in parameter_columns(trials)}),
    ]
    shares = importance(trials)
    if len(shares):
        lines += ["", "What mattered, in parts of the whole"]
        lines += _pairs(shares.head(SHOWN).map("{:.2f}".format).to_dict())
    if "network__cell" in trials:
        lines += ["", cell_table(trials).to_string(float_format="{:.4g}".format)]
    return "\n".join(lines)


def importance(trials: pd.DataFrame) -> pd.Series:
    """How much of the differences between trials each parameter explains; sums to 1.

    A forest of trees is fitted from parameters to scores, of pruned trials too; a parameter is as
    important as the forest gets worse when its values are shuffled. Empty where there are fewer
    than eight trials, or nothing differs.

    Args:
        trials: as `trials_frame` gives them.

    Returns:
        A share for each parameter that was free, the largest first.

    Source: Breiman 2001, "Random Forests", section 10 (permutation importance).
    """
    judged = trials[trials["score"].notna()]
    free = free_columns(judged)
    if len(judged) < FEWEST_RANKED or not free:
        return pd.Series(dtype=float)
    coded = OrdinalEncoder().fit_transform(judged[free].map(_sortable))
    forest = RandomForestRegressor(200, random_state=0).fit(coded, judged["score"])
    gains = permutation_importance(forest, coded, judged["score"], n_repeats=20, random_state=0)
    shares = pd.Series(np.maximum(gains.importances_mean, 0), free)
    total = shares.sum()
    return (shares / total if total > 0 else shares).sort_values(ascending=False, kind="stable")


def free_columns(trials: pd.DataFrame) -> list[str]:
    """The columns of parameters that are not the same in all trials."""
    return [name for name in parameter_columns(trials) if trials[name].map(repr).nunique() > 1]


def cell_table(trials: pd.DataFrame) -> pd.DataFrame:
    """For each cell: how many trials, how many of them completed, and their scores."""
    completed = trials[trials["status"] == COMPLETED].groupby("network__cell")["score"]
    table = pd.DataFrame(
        {
            "trials": trials.groupby("network__cell").size(),
            "completed": completed.size(),
            "best": completed.min(),
            "median": completed.median(),
        }
    )
    return table.fillna({"completed": 0}).astype({"completed": int}).sort_values("best")


def _score_table(trials, best) -> pd.DataFrame:
    """The best, the first trial and the naive, unless it has no such score."""
    rows = {
        f"best, trial {best}": trials.loc[best],
        "first, trial 0": trials.loc[0],
        "seasonal naive": pd.Series({"score": trials.loc[best, "naive"]}),
    }
    return pd.DataFrame(rows).T[["score", "spread"]].astype(float).dropna(how="all")


def _pairs(values: dict[str, str]) -> Sequence[str]:
    width = max(map(len, values))
    return [f"  {name:<{width}}  {value}" for name, value in values.items() if value != "None"]


def _sortable(value):
    """One kind of values in a column: numbers stay in their order as texts of equal length."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:030.15f}" if is_number else repr(value)
