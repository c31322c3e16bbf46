"""Times of results, written as those of the file that was read.

A way of writing is recognized by writing the times that were read: the first one that gives the
texts of the file, character by character, is the one. So nothing is guessed; where none does, times
are written as pandas writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SEEN = 20  # rows of a file that are compared
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y", "%Y-%m")
CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", " %H:%M:%S.%f")
ZONES = ("", "Z", "+hh:mm", "+hhmm", "+hh")
Style = tuple[str, str]  # format of date and clock, way of writing the time zone


def with_typed_times(
    answer: pd.DataFrame, history: Any, file: Path | None, time_column: Any
) -> pd.DataFrame:
    """Write the times of an answer as those of the history are written in its file.

    Args:
        answer: times in `time_column`, or in the last level of the index if that is None.
        history: what was read from the file, in the same layout.
        file: the data file.
        time_column: the column of times, if they are no index.
    """
    import pandas as pd

    if file is None or not file.is_file() or not isinstance(history, pd.DataFrame):
        return answer  # a pipe cannot be read twice
    read, ahead = _times(history, time_column), _times(answer, time_column)
    if not (isinstance(read, pd.DatetimeIndex) and isinstance(ahead, pd.DatetimeIndex)):
        return answer
    style = style_of(read[:SEEN], first_texts(file, read.name))
    if style is None:
        return answer
    texts = [text_of(time, style) for time in ahead]
    if len(set(texts)) < ahead.nunique():  # a way of writing that tells them no longer apart
        return answer
    if time_column is not None:
        return answer.assign(**{time_column: texts})
    levels = [answer.index.get_level_values(level) for level in range(answer.index.nlevels - 1)]
    names = answer.index.names
    if not levels:
        return answer.set_axis(pd.Index(texts, name=names[0]), axis=0)
    return answer.set_axis(pd.MultiIndex.from_arrays([*levels, texts], names=names), axis=0)


def _times(frame: pd.DataFrame, time_column: Any) -> pd.Index:
    import pandas as pd

    if time_column is None:
        return frame.index.get_level_values(-1)
    values = frame[time_column] if time_column in frame else pd.Series(dtype=object)
    if pd.api.types.is_string_dtype(values):
        try:
            return pd.DatetimeIndex(pd.to_datetime(values, format="ISO8601"), name=time_column)
        except (ValueError, TypeError):
            pass
    return pd.Index(values)


def first_texts(file: Path, column: Any) -> list[str]:
    """Read the first texts in a column of a text file; none where it is no such file."""
    import pandas as pd

    try:
        rows = pd.read_csv(file, sep=None, engine="python", dtype=str, nrows=SEEN, index_col=False)
        return [] if column not in rows else rows[column].fillna("").tolist()
    except (OSError, ValueError, LookupError):
        return []
    except Exception as error:  # the module csv has an error of its own
        if type(error).__module__ in ("_csv", "pandas.errors"):
            return []
        raise


def style_of(times: Sequence[Any], texts: Sequence[str]) -> Style | None:
    """Return the way of writing that turns all of these times into these texts, if there is one."""
    if not texts or len(times) < len(texts):
        return None
    return next((style for style in _styles() if _writes(style, times, texts)), None)


def _styles() -> Iterator[Style]:
    for date, clock, zone in product(DATES, CLOCKS, ZONES):
        yield date + clock, zone


def _writes(style: Style, times: Sequence[Any], texts: Sequence[str]) -> bool:
    return all(text_of(time, style) == text for time, text in zip(times, texts, strict=False))


def text_of(time: Any, style: Style) -> str | None:
    """Write a time; None where its zone cannot be written so."""
    form, zone = style
    offset = time.strftime("%z")  # such as +0100, or nothing
    if (zone == "") != (offset == "") or (zone == "Z" and offset != "+0000"):
        return None
    if zone == "+hh" and offset[3:] != "00":
        return None
    of_zone = {"": "", "Z": "Z", "+hh:mm": f"{offset[:3]}:{offset[3:]}", "+hhmm": offset}
    return time.strftime(form) + of_zone.get(zone, offset[:3])
