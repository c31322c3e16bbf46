"""Rows of the horizon: which are asked for, which are missing, and where they go."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.frame_checks import FrameWarning
from forecaster.data.future import future_frame, missing_future, with_future
from tests.helpers.tables import LAYOUTS, assert_same_table, days, laid_out, long_ramp, ramp, read

H = 3
COVARIATES = {"future_covariates": ["price", "promo"]}
PROMO = np.array(["no", "yes"])


def shops():
    """Ids a, b, c with future covariates that name their row; the last H rows of each are ahead."""
    frame = long_ramp({"b": 5 + H, "a": 3 + H, "c": 8 + H})
    frame["price"] = 2 * frame["sold"]
    frame["promo"] = PROMO[(frame["sold"] % 2).astype(int)]
    ahead = frame.groupby("shop").cumcount(ascending=False) < H
    return frame[~ahead], frame[ahead].drop(columns="sold")


def read_shops(history, layout="columns", **options):
    roles = {"target": "sold", **COVARIATES, **options}
    return read(laid_out(history, layout), **LAYOUTS[layout], **roles)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_rows_that_are_asked_for(layout):
    history, ahead = shops()
    empty = future_frame(read_shops(history, layout), H)
    ahead = ahead.sort_values("shop", kind="stable", ignore_index=True)
    expected = laid_out(ahead.assign(price=np.nan, promo=None), layout)
    pd.testing.assert_frame_equal(empty, expected, check_dtype=False)
    assert empty["promo"].dtype == object
    pd.testing.assert_frame_equal(missing_future(read_shops(history, layout), None, H), empty)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_table_becomes_longer(layout):
    history, ahead = shops()
    table = read_shops(history, layout)
    shuffled = laid_out(ahead.sample(frac=1, random_state=0), layout)
    longer = with_future(table, shuffled, H)
    everything = read_shops(pd.concat([history, ahead]), layout)
    np.testing.assert_array_equal(longer.values, everything.values)
    np.testing.assert_array_equal(
        longer.future_covariates.values, everything.future_covariates.values
    )
    assert longer.lengths.tolist() == (table.lengths + H).tolist()
    assert_same_table(longer.until(table.lengths), table)
    assert missing_future(table, shuffled, H).empty


def test_past_covariates_and_weights_of_the_horizon_are_unknown():
    history, ahead = shops()
    history = history.assign(visits=1.0, w=2.0, size=history["shop"])
    options = {"past_covariates": ["visits"], "static_covariates": ["size"], "weight_column": "w"}
    longer = with_future(read_shops(history, **options), ahead, H)
    assert np.isnan(longer.past_covariates.values).sum() == 3 * H
    assert (
        longer.weights.tolist()
        == [*[2.0] * 3, *[0.0] * H, *[2.0] * 5, *[0.0] * H, *[2.0] * 8] + [0.0] * H
    )
    assert longer.static_covariates.values.tolist() == [[0, 1, 2]]


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 3 * H - 1)), st.sets(st.integers(0, 3 * H - 1)))
def test_what_is_missing_is_listed(dropped, unknown):
    history, ahead = shops()
    table = read_shops(history)
    ahead = ahead.sort_values("shop", kind="stable", ignore_index=True)
    future = ahead.copy()
    future.loc[sorted(unknown), "price"] = np.nan
    future = future.drop(sorted(dropped))
    if len(future):
        missing = missing_future(table, future, H)
        rows = sorted(dropped | unknown)
        assert missing[["shop", "when"]].equals(
            ahead.loc[rows, ["shop", "when"]].reset_index(drop=True)
        )
        known = [row not in dropped for row in rows]
        assert missing["promo"].notna().tolist() == known
        if rows:
            with pytest.raises(ValueError, match="`future` must hold"):
                with_future(table, future, H)


def test_other_rows_ids_and_columns_are_ignored():
    history, ahead = shops()
    table = read_shops(history)
    others = pd.concat(
        [
            history.assign(price=-1.0),
            ahead.assign(shop="z"),
            ahead.assign(when=ahead["when"] + pd.Timedelta(days=H)),
            ahead.assign(when=ahead["when"] + pd.Timedelta(hours=1)),
        ]
    )
    others = others[
        ~others.set_index(["shop", "when"]).index.isin(ahead.set_index(["shop", "when"]).index)
    ]
    longer = with_future(table, pd.concat([others.assign(more=1), ahead]), H)
    assert_same_table(longer, with_future(table, ahead, H))


def test_new_categories_join_the_old_ones():
    history, ahead = shops()
    table = read_shops(history)
    new = ahead.assign(promo=ahead["promo"].replace("yes", "maybe"))
    longer = with_future(table, new, H)
    assert longer.future_covariates.categories[1].tolist() == ["maybe", "no", "yes"]
    names = longer.future_covariates.decoded(1, longer.future_covariates.values[1])
    everything = pd.concat([history, new]).sort_values(["shop", "when"])
    assert names.tolist() == everything["promo"].tolist()


@pytest.mark.parametrize("times", [days(20, tz="Europe/Berlin"), pd.RangeIndex(20)])
def test_wide_frames(times):
    frame = ramp(times, ["a", "b", "price"])
    options = {"freq": 1} if isinstance(times, pd.RangeIndex) else {}
    table = read(frame.iloc[:15], future_covariates=["price"], **options)
    empty = future_frame(table, 5)
    assert empty.index.equals(times[15:])
    assert with_future(table, frame, 5).future_covariates.values[0].tolist() == list(
        range(2000, 2020)
    )
    with pytest.raises(ValueError, match=re.escape(f"4 rows, the first at {times[16]}. Call ")):
        with_future(table, frame.iloc[:16], 5)


def test_without_future_covariates_nothing_is_asked_for():
    table = read(ramp(days()))
    assert missing_future(table, None, H).empty
    assert with_future(table, None, H).num_rows == 40 + H
    assert future_frame(table, H).index.tolist() == table.times(0, 40, H).tolist()


def wrong_futures():
    ahead = shops()[1]
    return {
        "none": (
            None,
            ValueError,
            "`future` must be given .*: future=None.*price, promo. Call `mo",
        ),
        "no rows": (ahead.iloc[:0], ValueError, "`future` must have rows and columns"),
        "rows": (
            ahead.drop(ahead.index[[0, 3, 4, 5]]),
            ValueError,
            r"`future` must hold every step of the horizon for every series. Received: horizon=3; "
            r"missing: 'a' \(3 rows\), 'b' \(1 rows\). Call `model.missing_future\(history, fut",
        ),
        "other ids": (
            ahead.assign(shop=1),
            ValueError,
            r"missing: 'a' \(3 rows\), 'b' \(3 rows\), 'c'",
        ),
        "values": (
            ahead.assign(price=ahead["price"].where(ahead["shop"] != "b")),
            ValueError,
            r"value of every future covariate. Received: none of price at \('b', 2024-03-01 .*03",
        ),
        "column": (
            ahead.drop(columns="price"),
            ValueError,
            "name columns of `future`.*unknown price",
        ),
        "times": (
            ahead.drop(columns="when"),
            ValueError,
            "`time_column` must name columns of `fut",
        ),
        "twice": (
            pd.concat([ahead, ahead.iloc[:2]]),
            ValueError,
            r"`future` must have every step .* 2 duplicated rows, at \('b', 2024-03-01",
        ),
        "text for numbers": (
            ahead.assign(price="dear"),
            TypeError,
            "'price' must be of the kind .*: categories like 'dear' after numbers",
        ),
        "numbers for text": (
            ahead.assign(promo=0),
            TypeError,
            "'promo' must be of the kind .*: numbers after categories like 'no'",
        ),
        "infinite": (ahead.assign(price=np.inf), ValueError, "`future` must hold finite numbers"),
        "zone": (
            ahead.assign(when=ahead["when"].dt.tz_localize("UTC")),
            TypeError,
            "the history had datetimes without a zone.*`future` has datetimes in the zone 'UTC'",
        ),
    }


@pytest.mark.parametrize("name", wrong_futures())
def test_futures_that_are_refused(name):
    future, error, message = wrong_futures()[name]
    with pytest.raises(error, match=message):
        with_future(read_shops(shops()[0]), future, H)


def test_a_future_in_another_layout():
    history, ahead = shops()
    table = read_shops(history, "index")
    with pytest.raises(ValueError, match=r"`future` must have the layout.*: no ids, where .* some"):
        with_future(table, ahead.set_index("when"), H)


def test_many_ids_are_counted():
    frame = long_ramp({f"H{i:03}": 4 for i in range(300)})
    frame["price"] = 1.0
    table = read(frame, target="sold", future_covariates=["price"], **LAYOUTS["columns"])
    future = future_frame(table, H).assign(price=1.0)
    with pytest.raises(ValueError, match=r"'H000' \(3 rows\), .*'H004' \(3 rows\) and 294 more\."):
        with_future(table, future.iloc[-H:], H)


MISMATCHES = {  # step, ids, what is done to the rows asked for, and what is said
    "texts for numbers": (
        "D",
        [7, 8],
        lambda rows: rows.assign(id=rows["id"].astype(str)),
        r"6 are of ids that the history lacks \(another kind: \w+, e\.g\. '7', after int64, e\.g\. "
        r"7: `\.astype\(int\)`\): expected e\.g\. \(7, 2020-01-06 .*, received \('7', 2020-01-06",
    ),
    "numbers for texts": (
        "D",
        ["007", "008"],
        lambda rows: rows.assign(id=rows["id"].astype(int)),
        r"another kind: int64, e\.g\. 7, after .*, e\.g\. '007': `\.astype\(str\)\.str\.zfill\(3",
    ),
    "other ids": (
        "D",
        [7, 8],
        lambda rows: rows.assign(id=rows["id"] + 100),
        r"6 are of ids that the history lacks: expected e\.g\. \(7, .*, received \(107, 2020",
    ),
    "another hour": (
        "D",
        [7],
        lambda rows: rows.assign(t=rows["t"] + pd.Timedelta(hours=9)),
        "3 lie at another time of day, 09:00:00 for 00:00:00: expected",
    ),
    "the end of the month": (
        "MS",
        [7],
        lambda rows: rows.assign(t=rows["t"] + pd.offsets.MonthEnd(0)),
        "3 lie on another day, 2020-06-30 for 2020-06-01 in steps of 'MS'",
    ),
    "the start of the month": (
        "ME",
        [7],
        lambda rows: rows.assign(t=rows["t"] - pd.offsets.MonthBegin(1)),
        "3 lie on another day, 2020-06-01 for 2020-06-30 in steps of 'ME'",
    ),
    "another weekday": (
        "W-SUN",
        [7],
        lambda rows: rows.assign(t=rows["t"] + pd.Timedelta(days=1)),
        "3 lie on another day, 2020-02-10 for 2020-02-09 in steps of 'W-SUN'",
    ),
    "between": (
        "QS",
        [7],
        lambda rows: rows.assign(t=rows["t"] + pd.Timedelta(days=40)),
        "3 lie between the steps of 'QS-",
    ),
    "before": (
        "D",
        [7],
        lambda rows: rows.assign(t=rows["t"] - pd.Timedelta(days=4)),
        "Of 3 rows of `future`, 3 lie before the horizon: expected",
    ),
    "long before": (
        "D",
        [7],
        lambda rows: rows.assign(t=rows["t"] - pd.Timedelta(days=400)),
        "3 lie before the horizon",
    ),
    "after": (
        "D",
        [7],
        lambda rows: rows.assign(t=rows["t"] + pd.Timedelta(days=3)),
        r"3 lie after the horizon: expected e\.g\. \(7, 2020-01-06 .* received \(7, 2020-01-09",
    ),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_rows_that_match_nothing_are_told_why(name):
    freq, ids, change, message = MISMATCHES[name]
    times = pd.date_range("2020-01-01", periods=5, freq=freq)
    frame = pd.DataFrame({"id": np.repeat(ids, 5), "t": [*times] * len(ids), "y": 1.0, "p": 2.0})
    options = {"id_column": "id", "time_column": "t", "future_covariates": ["p"]}
    table = read(frame, target="y", **options)
    future = change(future_frame(table, H).assign(p=1.0))
    with pytest.raises(ValueError, match=rf"{message}.*Call `model\.missing_future\(history, fut"):
        with_future(table, future, H)
    with pytest.warns(
        FrameWarning, match=rf"No row of `future` is one of the horizon: .*{message}"
    ):
        assert len(missing_future(table, future, H)) == H * len(ids)


def test_rows_beside_those_of_the_horizon_are_told_only_where_some_are_missing():
    history, ahead = shops()
    table = read_shops(history)
    later = ahead.assign(when=ahead["when"] + pd.Timedelta(days=1))
    with pytest.raises(ValueError, match=r"missing: 'a' \(1 rows\).* 3 lie after the horizon: exp"):
        with_future(table, pd.concat([history, later]), H)
    with_future(table, pd.concat([history, ahead, later]).drop_duplicates(["shop", "when"]), H)
