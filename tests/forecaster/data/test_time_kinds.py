"""Times of a later frame: of the kind of the earlier one, in its zone, or refused."""

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning, Rows
from forecaster.data.reading import Reading, read_frame
from forecaster.data.time_grid import as_freq
from forecaster.data.time_kinds import KnownTimes, is_same_zone, reject_disguised
from forecaster.data.times import TimeSource
from forecaster.data.writing import forecast_frame
from tests.helpers.tables import days, quietly, ramp, read

BERLIN, YORK = "Europe/Berlin", "America/New_York"


def known(times, freq="h", argument="history"):
    return KnownTimes(times[-1:], as_freq(freq, times), argument)


def hours(zone=None, rows=30):
    return pd.date_range("2024-03-30 05:00", periods=rows, freq="h", tz=zone)


NAIVE, PERIODS = (
    pd.date_range("2024-03-28", periods=30, freq="h"),
    pd.period_range("2024-01", periods=3, freq="M"),
)
ENDS = pd.date_range("2024-01-31", periods=3, freq="ME")
PAIRS = {  # times of the fit with their step, of the history -> error, what the advice makes
    "naive for aware": (hours(BERLIN), "h", NAIVE, NAIVE.tz_localize(BERLIN)),
    "aware for naive": (NAIVE, "h", NAIVE.tz_localize(BERLIN), NAIVE),
    "UTC for naive": (NAIVE, "h", NAIVE.tz_localize("UTC"), NAIVE),
    "datetimes for periods": (PERIODS, "M", days(3), days(3).to_period("M")),
    "periods for datetimes": (PERIODS.to_timestamp(), "MS", PERIODS, PERIODS.to_timestamp()),
    "periods for ends": (ENDS, "ME", PERIODS, ENDS),
    "integers for times": (days(), "D", pd.RangeIndex(3), None),
    "years for times": (days(), "YS", pd.Index([2001, 2002]), pd.to_datetime(["2001", "2002"])),
    "times for integers": (pd.RangeIndex(3), 1, days(), None),
    "periods for integers": (pd.RangeIndex(3), 1, PERIODS, None),
}


@pytest.mark.parametrize("column", [None, "t"])
@pytest.mark.parametrize("name", PAIRS)
def test_another_kind_is_refused_with_the_call_that_converts(name, column):
    of_fit, freq, times, converted = PAIRS[name]
    rows = Rows(times, source=TimeSource("history", column))
    with pytest.raises(TypeError, match=r"^`history` must .*: the fit had .*; `history` has ") as e:
        known(of_fit, freq).converted(rows)
    before, after = str(e.value).split("; `history` has ")
    assert str(of_fit[-1]) in before
    assert str(times[0]) in after
    if converted is None:
        return
    history = pd.DataFrame({"t": times}) if column else pd.DataFrame({"y": 1}, index=times)
    line = after[after.index("history") :].split(", if ")[0].split(", or ")[0]
    exec(line, {"history": history, "pd": pd})
    found = pd.Index(history["t"]) if column else history.index
    assert found.tolist() == converted.tolist()
    assert known(of_fit, freq).converted(Rows(found))[0].times.tolist() == converted.tolist()


def test_times_in_another_zone_are_converted_and_it_is_said():
    message = f"`history` has times in the zone '{YORK}', the fit had '{BERLIN}'.* to '{BERLIN}'"
    times = hours(BERLIN).tz_convert(YORK)
    with pytest.warns(FrameWarning, match=message):
        rows, zone = known(hours(BERLIN)).converted(Rows(times))
    assert rows.times.equals(pd.DatetimeIndex(hours(BERLIN)))
    assert str(rows.times.tz) == BERLIN
    assert str(zone) == YORK


