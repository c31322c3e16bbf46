"""Features of time, with pandas' own fields, Python's calendar and `holidays` as references."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.time_grid import as_freq
from forecaster.inputs.time_features import (
    TimeFeatures,
    as_time_features,
    check_time_features,
    default_time_features,
    unix_seconds,
)
from tests.helpers.calendars import (
    CYCLES,
    ZONES,
    assert_same,
    at,
    changes_of_clocks,
    from_pandas,
    from_python,
    of_zone,
    two_centuries,
)

BY_ZONE = {zone: of_zone(zone) for zone in ZONES}


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_two_centuries_are_as_pandas_has_them(zone):
    times = two_centuries(zone)
    assert_same(of_zone(zone).of(times), from_pandas(times))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_the_seconds_at_which_clocks_change_are_as_pandas_has_them(zone):
    seconds = changes_of_clocks(zone)
    assert len(seconds) > 900
    features, times = of_zone(zone), at(seconds, zone)
    assert_same(features.of(times), from_pandas(times))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_name_zone_and_unit(data):
    zone = data.draw(st.sampled_from(ZONES))
    names = data.draw(st.lists(st.sampled_from(CYCLES), min_size=1, unique=True))
    moments = st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31))
    moments = data.draw(st.lists(moments, min_size=1, max_size=9))
    times = pd.DatetimeIndex(moments).as_unit(data.draw(st.sampled_from(["s", "ms", "us", "ns"])))
    times = times.tz_localize("UTC").tz_convert(zone) if zone else times
    features = replace(BY_ZONE[zone], names=tuple(names))
    wanted = [2 * CYCLES.index(name) + wave for name in names for wave in (0, 1)]
    assert_same(features.of(times), from_pandas(times)[:, wanted])
    assert features.columns == tuple(f"{n}_{wave}" for n in names for wave in ("sin", "cos"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=9))
def test_every_day_that_python_knows(moments):
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    seconds = [(moment - epoch) // timedelta(seconds=1) for moment in moments]
    expected = np.stack([from_python(moment) for moment in moments])
    assert_same(of_zone(None).of(at(seconds)), expected)


def test_one_moment_has_the_same_features_in_every_zone():
    features, times = of_zone("America/New_York"), two_centuries("Asia/Kolkata")[::50]
    np.testing.assert_array_equal(features.of(times), features.of(times.tz_convert("UTC")))
    np.testing.assert_array_equal(features.of(times), features.of(times.tz_convert(None)))


def test_the_kind_of_the_zone_makes_no_difference():
    assert of_zone(UTC) == of_zone("UTC") == of_zone(None)
    times = pd.date_range("1950", "2037", freq="7h", tz="UTC")  # pytz knows no changes after 2037
    by_name, by_object = of_zone("Europe/Berlin"), of_zone(ZoneInfo("Europe/Berlin"))
    np.testing.assert_array_equal(by_name.of(times), by_object.of(times))


def test_years_without_a_table_take_the_nearest_offset_and_have_no_holidays():
    names = ["hour", "holidays:US"]
    features = of_zone("America/New_York", names)
    times = pd.DatetimeIndex(["1890-01-01 12:00", "2150-07-04 12:00"], tz="UTC").as_unit("s")
    five_hours_behind = of_zone(None, ["hour"]).of(times - pd.Timedelta(hours=5))
    assert_same(features.of(times), np.column_stack([five_hours_behind, [0, 0]]))


def test_hours_resolve_a_day_and_cycles_close():
    times = pd.date_range("2024-01-01", periods=97, freq="15min")
    numbers = of_zone(None, ["hour"]).of(times)
    steps = np.linalg.norm(np.diff(numbers, axis=0), axis=1)
    np.testing.assert_allclose(steps, 2 * np.sin(np.pi / 96), atol=1e-6)
    np.testing.assert_array_equal(numbers[0], [0, 1])
    np.testing.assert_array_equal(numbers[-1], numbers[0])


@pytest.mark.parametrize("country", ["DE", "US", "JPN", "BV"])  # the last has no holidays at all
def test_holidays_are_those_of_the_package(country):
    zone = "Pacific/Auckland"  # far from UTC: its days are others
    days = pd.date_range("1950-01-01 03:00", "2050-12-31", freq="D", tz=zone)
    known = holidays.country_holidays(country, years=range(1950, 2051))
    expected = np.array([[day in known] for day in days.date], np.float32)
    assert expected.any() == (country != "BV")
    features = of_zone(zone, f"holidays:{country}")
    np.testing.assert_array_equal(features.of(days), expected)


def test_holidays_of_a_part_of_a_country():
    days = pd.date_range("2024-01-01", "2024-12-31", freq="D")
    features = of_zone(None, ["holidays:DE", "holidays:DE-BY", "month"])
    assert features.columns == ("holidays:DE", "holidays:DE-BY", "month_sin", "month_cos")
    known = holidays.country_holidays("DE", subdiv="BY", years=2024)
    everywhere, bavaria, _, _ = features.of(days).T
    assert (everywhere.sum(), bavaria.sum()) == (9, 12)
    np.testing.assert_array_equal(bavaria, [day in known for day in days.date])


def test_the_package_says_itself_where_it_knows_only_some_years():
    with pytest.warns(UserWarning, match="available only from 2001"):
        of_zone(None, "holidays:IN")


@pytest.mark.parametrize("freq", ["Y", "Q-JAN", "M", "2M", "W-SUN", "D", "h", "15min", "s", "ms"])
def test_a_period_counts_as_its_start(freq):
    periods = pd.period_range("1969-12-28 23:59:57.500", periods=50, freq=freq)
    starts = periods.to_timestamp(how="start")
    np.testing.assert_array_equal(
        unix_seconds(periods), [math.floor(t.timestamp()) for t in starts]
    )
    features = as_time_features(CYCLES, periods)
    assert_same(features.of(periods), from_pandas(starts))


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_unix_seconds_of_every_unit(unit, zone):
    moments = [
        "1901-12-13 20:45:51.75",
        "1969-12-31 23:59:59.5",
        "1970-01-01",
        "2038-01-19 03:14:08.5",
    ]
    times = pd.DatetimeIndex(moments, tz="UTC").tz_convert(zone).floor(unit).as_unit(unit)
    seconds = unix_seconds(times)
    assert seconds.dtype == np.int64
    np.testing.assert_array_equal(seconds, [-(2**31) - 1, -1, 0, 2**31])


def test_json_brings_the_features_back_without_the_package(monkeypatch):
    features = of_zone("Europe/Berlin", ["hour", "holidays:DE", "holidays:FR"])
    text = json.dumps(features.to_json())
    monkeypatch.setitem(sys.modules, "holidays", None)
    again = TimeFeatures.from_json(json.loads(text))
    assert again == features
    assert hash(again) == hash(features)
    assert again.to_json() == json.loads(text)
    times = two_centuries("Europe/Berlin")[::50]
    np.testing.assert_array_equal(again.of(times), features.of(times))
    assert of_zone("Europe/London", ["hour"]) != of_zone("Europe/Berlin", ["hour"])


@pytest.mark.parametrize("value", [None, (), []])
def test_integers_have_no_features(value):
    times = pd.Index([1, 2, 3])
    features = as_time_features(value, times)
    assert not features
    assert (features.width, features.columns) == (0, ())
    assert features == TimeFeatures.from_json(features.to_json())
    assert features.of(times).shape == (3, 0)


def test_a_name_alone_is_a_list_of_one():
    assert of_zone(None, "month") == of_zone(None, ["month"]) == of_zone(None, ("month",))
    assert bool(of_zone(None, "month"))
    assert of_zone(None, "month").width == 2


@pytest.mark.parametrize(
    ("freqs", "names"),
    [
        (["us", "500ms", "s", "15min", "h", "6h", "bh"], ("hour", "day_of_week", "day_of_year")),
        (["24h", "D", "2D", "B", "C"], ("day_of_week", "day_of_year")),
        (["5B", "7D", "W-SUN", "W-WED", "2W", "SMS"], ("week",)),
        (["4W", "MS", "ME", "BME", "WOM-3FRI", "2MS", "QS", "QE-JAN", "BQE", "6MS"], ("month",)),
        (["12MS", "YS", "YE", "YS-APR", "BYE", "5YS"], ()),
    ],
)
def test_auto_follows_the_step(freqs, names):
    times = pd.DatetimeIndex([], tz="Europe/Berlin")
    for alias in freqs:
        assert default_time_features(as_freq(alias, times), 1, 10**15) == names, alias


@pytest.mark.parametrize(
    ("alias", "input_length", "rows", "names"),
    [
        ("h", 23, 47, ()),  # a day was not seen twice
        ("h", 23, 48, ("hour",)),
        ("h", 24, 336, ("day_of_week",)),  # the window shows the hour
        ("h", 168, 17_531, ()),
        ("h", 168, 17_532, ("day_of_year",)),
        ("D", 21, 1000, ("day_of_year",)),
        ("MS", 11, 23, ()),
        ("MS", 11, 24, ("month",)),
        ("MS", 12, 1000, ()),
    ],
)
def test_auto_is_what_the_window_does_not_show(alias, input_length, rows, names):
    assert default_time_features(as_freq(alias, pd.DatetimeIndex([])), input_length, rows) == names


@pytest.mark.parametrize(
    ("alias", "names"),
    [("h", ("day_of_week",)), ("W", ("week",)), ("M", ("month",)), ("Q", ("month",))],
)
def test_auto_follows_the_step_of_periods(alias, names):
    freq = pd.period_range("2024-01-01", periods=3, freq=alias).freq
    assert default_time_features(freq, 24 if alias == "h" else 1, 2000) == names


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (
            "hours",
            ValueError,
            r"unknown hours\. Did you mean hour\? The names are hour, day_of_week",
        ),
        (["dayofweek"], ValueError, r"or a list of names\..* Did you mean day_of_week\?"),
        (
            ["hour", "zzz"],
            ValueError,
            r"Received: unknown zzz\. The names are .*, holidays:DE and so",
        ),
        (["holidays"], ValueError, r"unknown holidays\. Did you mean holidays:DE\?"),
        (["hour", "auto"], ValueError, r"unknown auto"),
        (
            ["hour", "hour"],
            ValueError,
            r"must name every feature once\. .*\['hour', 'hour'\]\. Drop",
        ),
        (
            ["holidays:"],
            ValueError,
            r"must name a country, .* Received: 'holidays:'\. Write e\.g\.",
        ),
        (["holidays:XX"], ValueError, r"Received: 'holidays:XX'.*'holidays:DE-BY'"),
        (["holidays:DE-XX"], ValueError, r"or a part of one.*Received: 'holidays:DE-XX'"),
        (
            len,
            TypeError,
            r"must be 'auto', None, or a list of names.*built-in function len.*outside",
        ),
        (["hour", len], TypeError, r"Compute functions of the times outside, .* future covariates"),
        (3, TypeError, r"Received: time_features=3\."),
        (True, TypeError, r"Received: time_features=True\."),
        (np.array(["hour"]), TypeError, r"Received: time_features=array"),
    ],
)
def test_values_that_are_no_features(value, error, message):
    with pytest.raises(error, match=f"^`time_features` {'.*'}{message}"):
        check_time_features(value)
    with pytest.raises(error, match=message):
        as_time_features(value, pd.date_range("2024", periods=3))


@pytest.mark.parametrize("value", ["auto", None, (), "hour", ["hour", "week"], ["holidays:DE"]])
def test_values_that_are_features(value):
    assert check_time_features(value) is None


def test_named_features_of_integers():
    with pytest.raises(
        ValueError, match=r"must be 'auto' or None for integer times\. .*\['hour'\]"
    ):
        as_time_features(["hour"], pd.Index([1, 2, 3]))
    with pytest.raises(TypeError, match=r"`times` must be datetimes or periods. Received: int64"):
        of_zone(None).of(pd.Index([1, 2, 3]))


def test_holidays_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    check_time_features(["hour"])
    with pytest.raises(ImportError, match=r"Run: pip install 'keras-forecaster\[holidays\]'"):
        check_time_features(["hour", "holidays:PT"])  # of no other test: tables are kept


def test_pandas_needs_no_tensorflow():
    code = (
        "import sys, pandas as pd\n"
        "from forecaster.inputs.time_features import as_time_features\n"
        "days = pd.date_range('2024', periods=3)\n"
        "as_time_features(['week', 'holidays:DE'], days).of(days)\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize(
    "change",
    [
        {"names": ("hour", "hour")},
        {"names": ("our",)},
        {"names": ("hour", "holidays:DE")},
        {"holidays": (("holidays:DE", (1, 2)),)},
        {"offsets": ()},
        {"offsets": (0, 3600, 0)},
        {"transitions": (5, 5)},
        {"transitions": (9, 5), "offsets": (0, 1, 2)},
        {"names": ("holidays:DE",), "holidays": (("holidays:DE", (2, 1)),)},
    ],
)
def test_tables_that_do_not_belong_to_the_names(change):
    right = TimeFeatures(("hour",), (5,), (0, 3600))
    right.check()
    with pytest.raises(ValueError, match=r"must be known, each once|must rise"):
        replace(right, **change).check()
