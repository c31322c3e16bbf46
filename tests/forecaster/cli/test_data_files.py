"""Files are read as the frames that they were, texts as texts, with their keys found."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import RecurrentNetwork
from forecaster.cli import data_files
from forecaster.cli.options import PARAMETERS
from tests.helpers.command_line import sales
from tests.helpers.tiny import with_random_weights


def test_a_column_is_of_texts_or_of_numbers(tmp_path):
    lines = ["id,text,number,gap", "01,x,1,True", ",NA,NA,", "3,None,2.5,False", "4,,,"]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    expected = {
        "id": ["01", np.nan, "3", "4"],
        "text": ["x", "NA", "None", np.nan],
        "number": [1, np.nan, 2.5, np.nan],
        "gap": ["True", np.nan, "False", np.nan],
    }
    frame = data_files.read_data(tmp_path / "data.csv", ["id"])
    pd.testing.assert_frame_equal(frame, pd.DataFrame(expected), check_dtype=False)
    assert frame.dtypes["number"].kind == "f"


@pytest.mark.parametrize(
    ("columns", "given", "keys"),
    [
        (["day", "sales"], {}, (None, "day")),
        (["sales", "day"], {"time": "day"}, (None, "day")),
        (["store", "day", "sales"], {"id": "store"}, ("store", "day")),
        (
            ["kind", "sales", "day"],
            {"target": ["sales"], "static_covariate": ("kind",)},
            (None, "day"),
        ),
        (["weight", "day", "sales"], {"weight": "weight"}, (None, "day")),
        (["store"], {"id": "store"}, ("store", "store")),
    ],
)
def test_the_times_are_in_the_first_column_that_nothing_else_is_named_for(
    tmp_path, columns, given, keys
):
    pd.DataFrame(columns=columns).to_csv(tmp_path / "data.csv", index=False)
    defaults = {name: option.default for name, option in PARAMETERS.items()}
    named, frame = data_files.read_with_keys(tmp_path / "data.csv", defaults | given)
    assert (named["id"], named["time"]) == keys
    assert frame.columns.to_list() == columns


@pytest.mark.parametrize("keys", [["day"], ["store", "day"]])
def test_parquet_has_its_keys_in_the_index_or_in_columns(monkeypatch, keys):
    flat = sales()[[*keys, "sales"]].iloc[:60]
    frames = iter([flat.set_index(keys), flat])
    monkeypatch.setattr(pd, "read_parquet", lambda file: next(frames))
    defaults = {name: option.default for name, option in PARAMETERS.items()}
    for given in ({}, {"id": keys[0]} if len(keys) == 2 else {}):
        named, frame = data_files.read_with_keys(Path("sales.parquet"), defaults | given)
        assert [named["id"], named["time"]][-len(keys) :] == keys
        pd.testing.assert_frame_equal(frame, flat)


def test_a_folder_of_parquet_is_handed_on_where_its_keys_are_known(tmp_path):
    """Otherwise it is read, to find them."""
    for store, own in sales().groupby("store"):
        own.to_parquet(tmp_path / f"{store}.parquet", index=False)
    defaults = {name: option.default for name, option in PARAMETERS.items()}
    known = defaults | {"id": "store", "time": "day"}
    assert data_files.read_with_keys(tmp_path, known) == (known, tmp_path)
    named, frame = data_files.read_with_keys(tmp_path, defaults | {"id": "store"})
    assert (named["time"], len(frame)) == ("kind", len(sales()))
    columns = {"target": "sales", "id_column": "store"}
    model = with_random_weights(sales(), **columns, time_column="day")
    assert data_files.read_like_fit(tmp_path, model) == tmp_path
    model = with_random_weights(sales().set_index("day"), **columns)
    assert data_files.read_like_fit(tmp_path, model).index.name == "day"


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (["day"], {"id_column": "store"}),
        (["store", "day"], {}),
        ([], {"id_column": "store", "time_column": "day"}),
    ],
)
def test_a_file_gets_the_layout_and_the_texts_of_the_fit(tmp_path, index, columns):
    """However few of the texts are in it."""
    frame = sales()
    layout = frame.set_index(index) if index else frame
    roles = {"target": "sales", "past_covariates": ["event"], "static_covariates": ["kind"]}
    roles["network"] = RecurrentNetwork("simple_rnn", units=2)
    model = with_random_weights(layout, **roles, **columns)
    rows = (frame["store"] == "7") & (frame["event"] == "2")
    frame[rows].to_csv(tmp_path / "sales.csv", index=False)
    read = data_files.read_like_fit(tmp_path / "sales.csv", model)
    assert read.index.names == (index or [None])
    assert set(read["kind"]) == {"01"} and set(read["event"]) == {"2"}
    assert data_files.read_like_fit(None, model) is None


def test_quantiles_are_written_with_a_header_of_one_line(tmp_path, capsys):
    columns = pd.MultiIndex.from_tuples([("a", 0.1), ("a", 0.9)], names=[None, "quantile"])
    frame = pd.DataFrame([[1.5, 2.5]], pd.Index([7], name="step"), columns)
    data_files.write_csv(frame, tmp_path / "out.csv", index=True)
    assert capsys.readouterr().out == f"1 rows in {tmp_path / 'out.csv'}\n"
    assert (tmp_path / "out.csv").read_text() == "step,a_q0.1,a_q0.9\n7,1.5,2.5\n"
    data_files.write_csv(frame, None, index=False)
    assert capsys.readouterr().out == "a_q0.1,a_q0.9\n1.5,2.5\n"


@pytest.mark.parametrize("index", [True, False])
def test_parquet_has_the_columns_of_csv(tmp_path, capsys, index):
    columns = pd.MultiIndex.from_tuples([("a", 0.1), ("a", 0.9)], names=[None, "quantile"])
    frame = pd.DataFrame([[1.5, 2.5]], pd.Index([7], name="step"), columns)
    data_files.write_csv(frame, tmp_path / "out.parquet", index=index)
    data_files.write_csv(frame, tmp_path / "out.csv", index=index)
    written = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(written, pd.read_csv(tmp_path / "out.csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.parquet"]


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    class Broken(pd.DataFrame):
        def to_csv(self, stream, **options):
            stream.write(b"half")
            raise OSError(28, "No space left on device")

    (tmp_path / "out.csv").write_text("before")
    with pytest.raises(OSError, match="No space"):
        data_files.write_csv(Broken({"a": [1]}), tmp_path / "out.csv", index=False)
    assert (tmp_path / "out.csv").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    data_files.write_csv(pd.DataFrame({"a": [1]}), Path("/dev/null"), index=False)
    assert Path("/dev/null").is_char_device()
