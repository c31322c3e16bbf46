"""Hyperparameter search with time-series cross-validation.

In come a template forecaster, a search space and a table. Out go trials with their scores on
every fold, and the best forecaster, fitted. Nothing here knows the command line.
"""

from forecaster.search.search import ForecasterSearch

__all__ = ["ForecasterSearch"]
