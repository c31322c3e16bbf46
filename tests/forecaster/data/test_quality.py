"""Which values and series are warned of, and which are not."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.frame_checks import FrameWarning
from forecaster.data.quality import warn_of_constants, warn_of_labels
from tests.helpers.tables import LAYOUTS, days, long_ramp, quietly, ramp, read

HEAVY = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "lognormal": lambda rng, rows: rng.lognormal(sigma=2, size=rows),
    "pareto": lambda rng, rows: rng.pareto(1.5, rows),
    "student": lambda rng, rows: rng.standard_t(2, rows),
    "growth": lambda rng, rows: np.exp(np.linspace(0, 30, rows)),
    "counts": lambda rng, rows: rng.poisson(0.05, rows).astype(float),
    "far from zero": lambda rng, rows: 1e9 + rng.normal(size=rows),
}


@pytest.mark.parametrize("kind", ["normal", "lognormal", "counts", "far from zero"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_million_fold_value_is_named_and_kept(kind, sign):
    values = HEAVY[kind](np.random.default_rng(0), 400)
    values[17] = sign * 1e6 * max(np.abs(values).mean(), 1)
    frame = pd.DataFrame({"calm": 1.0, "wild": values}, index=days(400))
    with pytest.warns(
        FrameWarning, match=r"in column 'wild' at 2024-01-18 00:00:00\. They"
    ) as seen:
        table = read(frame)
    assert len(seen) == 1
    assert table.values[1, 17] == values[17]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(HEAVY)), st.integers(1, 5000), st.integers(0, 2**32 - 1))
def test_heavy_tails_are_ordinary(kind, rows, seed):
    values = HEAVY[kind](np.random.default_rng(seed), rows)
    values[0] = 1  # counts may all be 0, which is another warning's concern
    read(pd.DataFrame({"a": values}, index=pd.RangeIndex(rows)), freq=1)


def test_each_id_has_a_scale_of_its_own():
    frame = long_ramp({"small": 30, "big": 30})
    frame.loc[frame["shop"] == "big", "sold"] *= 1e6
    read(frame, **LAYOUTS["columns"])
    frame.loc[[3, 5, 40], "sold"] = [1e9, 2e9, 1e16]
    message = (
        r"1e\+16 in column 'sold' at \('big', .*2e\+09 in column 'sold' at \('small', 2024-03-01"
    )
    with pytest.warns(FrameWarning, match=message):
        read(frame, **LAYOUTS["columns"])


def test_five_series_are_named():
    frame = ramp(days(), [f"c{i:02}" for i in range(20)]) + 1
    frame.iloc[7] = 1e12
    with pytest.warns(FrameWarning, match=r"'c00' at .*'c04' at 2024-01-08 00:00:00 and 15 more\."):
        read(frame)


def test_long_series_are_counted_in_pieces():
    values = np.ones(300_000)
    values[[70_000, 150_000]] = 1e9, 2e9
    with pytest.warns(FrameWarning, match=r"2e\+09 in column 'a' at 150000\. They"):
        read(pd.DataFrame({"a": values}), freq=1)
    assert quietly(pd.DataFrame({"a": values}), freq=1).values.max() == 2e9


KEYS = LAYOUTS["columns"]


def test_series_without_a_value_or_with_one_only_are_named():
    shops = long_ramp({"b": 6, "a": 5, "c": 4})
    shops["lost"] = shops["sold"]
    shops.loc[shops["shop"] == "a", "lost"] = np.nan
    shops.loc[shops["shop"] == "c", ["sold", "lost"]] = 3
    table = quietly(shops, **KEYS)
    assert np.isnan(table.values[1, :5]).all()
    labels = pd.Index([f"{i} {target}" for i in table.ids for target in table.targets])
    with pytest.warns(FrameWarning) as caught:
        warn_of_constants(table.values, labels, table.offsets)
    messages = [str(warning.message) for warning in caught]
    assert (
        "series with one value only, from which nothing can be learned: c sold, c lost."
        in (messages[0])
    )
    assert "series with no value at all, so that their forecasts are NaN: a lost." in messages[1]
    wide = ramp(days()).assign(a=np.nan)
    with pytest.warns(FrameWarning, match=r"columns with no value at all, .*NaN: a\."):
        warn_of_constants(read(wide).values, wide.columns)


@pytest.mark.parametrize(
    "frame",
    [
        ramp(days(), pd.date_range("2024", periods=2)),
        ramp(days(), [("a", pd.Timestamp("2024")), ("b", 1)]),
        pd.concat({Decimal(1): ramp(days(), ["y"]), Decimal(2): ramp(days(), ["y"])}),
    ],
)
def test_labels_that_cannot_be_saved_are_said_before_the_fit(frame):
    with pytest.warns(FrameWarning, match="cannot be saved. Labels must be texts, finite numbers"):
        warn_of_labels(read(frame))


def test_labels_that_can_be_saved():
    warn_of_labels(read(ramp(days(), ["a", 1])))
    warn_of_labels(read(long_ramp({"b": 5, "a": 4}), **LAYOUTS["columns"]))


def test_covariates_with_as_many_texts_as_rows():
    frame = pd.DataFrame({"y": np.sin(range(40)), "k": [f"k{n}" for n in range(40)]}, days(40))
    message = r"Covariate 'k' has 40 categories in 40 rows, .*: k0, k1, .* and 35 more\. Leave it"
    with pytest.warns(FrameWarning, match=message):
        read(frame, past_covariates=["k"])
    read(frame.assign(k=[f"k{n % 19}" for n in range(40)]), past_covariates=["k"])  # few
    read(frame.assign(k=[f"k{n % 20}" for n in range(40)]).iloc[:19], past_covariates=["k"])
