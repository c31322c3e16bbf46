"""Five are named and the others counted, of items and of times with their ids."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.messages import moments, shortlist


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, ""),
        (1, "0"),
        (5, "0, 1, 2, 3, 4"),
        (6, "0, 1, 2, 3, 4 and 1 more"),
        (1005, "0, 1, 2, 3, 4 and 1000 more"),
    ],
)
def test_at_most_five_items_are_named(count, text):
    assert shortlist(range(count)) == text
    assert shortlist(dict.fromkeys(range(count))) == text


def test_the_count_may_be_that_of_more_items_than_are_given():
    assert shortlist(["a", "b", "c", "d", "e"], 7) == "a, b, c, d, e and 2 more"


def test_times_are_named_with_their_ids():
    times = pd.date_range("2024-01-01", periods=7)
    five = "2024-01-01 00:00:00, 2024-01-02 00:00:00, 2024-01-03 00:00:00, 2024-01-04 00:00:00, "
    assert moments(times) == five + "2024-01-05 00:00:00 and 2 more"
    assert moments(times[:1]) == "2024-01-01 00:00:00"
    assert moments(times[:2], pd.Index(["a", "b"])) == (
        "('a', 2024-01-01 00:00:00), ('b', 2024-01-02 00:00:00)"
    )
    # A number of NumPy is written as one of Python, not as np.int64(3).
    assert moments(pd.Index([5]), pd.Index(np.array([3]))) == "(3, 5)"
    assert moments(times[:5], pd.Index(range(5)), 9).endswith("(4, 2024-01-05 00:00:00) and 4 more")
