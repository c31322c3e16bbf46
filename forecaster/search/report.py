"""Report of a search: the table of its trials, a text, and the importance of parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.preprocessing import OrdinalEncoder

from forecaster.search.objective import Objective
from forecaster.search.trial import COMPLETED, Trial

FEWEST_RANKED = 8  # trials from which the importance of parameters can be estimated
SHOWN = 6  # parameters in the text
# Columns of a `trials_frame` beside those of folds and of parameters.
OUTCOMES = ("status", "score", "spread", "naive", "epochs", "num_parameters", "seconds", "error")
FOLD = re.compile(r"fold_\d+")


def trials_frame(trials: Iterable[Trial], objective: Objective, folds: int) -> pd.DataFrame:
    """Tabulate trials, a row each, in the order of creation, indexed by keras-tuner's number.

    Columns: status; score, the mean over folds (estimated for a pruned trial); spread, the standard
    deviation over the folds that were run; naive, the mean score of the seasonal naive forecast in
    these; fold_1 and so on; epochs, the median over folds; num_parameters of the network;
    seconds; a column for each parameter of any trial; and error.
    """
    rows, numbered = {}, {n: trial for n, trial in enumerate(trials) if trial.duplicate_of is None}
    for number, trial in numbered.items():
        errors = trial.errors(objective)
        naive = [objective.of(fold.naive) for fold in trial.folds]
        padded = errors + [math.nan] * (folds - len(errors))
        rows[number] = {
            "status": trial.status,
            "score": math.nan if trial.score is None else trial.score,
            "spread": np.std(errors) if errors else math.nan,
            "naive": np.mean(naive) if naive else math.nan,
            **{f"fold_{fold}": error for fold, error in enumerate(padded, 1)},
            "epochs": np.median([f.epochs for f in trial.folds]) if errors else math.nan,
            "num_parameters": trial.folds[0].num_parameters if errors else math.nan,
            "seconds": sum(fold.seconds for fold in trial.folds),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("trial")
    for name in dict.fromkeys(name for trial in numbered.values() for name in trial.parameters):
        values = [trial.parameters.get(name) for trial in numbered.values()]
        frame[name] = pd.Series(values, frame.index, dtype=object)
    return frame.assign(error=[trial.error for trial in numbered.values()])


def fold_columns(trials: pd.DataFrame) -> list[str]:
    """Return the columns of a `trials_frame` that hold the objective, fold by fold."""
    return [name for name in trials if FOLD.fullmatch(name)]


def parameter_columns(trials: pd.DataFrame) -> list[str]:
    """Return the columns of a `trials_frame` that hold parameters."""
    return [name for name in trials if name not in OUTCOMES and not FOLD.fullmatch(name)]


def value_text(value: Any) -> str:
    """Format the value of a parameter, a float with three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def report(trials: pd.DataFrame, objective: str) -> str:
    """Format a search as text: counts, the best trial beside the naive, parameter importance.

    Args:
        trials: as `trials_frame` gives them, at least one of them completed.
        objective: name of the minimized score.
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
    """Compute the permutation importance of each parameter for the score.

    A random forest is fitted from parameters to scores, of pruned trials too; the importance of a
    parameter is the loss of fit when its values are shuffled.

    Args:
        trials: as `trials_frame` gives them.

    Returns:
        A share for each parameter that was free, the largest first; they sum to 1. Empty if there
        are fewer than eight trials with a score, or all have the same parameters.

    Source: Breiman 2001, "Random Forests", section 10 (permutation importance).
    """
    scored = trials[trials["score"].notna()]
    free = free_columns(scored)
    if len(scored) < FEWEST_RANKED or not free:
        return pd.Series(dtype=float)
    coded = OrdinalEncoder().fit_transform(scored[free].map(_sortable))
    forest = RandomForestRegressor(200, random_state=0).fit(coded, scored["score"])
    gains = permutation_importance(forest, coded, scored["score"], n_repeats=20, random_state=0)
    shares = pd.Series(np.maximum(gains.importances_mean, 0), free)
    total = shares.sum()
    return (shares / total if total > 0 else shares).sort_values(ascending=False, kind="stable")


def free_columns(trials: pd.DataFrame) -> list[str]:
    """Return the columns of parameters that are not the same in all trials."""
    return [name for name in parameter_columns(trials) if trials[name].map(repr).nunique() > 1]


def cell_table(trials: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the trials of each cell: their number, the completed ones, best and median score."""
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


def _score_table(trials: pd.DataFrame, best: int) -> pd.DataFrame:
    """Tabulate the best trial, the first one, and the naive where it has such a score."""
    rows = {
        f"best, trial {best}": trials.loc[best],
        "first, trial 0": trials.loc[0],
        "seasonal naive": pd.Series({"score": trials.loc[best, "naive"]}),
    }
    return pd.DataFrame(rows).T[["score", "spread"]].astype(float).dropna(how="all")


def _pairs(values: dict[str, str]) -> Sequence[str]:
    width = max(map(len, values))
    return [f"  {name:<{width}}  {value}" for name, value in values.items() if value != "None"]


def _sortable(value: Any) -> str:
    """Format a value so that texts sort as numbers do."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:030.15f}" if is_number else repr(value)
