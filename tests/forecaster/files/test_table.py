"""Files of many columns, with roles: what becomes a series, and what is left out."""

import os
import threading

import pandas as pd
import pytest

from forecaster import read_table
from forecaster.files.settings import FileOptions
from forecaster.files.table import Roles, read_file

SHOPS = "shop,day,price,sold\n" + "".join(
    f"{shop},2020-01-{day:02},5.5,{day + 10 * i}\n"
    for i, shop in enumerate(("007", "008"))
    for day in range(1, 5)
)


def written(tmp_path, text):
    file = tmp_path / "data.csv"
    file.write_text(text)
    return file


def test_ids_are_found_where_times_repeat_and_stay_texts(tmp_path):
    frame = read_table(written(tmp_path, SHOPS))
    assert frame.index.names == ["shop", "day"] and frame.columns.to_list() == ["price", "sold"]
    assert frame.index.levels[0].to_list() == ["007", "008"]
    assert "id shop (2)" in frame.attrs["understood"]
    named = read_table(written(tmp_path, SHOPS), id_column="shop", time_column="day")
    pd.testing.assert_frame_equal(frame, named)


def test_columns_with_a_role_alone_are_kept_where_targets_are_named(tmp_path):
    roles = Roles(numbers=("sold",), covariates=("shop",), are_all=True, has_ids=False)
    table = read_file(written(tmp_path, SHOPS), FileOptions(), roles)
    assert table.frame.columns.to_list() == ["shop", "day", "sold"]
    assert table.frame["shop"].to_list() == ["007"] * 4 + ["008"] * 4
    assert (table.id, table.time, table.remarks) == (None, "day", [])


def test_ids_of_a_fit_that_are_numbers_are_numbers_again(tmp_path):
    roles = Roles(of_fit=True, id="shop", time="day", has_number_ids=True, numbers=("gone",))
    table = read_file(written(tmp_path, SHOPS), FileOptions(), roles)
    assert table.frame["shop"].to_list() == [7] * 4 + [8] * 4


def test_the_joined_name_of_a_fit_is_found_in_its_columns_again(tmp_path):
    file = written(tmp_path, "a b,c,y\n2020-01-01,10:00,1\n2020-01-01,11:00,2\n")
    table = read_file(file, FileOptions(time_column=("a b c",)))
    assert table.time == "a b c" and table.frame.columns.to_list() == ["a b c", "y"]
    assert table.frame["a b c"].iloc[1] == pd.Timestamp("2020-01-01 11:00")


def test_rows_in_the_order_of_time_need_no_column_of_times(tmp_path):
    table = read_file(written(tmp_path, "y\n5\n7\n6\n"), FileOptions(), Roles(are_steps=True))
    assert table.time is None and table.frame["y"].to_list() == [5, 7, 6]
    assert str(table) == "data.csv: 3 rows; in the order of time"


def test_texts_are_left_out_where_nothing_names_them(tmp_path):
    file = written(tmp_path, "day,y,note,shop\n2020-01-01,1,a,007\n2020-01-02,2,b,007\n")
    assert read_file(file, FileOptions()).remarks == [
        "left out: 'note' (texts such as a), 'shop' (codes such as 007)"
    ]


def test_rows_that_are_series_are_not_numbered(tmp_path):
    file = written(tmp_path, '"V1","V2","V3"\n"H1","605","586"\n"H2","3124","2990"\n')
    with pytest.raises(ValueError, match=r"a row seems to be a series\. .* of 'V1': H1, H2"):
        read_file(file, FileOptions(), Roles(are_steps=True))


def test_integers_are_steps_where_the_step_is_an_integer(tmp_path):
    file = written(tmp_path, "year,y\n1950,5\n1951,7\n1952,6\n")
    assert read_file(file, FileOptions()).frame["year"].dtype.kind == "M"
    table = read_file(file, FileOptions(), Roles(are_steps=True))
    assert table.frame["year"].to_list() == [1950, 1951, 1952] and table.freq == 1


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_files_that_know_their_kinds(tmp_path, suffix):
    times = pd.date_range("2020-01-01", periods=4, name="day")
    frame = pd.DataFrame({"no": range(4), "y": [1.5, 2, 3, 4], "note": list("abcd")}, times)
    file = tmp_path / f"data.{suffix}"
    getattr(frame if suffix == "parquet" else frame.reset_index(), f"to_{suffix}")(file)
    read = read_table(file)
    pd.testing.assert_frame_equal(read, frame[["y", "note"]], check_freq=False)
    assert "left out: 'no' (row counter)" in read.attrs["understood"]


def test_a_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(SHOPS,))
    writer.start()
    assert len(read_table(pipe)) == 8
    writer.join()


def test_a_frame_with_its_line_can_be_written_as_parquet(tmp_path):
    """The attributes of a frame must be JSON for that."""
    read_table(written(tmp_path, SHOPS)).to_parquet(tmp_path / "again.parquet")
