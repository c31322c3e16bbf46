"""Forecasts of long frames, in the layout of the frame; every value names its id and its row."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.concat import concat_in_time
from forecaster.data.writing import forecast_frame
from tests.helpers.tables import (
    FREQS,
    HORIZON,
    LAYOUTS,
    assert_same_table,
    check_table,
    days,
    laid_out,
    long_ramp,
    read,
)

LENGTHS = {"b": 30, "a": 25, "c": 21}


def read_and_continue(longer, layout, **options):
    """Leave the last HORIZON rows of each id out, and write them as if they were forecast."""
    last = longer.groupby("shop").cumcount(ascending=False) < HORIZON
    table = check_table(laid_out(longer[~last], layout), **LAYOUTS[layout], **options)
    future = longer[last].sort_values("shop", kind="stable", ignore_index=True)
    prediction = future["sold"].to_numpy().reshape(table.num_ids, 1, HORIZON)
    forecast = forecast_frame(table, prediction)
    expected = laid_out(future.rename(columns={"sold": "prediction"}), layout)
    return forecast, expected


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("freq", FREQS)
def test_forecasts_continue_every_id(freq, zone):
    start = "2024-03-30" if freq == "h" else "2024-02-25"  # over the change of the clocks
    longer = long_ramp({k: n + HORIZON for k, n in LENGTHS.items()}, freq, start=start, tz=zone)
    pd.testing.assert_frame_equal(*read_and_continue(longer, "columns"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_forecasts_have_the_layout_of_the_frame(layout):
    longer = long_ramp({k: n + HORIZON for k, n in LENGTHS.items()})
    pd.testing.assert_frame_equal(*read_and_continue(longer, layout))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(FREQS),
    st.sampled_from([None, "UTC", "Europe/Berlin", "America/New_York"]),
    st.lists(st.integers(3, 25), min_size=1, max_size=4),
    st.sampled_from(list(LAYOUTS)),
    st.integers(0, 2**32 - 1),
)
def test_any_lengths_and_any_order(freq, zone, lengths, layout, seed):
    lengths = {f"id {i}": n + HORIZON for i, n in enumerate(lengths)}
    longer = long_ramp(lengths, freq, tz=zone, start="2018-10-20").sample(
        frac=1, random_state=seed, ignore_index=True
    )
    in_order = longer.sort_values(["shop", "when"], ignore_index=True)
    forecast, expected = read_and_continue(in_order, layout, freq=freq)
    pd.testing.assert_frame_equal(forecast, expected)
    table = read(laid_out(in_order, layout), freq=freq, **LAYOUTS[layout])
    assert_same_table(table, read(laid_out(longer, layout), freq=freq, **LAYOUTS[layout]))


def test_periods_and_integers():
    for times, freq in (
        (pd.period_range("2024-01", periods=20, freq="M"), None),
        (np.arange(10, 50, 2), 2),
    ):
        longer = pd.DataFrame({"shop": [7] * 20 + [3] * 20, "when": np.tile(times, 2)})
        if freq is None:
            longer["when"] = pd.PeriodIndex(longer["when"], freq="M")
        longer["sold"] = np.arange(40.0)
        for layout in LAYOUTS:
            pd.testing.assert_frame_equal(*read_and_continue(longer, layout, freq=freq))


def test_several_targets_share_the_rows_of_an_id():
    frame = long_ramp(LENGTHS)
    frame["lost"] = -frame["sold"]
    table = check_table(frame, **LAYOUTS["columns"])
    assert table.targets.tolist() == ["sold", "lost"]
    np.testing.assert_array_equal(table.values[1], -table.values[0])
    prediction = np.arange(3 * 2 * 4 * 2.0).reshape(3, 2, 4, 2)  # (I, S, H, Q)
    forecast = forecast_frame(table, prediction[..., 0])
    assert forecast.columns.tolist() == ["shop", "when", "sold", "lost"]
    assert forecast["lost"].tolist() == prediction[:, 1, :, 0].ravel().tolist()
    forecast = forecast_frame(table, prediction, levels=[0.1, 0.9])
    assert forecast.columns[0] == ("shop", "")
    assert forecast[("lost", 0.9)].tolist() == prediction[:, 1, :, 1].ravel().tolist()


def test_quantiles_of_one_target():
    table = read(long_ramp(LENGTHS), **LAYOUTS["columns"])
    prediction = np.arange(3 * 1 * 4 * 2.0).reshape(3, 1, 4, 2)  # (I, S, H, Q)
    forecast = forecast_frame(table, prediction, levels=[0.1, 0.95])
    assert forecast.columns.tolist() == ["shop", "when", "q0.1", "q0.95"]
    assert forecast["q0.95"].tolist() == prediction[..., 1].ravel().tolist()
    with pytest.raises(ValueError, match=r"`prediction` must have .*\(1, 1, 4\), 3 ids, 1 targets"):
        forecast_frame(table, np.zeros((1, 1, 4)))


IDS = {
    "category": pd.Categorical(["lo", "hi"], ["lo", "hi", "unused"], ordered=True),
    "category of numbers": pd.Categorical([2, 1]),
    "objects": np.array([2, 1], object),
    "Int64": pd.array([2, 1], dtype="Int64"),
    "int8": np.array([2, 1], np.int8),
    "texts with zeros": np.array(["007", "01"], object),
    "Arrow texts": pd.array(["b", "a"], dtype="string[pyarrow]"),
}


@pytest.mark.parametrize("kind", IDS)
@pytest.mark.parametrize("levels", [None, (0.1, 0.9)])
@pytest.mark.parametrize("targets", [["y"], ["y", "z"]])
def test_ids_come_back_in_the_dtype_they_came_in(kind, levels, targets):
    ids = pd.Series(IDS[kind]).repeat(4).array
    frame = pd.DataFrame({"id": ids, "t": [*days(4)] * 2, "y": 1.0, "z": 2.0})
    prediction = np.zeros((2, len(targets), 3, *([2] if levels else [])))
    options = {"id_column": "id", "time_column": "t", "target": targets}
    forecast = forecast_frame(read(frame, **options), prediction, levels=levels)
    assert forecast["id"].dtype == frame["id"].dtype
    assert sorted(set(forecast["id"])) == sorted(set(frame["id"]))
    assert [*forecast.columns[:2].get_level_values(0)] == ["id", "t"]
    indexed = frame.set_index(["id", "t"])
    forecast = forecast_frame(read(indexed, target=targets), prediction, levels=levels)
    assert forecast.index.levels[0].dtype == indexed.index.levels[0].dtype


def test_ids_that_no_category_of_the_user_names_stay_texts():
    frame = pd.DataFrame({"id": pd.Categorical(["a", "b"]), "t": days(2), "y": 1.0})
    options = {"id_column": "id", "time_column": "t", "freq": "D"}
    later = pd.DataFrame({"id": ["c", "c"], "t": days(2), "y": 2.0})
    table = concat_in_time(read(frame, **options), read(later, **options))
    assert forecast_frame(table, np.zeros((3, 1, 1)))["id"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(("id_name", "time_name"), [("i", 0), (1, 0), (0, 1), (1, "t"), (0, "t")])
def test_names_may_be_numbers_that_are_positions(id_name, time_name):
    frame = pd.DataFrame({id_name: ["a", "a", "b", "b"], time_name: [*days(2)] * 2, "y": 1.0})
    table = read(frame, id_column=id_name, time_column=time_name, target="y")
    forecast = forecast_frame(table, np.zeros((2, 1, 2)))
    assert forecast.columns.tolist() == [id_name, time_name, "prediction"]
    table = read(frame.set_index(time_name), id_column=id_name, target="y")
    forecast = forecast_frame(table, np.zeros((2, 1, 2)))
    assert forecast.columns.tolist() == [id_name, "prediction"]
    assert forecast.index.name == time_name
