"""The public calls: one dataset by its name, and the list of them all."""

from contextlib import ExitStack
from difflib import SequenceMatcher
from typing import Literal

import pandas as pd

from .catalog import CATALOG


def load_dataset(name: str, split: Literal["train", "test"] | None = None) -> pd.DataFrame:
    """Load a dataset of the catalog as a DataFrame.

    Use it for examples, and to compare with published results. Bundled datasets need no network.
    The others are downloaded from their publishers on first use, checked against a known SHA-256
    and kept in the user's cache directory. Where the environment variable `KERAS_FORECASTER_DATA`
    names a directory, files below it are taken first: they are recognised by their content,
    whatever their names, plain or packed.

    Args:
        name: a name of `list_datasets()`, for example "air_passengers".
        split: for datasets whose publisher set a test part apart: "train", "test", or None (the
            default) for both, each series' test values right after its training values. Must
            be None for all others.

    Returns:
        A new frame, in units, names and order of rows as published. Most are wide: a DatetimeIndex
        (with its `freq`, where the file skips no step) and a column a variable. The M4 sets are
        long: `unique_id` (str), `ds` (int64, 1 for the first step of a series) and `y` (float64);
        "test" goes on counting where "train" ends.

    Raises:
        ValueError: `name` is unknown, `split` is unknown or the dataset has none, or
            `KERAS_FORECASTER_DATA` names something that is not a directory.
        TypeError: `name` is not a string.
        DatasetUnavailable: a file could not be downloaded, or is not the file that was meant.

    Example:
        >>> air = load_dataset("air_passengers")
        >>> air.shape, air.index.freqstr, int(air["passengers"].iloc[-1])
        ((144, 1), 'MS', 432)
    """
    _check_name(name)
    _check_split(name, split)
    dataset = CATALOG[name]
    with ExitStack() as stack:
        files = [stack.enter_context(file.open()) for file in dataset.files]
        frame = dataset.read(*files)[list(dataset.columns)]
    if split is None:
        return frame
    steps_to_end = frame.groupby("unique_id").cumcount(ascending=False)
    is_test = steps_to_end < dataset.horizon
    return frame[is_test if split == "test" else ~is_test].reset_index(drop=True)


def list_datasets() -> pd.DataFrame:
    """List the datasets that `load_dataset` knows.

    Returns:
        A frame with a row a dataset: `name`, `description`, `size` (rows and columns, or series),
        `freq` (an alias of pandas; 1 for integer times), `season_length` and `horizon` (steps of
        `freq`), `has_split` (whether `load_dataset` takes a `split`), `licence` as its publisher
        states it, `url` (several are set apart by a blank, none for a bundled dataset) and
        `bundled`.

    Example:
        >>> known = list_datasets()
        >>> known.loc[known["bundled"], "name"].to_list()
        ['air_passengers']
    """
    return pd.DataFrame(
        {
            "name": name,
            "description": dataset.description,
            "size": dataset.size,
            "freq": dataset.freq,
            "season_length": dataset.season_length,
            "horizon": dataset.horizon,
            "has_split": dataset.has_split,
            "licence": dataset.licence,
            "url": " ".join(dataset.urls),
            "bundled": not dataset.urls,
        }
        for name, dataset in CATALOG.items()
    )


def _check_name(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(
            f"`name` must be a string. Received: name={name!r}. "
            "Call `list_datasets()` for the names."
        )
    if name not in CATALOG:
        most_alike = sorted(CATALOG, key=lambda known: -SequenceMatcher(a=known, b=name).ratio())
        raise ValueError(
            f"`name` must be a known dataset: {', '.join(map(repr, most_alike[:5]))} and "
            f"{len(most_alike) - 5} more. Received: name={name!r}. "
            "Call `list_datasets()` for all of them."
        )


def _check_split(name: str, split: str | None) -> None:
    if split is None:
        return
    if not CATALOG[name].has_split:
        raise ValueError(
            f"`split` must be None for {name!r}, whose publisher set no test part apart. "
            f"Received: split={split!r}. Cut the frame yourself, for example with `.iloc`."
        )
    if split not in ("train", "test"):
        raise ValueError(
            f"`split` must be 'train', 'test' or None. Received: split={split!r}. "
            "Leave it out for both parts."
        )
