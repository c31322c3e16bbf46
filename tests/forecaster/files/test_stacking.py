"""Months and quarters in columns become one series."""

import numpy as np
import pandas as pd

from forecaster.files.cells import Cells
from forecaster.files.stacking import stacked


def test_lines_go_along_and_the_last_year_may_be_short():
    frame = pd.DataFrame([["1950", "5", "6", "", ""], ["1949", "1", "2", "3", "4"]], dtype="str")
    frame.columns = ["Year", "Qtr1", "Qtr2", "Qtr3", "Qtr4"]
    table = stacked(Cells(frame, np.array([2, 3])))
    assert table.frame["quarter"].to_list() == [f"1949Q{i}" for i in range(1, 5)] + [
        "1950Q1",
        "1950Q2",
    ]
    assert table.frame["value"].to_list() == list("123456")
    assert table.lines.tolist() == [3, 3, 3, 3, 2, 2]


def test_other_tables_stay_as_they_are():
    frame = pd.DataFrame({"year": ["1949"], "jan": ["1"], "feb": ["2"]}, dtype="str")
    cells = Cells(frame, np.array([2]))
    assert stacked(cells) is cells