def test_forecasts_come_back_in_the_zone_of_the_history():
    frame = ramp(hours(BERLIN, 50).tz_convert(YORK))
    with pytest.warns(FrameWarning, match="were converted"):
        table = read_frame(frame, Reading(freq="h"), known=known(hours(BERLIN)))
    expected = pd.date_range(frame.index[-1], periods=4, freq="h")[1:]
    found = forecast_frame(table, np.zeros((1, 2, 3))).index
    pd.testing.assert_index_equal(found, expected)
    assert str(table.starts.tz) == BERLIN


@pytest.mark.parametrize("of_history", ["UTC", "+01:00", ZoneInfo(BERLIN), UTC])
def test_no_word_of_a_zone_with_the_same_clock(of_history):
    of_fit = {"UTC": "Etc/UTC", "+01:00": timezone(timedelta(hours=1)), UTC: "UTC"}
    times = hours(of_fit.get(of_history, BERLIN))
    rows, zone = known(times).converted(Rows(hours(of_history)))
    assert (rows.times.tz, zone) == (times.tz, None)


def test_zones_that_are_the_same():
    assert is_same_zone(ZoneInfo("UTC"), UTC)
    assert not is_same_zone(ZoneInfo(BERLIN), timezone(timedelta(hours=1)))
    assert not is_same_zone(ZoneInfo(BERLIN), ZoneInfo("Europe/Paris"))
    assert not is_same_zone(timezone(timedelta(hours=1)), UTC)


@pytest.mark.parametrize("freq", ["D", "MS", "W-MON", "B"])
def test_days_of_another_zone_are_refused(freq):
    of_fit = pd.date_range("2024-01-01", periods=5, freq=freq, tz=BERLIN)
    frame = ramp(pd.date_range("2024-03-04", periods=9, freq=freq, tz=YORK))
    message = (
        f"`history` must begin its steps at the hour.*-0[45]:00, which is .* 06:00.* '{BERLIN}'"
    )
    with pytest.raises(ValueError, match=message):
        read_frame(frame, Reading(freq=freq), known=known(of_fit, freq))
    same_days = pd.date_range("2024-03-04", periods=9, freq=freq, tz=BERLIN).tz_convert(YORK)
    with pytest.warns(FrameWarning, match="were converted"):
        table = read_frame(ramp(same_days), Reading(freq=freq), known=known(of_fit, freq))
    assert table.times(0, 0, 9).tz_convert(YORK).tolist() == same_days.tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_is_no_kind(unit):
    rows, _ = known(hours(BERLIN).as_unit("us")).converted(Rows(hours(BERLIN).as_unit(unit)))
    assert rows.times.tolist() == hours(BERLIN).tolist()


def test_numbers_that_stand_for_times_are_refused_in_a_fit():
    months = [202011, 202012, 202101]
    with pytest.raises(
        ValueError, match=r"freq=1; 202011, .*'%Y%m'.*\.astype\(str\), format='%Y%m'"
    ):
        read(ramp(months), freq=1)
    with pytest.raises(ValueError, match=r"freq='YS'; 2001, 2002 .* look like years.*`freq=1`"):
        read(ramp([2001, 2002]), freq="YS")
    with pytest.raises(ValueError, match=r"freq=None; 1700000000, .* look like seconds since 1970"):
        read(ramp([1_700_000_000, 1_700_003_600]))
    assert read(ramp([2001, 2002, 2003]), freq=1).end == 2003
    # A later frame is read as the first one was: a counter may pass these numbers.
    assert quietly(ramp(range(200_000, 200_009)), freq=1).num_rows == 9
    table = read_frame(
        ramp(range(200_001, 200_009)), Reading(freq=1), known=known(pd.RangeIndex(9), 1)
    )
    assert table.end == 200_008


def test_seconds_as_times_are_told():
    rows = Rows(pd.Index([1_700_000_000, 1_700_003_600]))
    with pytest.warns(FrameWarning, match=r"know no calendar: 1700000000, .*unit='s'\)"):
        reject_disguised(rows, 3600)
