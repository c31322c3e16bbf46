"""What all trials of a search have to do, and what sets one apart from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras_tuner import HyperParameters
from sklearn.base import clone

from forecaster.config import check_parameters, settled
from forecaster.data.covariates import GROUPS
from forecaster.data.reading import SeriesTable
from forecaster.evaluation.folds import Objective, rows_of_fold
from forecaster.forecaster import Forecaster
from forecaster.search.oracles import BUDGET
from forecaster.search.space import SpaceFunction

# What the rows are, and what is asked of them: another value would make another task of it.
FIXED = (
    "horizon",
    "target",
    "id_column",
    "time_column",
    "freq",
    "season_length",
    "weight_column",
    *GROUPS,
)


@dataclass(frozen=True, eq=False)
class Contest:
    """What all trials of a search have to do.

    Args:
        table: the series.
        blocks: the cutoffs of each fold.
        window: how many of the newest rows a fold is fitted on; None is all.
        objective: what is made small.
        levels: of the quantiles; empty for point forecasts.
        season_length: of the seasonal naive forecast and of the scales.
    """

    table: SeriesTable
    blocks: list[np.ndarray]
    window: int | None
    objective: Objective
    levels: tuple[float, ...]
    season_length: int

    @property
    def judging(self) -> dict[str, Any]:
        """The arguments of `run_fold` that are the same for all trials and folds."""
        return {"window": self.window, "levels": self.levels, "season_length": self.season_length}

    def rows(self, fold: int) -> SeriesTable:
        """What a fold, counted from 0, is fitted on."""
        return rows_of_fold(self.table, self.blocks[fold], self.window)


def proposed(
    space: SpaceFunction, template: Forecaster, observed: SeriesTable, hp: HyperParameters
) -> tuple[dict[str, Any], Forecaster]:
    """The parameters that a space gives for `hp`, and the template with these.

    What they leave to the number of rows is settled by all rows that were observed: folds have
    fewer, and what is fitted in the end must be what was judged on them.

    Raises:
        TypeError, ValueError: if they are no dict, or not as they must be.
    """
    parameters = space(hp)
    if not isinstance(parameters, dict):
        raise TypeError(
            "`space` must return a dict of parameters, by the names of `Forecaster.set_params`. "
            f"Received: {parameters!r}."
        )
    if fixed := [name for name in FIXED if name in parameters]:
        raise ValueError(
            f"`space` must leave {', '.join(fixed)} as the template has it, because all trials are "
            "judged on the same task."
        )
    if BUDGET in hp.values:
        parameters = parameters | {"training__epochs": hp.values[BUDGET]}
    forecaster = clone(template).set_params(**parameters)
    own = forecaster.get_params(deep=False)
    check_parameters(own)
    return parameters, forecaster.set_params(**settled(own, observed))
