"""Labels of columns, as users give them: one, a list of them, misspelled, or taken by forecasts."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.messages import shortlist

# Columns of a long forecast, beside those of ids and times.
_OF_FORECASTS = re.compile(r"prediction|q(0?\.\d+|\d(\.\d+)?e-\d+)")


def listed(labels: Any) -> Any:
    """Return a list of what is list-like and no label: an array, an Index, a Series; else itself.

    A tuple stays one, because it may be the label of a column with several levels.
    """
    if isinstance(labels, np.generic | str | bytes | tuple | list | pd.MultiIndex):
        return list(labels) if isinstance(labels, pd.MultiIndex) else labels
    if hasattr(labels, "tolist"):
        return labels.tolist()  # of an array without axes: the label itself
    return list(labels) if isinstance(labels, Sequence) else labels


def labels_of(labels: Any, columns: pd.Index | None = None) -> list[Any]:
    """Return the labels that an argument names: those of a list or the like, one, or none of None.

    Args:
        labels: what the user gave.
        columns: of the frame; a tuple that is not among them is a list of labels.
    """
    labels = listed(labels)
    if isinstance(labels, list):
        return labels
    if isinstance(labels, tuple) and columns is not None and not _is_among(labels, columns):
        return list(labels)
    return [] if labels is None else [labels]


def check_list(argument: str, labels: Any) -> None:
    """Check that labels have an order and can be read twice.

    Raises:
        TypeError: if they are a set, a mapping or an iterator.
    """
    if isinstance(labels, Set | Mapping | Iterator):
        raise TypeError(
            f"`{argument}` must be a list of columns. Received: {argument}={labels!r} "
            f"({type(labels).__name__}). Write a list: `{argument}=[...]`."
        )


def check_one_label(argument: str, label: Any) -> None:
    """Check that an argument names one column, not a list of them.

    Raises:
        TypeError: if it is a list or the like.
    """
    found = listed(label)
    if not isinstance(found, Hashable) or isinstance(label, Set | Iterator):
        join = ""
        if argument == "id_column" and isinstance(found, list) and len(found) > 1:
            parts = " + '/' + ".join(f"frame[{part!r}].astype(str)" for part in found)
            join = f" Join them into one column: `frame['id'] = {parts}`."
        raise TypeError(
            f"`{argument}` must be the label of one column. Received: {argument}={label!r} "
            f"({type(label).__name__}).{join or f' Write the label alone: `{argument}=...`.'}"
        )


def reject_unknown(columns: pd.Index, role: str, labels: list[Any], argument: str) -> None:
    """Check that all labels are columns; the error suggests the most similar ones."""
    unknown = [label for label in labels if not _is_among(label, columns)]
    if unknown:
        known, wrong = shown(columns), shown(unknown)
        plain = {_plain(name): name for name in reversed(known)}
        matches = [get_close_matches(_plain(name), plain, n=1) for name in wrong[:5]]
        close = [plain[match[0]] for match in matches if match]
        raise ValueError(
            f"`{role}` must name columns of `{argument}`. Received: unknown {shortlist(wrong)}. "
            + (f"Did you mean {shortlist(close)}? " if close else "")
            + f"The columns are {shortlist(known)}."
        )


def reject_reserved(keys: Sequence[Hashable], num_targets: int, argument: str) -> None:
    """Check that no name of ids or times is one that forecasts give to their own columns.

    Args:
        keys: names of the ids and the times of a long frame.
        num_targets: number of targets; forecasts of several have the names of those.
        argument: name of the user's argument that holds the frame.
    """
    taken = [key for key in keys if isinstance(key, str) and _OF_FORECASTS.fullmatch(key)]
    if taken and num_targets == 1:
        raise ValueError(
            f"`{argument}` must not call its ids or times as forecasts call their columns: "
            f"prediction, q0.1 and so on. Received: {taken[0]!r}. Rename it: "
            f"`{argument}.rename(columns={{{taken[0]!r}: {taken[0] + '_of_rows'!r}}})`."
        )


def shown(labels: Sequence[Any] | pd.Index) -> list[str]:
    """Return labels as texts, in quotes where they are no plain names."""
    labels = list(labels)
    plain = all(isinstance(label, str) and label.strip() == label != "" for label in labels)
    return labels if plain else [repr(label) for label in labels]


def _plain(name: str) -> str:
    """Return a name as it is compared for likeness."""
    return name.strip(" '\"").casefold().replace("_", " ").replace("-", " ").strip()


def _is_among(label: Any, columns: pd.Index) -> bool:
    """Return whether a label, of any kind, is one of the columns."""
    try:
        return label in columns and not isinstance(label, slice) and _is_whole(label, columns)
    except TypeError:  # it cannot be hashed
        return False


def _is_whole(label: Any, columns: pd.Index) -> bool:
    """Return whether a label has all levels of the columns: ("a",) stands for several of them."""
    if columns.nlevels == 1:
        return True
    return isinstance(label, tuple) and len(label) == columns.nlevels
