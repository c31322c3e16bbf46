"""Files are read as the frames that they were, texts as texts, with their keys found."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import RecurrentNetwork
from forecaster.cli import data_files
from forecaster.cli.options import PARAMETERS
from tests.helpers.command_line import SIMPLE, TINY, sales
from tests.helpers.tiny import waves, with_random_weights

DEFAULTS = {name: option.default for name, option in PARAMETERS.items()}


def test_a_column_is_of_texts_or_of_numbers(tmp_path):
    lines = ["day,id,text,number,gap", "2024-01-01,01,x,1,True", "2024-01-02,,NA,NA,"]
    lines += ["2024-01-03,3,None,2.5,False", "2024-01-04,4,,,"]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    expected = {
        "id": ["01", np.nan, "3", "4"],
        "text": ["x", "NA", "None", np.nan],
        "number": [1, np.nan, 2.5, np.nan],
        "gap": [1, np.nan, 0, np.nan],
    }
    given = {"target": ["number"], "past_covariate": ["id", "text", "gap"]}
    _, frame = data_files.read_with_keys(tmp_path / "data.csv", DEFAULTS | given)
    pd.testing.assert_frame_equal(
        frame.drop(columns="day"), pd.DataFrame(expected), check_dtype=False
    )
    assert frame.dtypes["number"].kind == "f"


@pytest.mark.parametrize(
    ("header", "given", "keys"),
    [
        ("day,sales", {}, (None, "day")),
        ("sales,day", {}, (None, "day")),
        ("sales,day", {"time": ["day"]}, (None, "day")),
        ("store,day,sales", {"id": "store"}, ("store", "day")),
        ("kind,sales,day", {"target": ["sales"], "static_covariate": ["kind"]}, (None, "day")),
        ("weight,day,sales", {"weight": "weight"}, (None, "day")),
        ("date,day,sales", {"time": ["day", "date"]}, (None, "day date")),
        ("step,sales", {}, (None, "step")),
    ],
)
def test_the_times_are_found_among_the_columns_that_nothing_else_is_named_for(
    tmp_path, header, given, keys
):
    values = {"day": "2024-01-0{}", "date": "0{}:00", "store": "007", "kind": "a", "step": "{}"}
    rows = [",".join(values.get(name, "{}5") for name in header.split(",")) for _ in range(3)]
    text = "\n".join([header, *(row.replace("{}", str(i)) for i, row in enumerate(rows, 1))])
    (tmp_path / "data.csv").write_text(text)
    named, frame = data_files.read_with_keys(tmp_path / "data.csv", DEFAULTS | given)
    assert (named["id"], named["time"]) == keys
    assert named["freq"] == (1 if keys[1] == "step" else None)
    assert "id" not in given or frame["store"].to_list() == ["007"] * 3


def test_numbered_rows(tmp_path):
    (tmp_path / "data.csv").write_text("y\n5\n7\n6\n")
    named, frame = data_files.read_with_keys(tmp_path / "data.csv", DEFAULTS | {"freq": 1})
    assert (named["time"], named["freq"], frame.columns.to_list()) == (None, 1, ["y"])
    assert frame.attrs["understood"] == "data.csv: 3 rows; in the order of time"


@pytest.mark.parametrize("keys", [["day"], ["store", "day"]])
def test_parquet_has_its_keys_in_the_index_or_in_columns(tmp_path, keys):
    flat = sales()[[*keys, "sales"]].iloc[:60]
    for layout, given in [(flat.set_index(keys), {}), (flat, {"id": keys[0]} if keys[1:] else {})]:
        layout.to_parquet(tmp_path / "sales.parquet")
        named, frame = data_files.read_with_keys(tmp_path / "sales.parquet", DEFAULTS | given)
        assert [named["id"], named["time"]][-len(keys) :] == keys
        pd.testing.assert_frame_equal(frame, flat, check_dtype=False, check_index_type=False)


def test_a_folder_of_parquet_is_handed_on_where_its_keys_are_known(tmp_path):
    """Otherwise it is read, to find them."""
    for store, own in sales().groupby("store"):
        own.to_parquet(tmp_path / f"{store}.parquet", index=False)
    known = DEFAULTS | {"id": "store", "time": ["day"]}
    assert data_files.read_with_keys(tmp_path, known) == (known | {"time": "day"}, tmp_path)
    named, frame = data_files.read_with_keys(tmp_path, DEFAULTS | {"id": "store"})
    assert (named["time"], len(frame)) == ("day", len(sales()))
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


def test_times_that_were_joined_are_joined_again(tmp_path, capsys):
    text = "date;hour;y;extra\n" + "".join(
        f"{day}.01.2024;{hour:02}:00;{day},{hour};{hour}\n"
        for day in range(10, 16)
        for hour in range(0, 24, 6)
    )
    (tmp_path / "data.csv").write_text(text)
    given = DEFAULTS | {"target": ["y"], "time": ["date", "hour"]}
    named, frame = data_files.read_with_keys(tmp_path / "data.csv", given)
    assert named["time"] == "date hour" and frame.columns.to_list() == ["date hour", "y"]
    for target in ("y", None):
        columns = {"target": target, "time_column": "date hour"}
        model = with_random_weights(frame, **columns)
        pd.testing.assert_frame_equal(data_files.read_like_fit(tmp_path / "data.csv", model), frame)
        err = capsys.readouterr().err
        assert ("left out: 'extra' (not in the fit)" in err) == (target is None)


def test_a_file_need_not_have_the_names_of_an_index(tmp_path):
    frame = waves().rename_axis("when")
    model = with_random_weights(frame)
    frame.to_csv(tmp_path / "data.csv", index_label="day")
    read = data_files.read_like_fit(tmp_path / "data.csv", model)
    pd.testing.assert_frame_equal(read, frame, check_freq=False, check_index_type=False)


def test_a_file_without_the_columns_of_the_fit_is_refused(tmp_path):
    frame = waves().rename_axis("when").reset_index()
    model = with_random_weights(frame, time_column="when")
    frame.rename(columns={"when": "day"}).to_csv(tmp_path / "data.csv", index=False)
    with pytest.raises(
        ValueError, match=r"no column 'when', which the fit had; .* 'day', 'a', 'b'"
    ):
        data_files.read_like_fit(tmp_path / "data.csv", model)


def test_rows_of_a_fit_on_numbered_rows_are_numbered(tmp_path):
    frame = waves().reset_index(drop=True)
    model = with_random_weights(frame, freq=1)
    frame.to_csv(tmp_path / "data.csv", index=False)
    pd.testing.assert_frame_equal(data_files.read_like_fit(tmp_path / "data.csv", model), frame)


def test_periods_of_a_fit_are_periods_again(tmp_path):
    frame = waves().to_period("D").rename_axis("day")
    model = with_random_weights(frame)
    frame.to_csv(tmp_path / "data.csv")
    read = data_files.read_like_fit(tmp_path / "data.csv", model)
    pd.testing.assert_frame_equal(read, frame)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--decimal", ";"], "--decimal must be a point or a comma. Received: ';'"),
        (["--separator", ";"], "--time must be given where no column looks like times"),
        (["--time-format", "%d.%m.%Y"], "--time must be given where no column"),
        (["--no-header", "--target", "passengers"], "--target must name columns of air.csv"),
    ],
)
def test_options_of_a_file(run, air_csv, tmp_path, words, message):
    code, out, err = run("fit", air_csv, "--horizon", 2, "--save", tmp_path / "model", *words)
    assert (code, out) == (1, "") and err.startswith(f"Error: {message}")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_file_of_another_country_from_standard_input(run, tmp_path, monkeypatch):
    text = "Monat;Filiale;Käufe\n" + "".join(
        f"01.{month:02}.{year};007;1.{100 + month + year % 100},5\n"
        for year in range(2020, 2023)
        for month in range(1, 13)
    )
    data = text.encode("cp1252")
    for words in (["fit", "-", "--save", tmp_path / "model", *TINY, *SIMPLE], ["predict"]):
        words = words if words[0] == "fit" else ["predict", tmp_path / "model", "-"]
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        code, out, err = run(*words)
        assert code == 0 and err.startswith("Read: standard input: 36 rows; time Monat (2020-01-01")
        assert "separator semicolon; decimal comma" in err and "encoding cp1252" in err
    assert out.startswith("Monat,Käufe\n2023-01-01,")
