"""Times come back as they are typed in the file that was read."""

import pandas as pd
import pytest

from forecaster.cli.time_texts import first_texts, style_of, with_typed_times


def file_of(tmp_path, texts, separator=","):
    file = tmp_path / "data.csv"
    file.write_text("\n".join([f"when{separator}y", *(f"{text}{separator}1" for text in texts)]))
    return file


@pytest.mark.parametrize(
    ("texts", "times", "ahead", "written"),
    [
        (["2024-01-31", "2024-02-01"], None, "2024-02-02", "2024-02-02"),
        (
            ["2024-01-31T10:00:00Z", "2024-01-31T11:00:00Z"],
            None,
            "2024-01-31T12:00Z",
            "2024-01-31T12:00:00Z",
        ),
        (["2024-01-31 10:00", "2024-01-31 11:00"], None, "2024-01-31 12:00", "2024-01-31 12:00"),
        (["2024-01-31T10:00+01:00"], None, "2024-01-31T11:00+01:00", "2024-01-31T11:00+01:00"),
        (["2024-01-31 10:00:00+0100"], None, "2024-01-31T11:00+01:00", "2024-01-31 11:00:00+0100"),
        (["2024-01", "2024-02"], ["2024-01-01", "2024-02-01"], "2024-03-01", "2024-03"),
        (["31.01.2024"], ["2024-01-31"], "2024-02-01", "01.02.2024"),
        (["02/01/2024", "03/01/2024"], ["2024-01-02", "2024-01-03"], "2024-01-04", "04/01/2024"),
        (["01/02/2024", "01/03/2024"], ["2024-01-02", "2024-01-03"], "2024-01-04", "01/04/2024"),
        (["20240131"], ["2024-01-31"], "2024-02-01", "20240201"),
        (["2024-01-31T10:00:00.250000"], None, "2024-01-31 10:00:01", "2024-01-31T10:00:01.000000"),
    ],
)
@pytest.mark.parametrize("time_column", ["when", None])
@pytest.mark.parametrize("separator", [",", ";"])
def test_times_as_they_are_typed(tmp_path, texts, times, ahead, written, time_column, separator):
    read = pd.DatetimeIndex(pd.to_datetime(times or texts, format="ISO8601"), name="when")
    history = pd.DataFrame({"y": 1.0}, read)
    answer = pd.DataFrame({"y": [2.0]}, pd.DatetimeIndex([pd.Timestamp(ahead)], name="when"))
    if time_column is not None:
        history, answer = history.reset_index(), answer.reset_index()
    typed = with_typed_times(answer, history, file_of(tmp_path, texts, separator), time_column)
    found = typed.index if time_column is None else typed["when"]
    assert (found.tolist(), found.name) == ([written], "when")
    assert typed["y"].tolist() == [2.0]


def test_ids_stay_in_the_index(tmp_path):
    days = pd.to_datetime(["2024-01-31", "2024-02-01"])
    index = pd.MultiIndex.from_arrays([["a", "a"], days], names=["id", "when"])
    frame = pd.DataFrame({"y": 1.0}, index)
    typed = with_typed_times(frame, frame, file_of(tmp_path, ["31.01.2024", "01.02.2024"]), None)
    assert typed.index.tolist() == [("a", "31.01.2024"), ("a", "01.02.2024")]
    assert typed.index.names == ["id", "when"]


@pytest.mark.parametrize(
    "texts",
    [
        ["1/2/2024", "2/2/2024"],  # not padded, as no format writes it
        ["2024-02-01", "2024-02-02 00:00"],  # in two ways
        ["later", "2024-02-01"],
    ],
)
def test_other_ways_are_left_to_pandas(tmp_path, texts):
    days = pd.DatetimeIndex(["2024-02-01", "2024-02-02"], name="when")
    frame = pd.DataFrame({"y": 1.0}, days)
    assert with_typed_times(frame, frame, file_of(tmp_path, texts), None) is frame


def test_times_stay_apart(tmp_path):
    days = pd.DatetimeIndex(["2024-02-01", "2024-03-01"], name="when")
    hours = pd.DataFrame({"y": 1.0}, pd.date_range("2024-03-01 01:00", periods=3, freq="h"))
    frame = pd.DataFrame({"y": 1.0}, days)
    file = file_of(tmp_path, ["2024-02", "2024-03"])
    assert with_typed_times(hours.rename_axis("when"), frame, file, None).index.dtype.kind == "M"


def test_what_has_no_texts(tmp_path):
    days = pd.DataFrame({"y": 1.0}, pd.date_range("2024-02-01", periods=2, name="when"))
    assert with_typed_times(days, days, None, None) is days
    assert with_typed_times(days, tmp_path, tmp_path, None) is days  # a folder of Parquet files
    assert with_typed_times(days, days, tmp_path / "gone.csv", None) is days
    steps = days.set_axis(pd.Index([1, 2], name="when"))
    assert with_typed_times(steps, steps, file_of(tmp_path, ["1", "2"]), None) is steps
    days.to_parquet(tmp_path / "data.parquet")
    assert first_texts(tmp_path / "data.parquet", "when") == []
    assert first_texts(file_of(tmp_path, ["2024"]), "other") == []
    assert style_of(days.index, []) is None
