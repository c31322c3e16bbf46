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


def check_list(argument: str, labels: Any, *, or_one: bool = False) -> None:
    """Check that labels are a list or the like, which has an order and can be read twice.

    Args:
        argument: name of the user's argument.
        labels: what it is.
        or_one: whether it may also be one label, or None.

    Raises:
        TypeError: if they are a set, a mapping, an iterator or, unless `or_one`, no list at all.
    """
    if isinstance(labels, Set | Mapping | Iterator) or not (
        or_one or isinstance(listed(labels), list | tuple)
    ):
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
            join = f" Join them into one column: `{joining(found)}`."
        raise TypeError(
            f"`{argument}` must be the label of one column. Received: {argument}={label!r} "
            f"({type(label).__name__}).{join or f' Write the label alone: `{argument}=...`.'}"
        )


def joining(labels: Sequence[Hashable]) -> str:
    """Return the call that joins columns of ids into one."""
    parts = " + '/' + ".join(f"frame[{label!r}].astype(str)" for label in labels)
    return f"frame['id'] = {parts}"


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


def reject_reserved(
    frame: pd.DataFrame, keys: Sequence[Hashable], targets: pd.Index, *, has_ids: bool
) -> None:
    """Check that names of ids, times and targets are none that forecasts need for other columns.

    Args:
        frame: the user's.
        keys: names of the ids and the times, columns of it or levels of its index.
        targets: labels of the targets.
        has_ids: whether the frame is long: forecasts of one target are then called "prediction".
    """
    nameless = [label for label in targets if label is None or label != label]
    if nameless:
        raise ValueError(
            f"`frame` must have a label for every column to forecast. Received: {nameless[0]}. "
            f"Give it one, e.g. `frame.columns = frame.columns.map(str)`."
        )
    names = [key for key in keys if isinstance(key, str)]
    if has_ids and len(targets) == 1:
        taken = [name for name in names if _OF_FORECASTS.fullmatch(name)]
    else:  # "a_q0.1" is the quantile 0.1 of "a" where labels are texts
        known = set(map(str, targets))
        pairs = [(name, *name.rpartition("_")) for name in names]
        taken = [
            n for n, target, _, end in pairs if target in known and _OF_FORECASTS.fullmatch(end)
        ]
    if taken:
        call = "rename(columns=" if taken[0] in frame.columns else "rename_axis(index="
        raise ValueError(
            f"`frame` must not call its ids or times as forecasts call their columns: prediction, "
            f"q0.1 and so on. Received: {taken[0]!r}. Rename it: "
            f"`frame.{call}{{{taken[0]!r}: {taken[0] + '_of_rows'!r}}})`."
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
