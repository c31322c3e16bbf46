"""Tables in other formats than separated text."""

import builtins

import pandas as pd
import pytest

from forecaster import read_table
from forecaster.files.formats import read_excel, read_json, read_tsf, typed_cells
from forecaster.files.settings import FileOptions
from forecaster.files.sources import Source

TSF = """# of an archive
@relation Sales
@attribute series_name string
@attribute start_timestamp date
@frequency weekly
@missing true
@data
T1:2010-07-01 00-30-00:1,?,3
T2:2010-07-08 00-30-00:4,5
"""


def test_tsf_files_become_long_frames(tmp_path):
    (tmp_path / "sales.tsf").write_text(TSF)
    frame = read_table(tmp_path / "sales.tsf")
    assert frame.index.names == ["series_name", "time"]
    assert frame.loc["T1", "value"].isna().tolist() == [False, True, False]
    assert frame.index[4] == ("T2", pd.Timestamp("2010-07-15 00:30"))
    with pytest.raises(ValueError, match=r"1 attributes in line 9; the header has 2"):
        read_tsf(Source("sales", b"", "text"), TSF.replace("T2:2010-07-08 00-30-00", "T2"))


def test_excel_files_ask_for_their_package(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "openpyxl":
            raise ImportError
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"keras-forecaster\[excel\]"):
        read_excel(Source("book.xlsx", b"", "xlsx"), FileOptions())


def test_excel_files(tmp_path):
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=3), "y": [1.234, 2, None]})
    frame.to_excel(tmp_path / "book.xlsx", index=False, startrow=2, startcol=1)
    assert read_table(tmp_path / "book.xlsx")["y"].to_list()[:2] == [1.234, 2]


def test_columns_of_mixed_kinds_become_texts():
    frame = pd.DataFrame({"a": ["x", None, 1.5], "b": [1, 2, 3]}, dtype=object)
    cells = typed_cells(Source("data", b"", "text"), frame)
    assert cells.frame["a"].to_list() == ["x", "", "1.50"] and cells.frame["b"].dtype == object


def test_one_record_is_a_table_of_one_row():
    assert read_json(Source("data", b"", "text"), '{"a": 1}').to_dict("list") == {"a": ["1"]}
