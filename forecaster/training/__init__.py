"""Training: one loop from fresh weights to the best ones, with validation on the last rows.

In comes a task: a `SeriesTable`, a network, a head and a `Training`. Out goes what was trained: the
model, what was learned of the covariates, and the history of the fit. Nothing here knows frames,
backtests or searches.
"""

from forecaster.training.loop import Training

__all__ = ["Training"]
