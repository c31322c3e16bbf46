"""Objective of a search: the score of the folds that is minimized."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.evaluation.metrics import outermost_interval
from forecaster.utils.checks import check_choice

ERRORS = ("MAE", "RMSE", "sMAPE", "MASE", "RMSSE", "skill")
QUANTILE_ERRORS = ("pinball", "coverage")


@dataclass(frozen=True)
class Objective:
    """Objective to minimize: a score of `BacktestResult.scores`, or the mean of several.

    "skill" counts as ``1 - skill``, the error relative to the seasonal naive, and "coverage" as its
    distance from the nominal coverage of the outermost interval, so that lower is always better.

    Args:
        names: names of scores.
        levels: levels of the quantiles; empty for point forecasts.

    Raises:
        ValueError: if a name is no score of these forecasts.
    """

    names: tuple[str, ...]
    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        has_interval = outermost_interval(self.levels) is not None
        known = ERRORS + QUANTILE_ERRORS[: 0 if not self.levels else 2 if has_interval else 1]
        for name in self.names:
            check_choice("objective", name, known)
        if not self.names:
            raise ValueError('`objective` must name a score. Received: none. For example "MASE".')

    def __str__(self) -> str:
        return self.names[0] if len(self.names) == 1 else f"mean of {', '.join(self.names)}"

    def of(self, scores: dict[str, float]) -> float:
        """Compute the value to minimize from scores by their names."""
        return float(np.mean([self._error(name, scores[name]) for name in self.names]))

    def _error(self, name: str, score: float) -> float:
        if name == "skill":
            return 1 - score
        interval = outermost_interval(self.levels)
        if name == "coverage" and interval is not None:
            low, high = interval
            return abs(score - (self.levels[high] - self.levels[low]))
        return score
