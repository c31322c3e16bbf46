"""Short lists of labels and times for errors and warnings."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

import pandas as pd


def shortlist(items: Collection[object], count: int | None = None) -> str:
    """List up to five items, then the number of the others of `count`; None counts the items."""
    count = len(items) if count is None else count
    more = f" and {count - 5} more" if count > 5 else ""
    return ", ".join(str(item) for item in islice(items, 5)) + more


def moments(times: pd.Index, ids: pd.Index | None = None, count: int | None = None) -> str:
    """List up to five times, each with its id if there are ids, then the number of the others."""
    count, names = len(times) if count is None else count, [str(time) for time in times[:5]]
    if ids is not None:
        labels = ids[:5].tolist()  # Python's numbers: the repr of NumPy's is np.int64(3)
        names = [f"({label!r}, {name})" for label, name in zip(labels, names, strict=True)]
    return shortlist(names, count)
