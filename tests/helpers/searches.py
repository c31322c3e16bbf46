"""Searches so small that a test can afford them."""

from forecaster import Folds, ForecasterSearch
from tests.helpers.killed_search import space as rates
from tests.helpers.tiny import tiny

ONE = Folds(1, cutoffs=2)


def small(function=rates, template=None, **how):
    """A search of three trials in one fold."""
    how = {"tuner": "random", "max_trials": 3, "folds": ONE} | how
    return ForecasterSearch(template or tiny(), function, **how)


def lengths(hp):
    return {"input_length": hp.Choice("length", [7, 14, 5])}
