"""Rows of a text become a frame of texts, each with its line."""

import pytest

from forecaster.files.cells import read_cells
from forecaster.files.settings import FileOptions
from forecaster.files.sources import Source

SOURCE = Source("data", b"", "text")


def test_cells_keep_their_texts_and_lines():
    cells = read_cells(SOURCE, "# c\nday,shop\n\n2020-01-01,007\n2020-01-02,\n", FileOptions())
    assert cells.frame.to_dict("list") == {"day": ["2020-01-01", "2020-01-02"], "shop": ["007", ""]}
    assert cells.lines.tolist() == [4, 5] and cells.separator == ","


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("day,y\n2020-01-01,n/a\n2020-01-02,1\n2020-01-03,1", ["day", "y"]),
        ("day,y\n2020-01-01,see note\n2020-01-02,1\n2020-01-03,1", ["day", "y"]),
        ("0,1\n2020-01-01,5\n2020-01-02,6", ["0", "1"]),
        ("t,y\n1,oops\n2,5\n3,6", ["t", "y"]),
        (",0\n2020-01-01,5\n2020-01-02,6", ["column 1", "0"]),
        ("a,b\nx,y\nz,w", ["a", "b"]),
        (",north,\nday,a,b\n2020-01-01,5,6\n2020-01-02,6,7", ["day", "a", "b"]),
    ],
)
def test_headers_are_found(text, names):
    assert read_cells(SOURCE, text, FileOptions()).frame.columns.to_list() == names


def test_what_the_user_says_of_the_header_counts():
    text = "day,y\n2020-01-01,1\n2020-01-02,2"
    assert len(read_cells(SOURCE, text, FileOptions(header=False)).frame) == 3
    assert read_cells(SOURCE, "1,2\n3,4\n5,6", FileOptions(header=True)).frame.columns[0] == "1"
