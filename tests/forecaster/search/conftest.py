"""A search that several test files read."""

import pytest

from tests.helpers.killed_search import new_search
from tests.helpers.tiny import waves


@pytest.fixture(scope="session")
def finished_search():
    """Ten trials in two folds, some of them pruned."""
    return new_search(None).fit(waves(), verbose=0)
