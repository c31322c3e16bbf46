"""Search problem: the data, folds and objective that all trials share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras_tuner import HyperParameters
from sklearn.base import clone

from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.data.series_table import SeriesTable
from forecaster.engine import Engine
from forecaster.evaluation.folds import rows_of_fold
from forecaster.forecaster import Forecaster
from forecaster.search.fold_task import FoldSettings
from forecaster.search.objective import Objective
from forecaster.search.oracles import BUDGET
from forecaster.search.space import SpaceFunction

# Parameters that a space must not change, because the trials would solve different problems.
FIXED = (
    "horizon",
    "target",
    "id_column",
    "time_column",
    "freq",
    "season_length",
    "weight_column",
    *COVARIATE_ROLES,
)


@dataclass(frozen=True, eq=False)
class SearchProblem:
    """Data, folds and objective that all trials share.

    Args:
        table: the series.
        blocks: the cutoffs of each fold.
        objective: the score to minimize.
        settings: settings of the folds.
    """

    table: SeriesTable
    blocks: list[np.ndarray]
    objective: Objective
    settings: FoldSettings

    def rows(self, fold: int) -> SeriesTable:
        """Return the training rows of a fold, counted from 0."""
        return rows_of_fold(self.table, self.blocks[fold], self.settings.train_length)


def engine_of(forecaster: Forecaster) -> Engine:
    """Make an engine of a forecaster's parameters, after a check of each."""
    return Engine.of(forecaster.get_params(deep=False))


def build_candidate(
    space: SpaceFunction, template: Forecaster, table: SeriesTable, hp: HyperParameters
) -> tuple[dict[str, Any], Forecaster]:
    """Build a trial's forecaster: the template with the parameters that a space gives for `hp`.

    Data-dependent defaults are resolved once on the full series, so that every fold and the refit
    use the same values.

    Returns:
        The parameters of the space, and the forecaster.

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
            "evaluated on the same task."
        )
    if BUDGET in hp.values:
        parameters = parameters | {"training__epochs": hp.values[BUDGET]}
    forecaster = clone(template).set_params(**parameters)
    resolved = engine_of(forecaster).config.resolved(table)
    return parameters, forecaster.set_params(**resolved)
