"""Tables with a row for each year and a column for each month or quarter, as one series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.files.cells import Cells
from forecaster.files.names import CALENDAR, MONTHS


def stacked(cells: Cells) -> Cells:
    """Put the months or quarters of years below each other; leave any other table as it is.

    Returns:
        A table of two columns, "month" or "quarter" and "value", a line for each cell. Cells that
        are missing at the end, for a year that is not over, are left out.
    """
    frame = cells.frame
    name, others = str(frame.columns[0]), [str(column).strip().lower() for column in frame][1:]
    is_year = name.strip().lower() in CALENDAR["year"] or name == "column 1"
    if not is_year or not frame.iloc[:, 0].astype("str").str.fullmatch(r"[12]\d{3}").all():
        return cells
    if [other[:3] for other in others] == MONTHS.split("|"):
        part, texts = "month", [f"-{month:02}" for month in range(1, 13)]
    elif others in ([f"{letter}{i}" for i in range(1, 5)] for letter in ("q", "qtr", "quarter ")):
        part, texts = "quarter", [f"Q{quarter}" for quarter in range(1, 5)]
    else:
        return cells
    years, width = frame.iloc[:, 0].astype("str"), len(texts)
    values = pd.Series(frame.iloc[:, 1:].to_numpy().ravel())
    times = pd.Series([f"{year}{text}" for year in years for text in texts], dtype="str")
    ordered = np.argsort(times.to_numpy(), kind="stable")
    known = np.flatnonzero((values.astype("str").str.strip() != "").to_numpy()[ordered])
    kept = ordered[: known[-1] + 1] if len(known) else ordered
    table = pd.DataFrame({part: times, "value": values}).iloc[kept].reset_index(drop=True)
    lines = cells.lines.repeat(width)[kept] if len(cells.lines) else cells.lines
    note = f"a column for each {part}, stacked"
    return replace(cells, frame=table, lines=lines, notes=(*cells.notes, note))
