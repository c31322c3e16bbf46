"""What a long frame must not be, and the error that says so."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning
from tests.helpers.tables import LAYOUTS, days, laid_out, long_ramp, ramp, read

LONG = long_ramp({"b": 6, "a": 5})
INDEXED = laid_out(LONG, "index")
KEYS = LAYOUTS["columns"]


def changed(rows, column, value, frame=LONG):
    """The long frame with another value in some rows of a column."""
    frame = frame.astype({column: object})
    frame.loc[rows, column] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        # Where the ids and the times are.
        (LONG, {"id_column": "id"}, ValueError, "`id_column` must name columns.* unknown id"),
        (
            LONG,
            {"id_column": "shop", "time_column": "shop"},
            ValueError,
            "`time_column` must name columns without another role.*'shop', which `id_column`",
        ),
        (LONG, {**KEYS, "target": "shop"}, ValueError, "`target` must .* 'shop', which `id_col"),
        (LONG["sold"], {"id_column": "shop"}, ValueError, "`id_column` must be None for a Series"),
        (LONG, {"id_column": "shop"}, ValueError, "`freq` must be a positive int for integer ti"),
        (
            laid_out(LONG, "time index"),
            {},
            ValueError,
            r"every time once. Received: 5 duplicated rows, .* ids by `id_column`",
        ),
        (
            INDEXED.swaplevel(),
            {},
            ValueError,
            r"ids in the first level .* second. Received: 'when' \(dat.*`frame.swaplevel\(\)`",
        ),
        (
            INDEXED.set_index("sold", append=True).assign(y=1),
            {},
            ValueError,
            r"or of two levels: ids and times. Received: 3 levels, 'shop' \(.*'sold' \(float64\)",
        ),
        (
            INDEXED.assign(shop="a"),
            {"id_column": "shop"},
            ValueError,
            r"`id_column` must be None where the index holds ids.*='shop', an index of 'shop'",
        ),
        (
            LONG.assign(when=LONG["when"].astype(str)).set_index(["shop", "when"]),
            {},
            TypeError,
            "periods or integers as times. Received: .* in level 1 of the index, e.g. 2024",
        ),
        (
            INDEXED.reset_index().replace({"when": LONG["when"][8]}, pd.NaT),
            KEYS,
            ValueError,
            "time in every row. Received: none in column 'when' at rows 3, 8",
        ),
        # Ids.
        (changed([3, 7], "shop", None), KEYS, ValueError, "id in every row.*'shop' at rows 3, 7"),
        (
            LONG.assign(shop=LONG["shop"].map({"a": 1.0})),
            KEYS,
            ValueError,
            "id in every row. Received: none in column 'shop' at rows 0, 1, 2, 3, 4 and 1 more",
        ),
        (
            LONG.assign(shop=None).set_index(["shop", "when"]),
            {},
            ValueError,
            "id in every row. Received: none in level 0 of the index at rows 0, 1",
        ),
        (
            LONG.assign(shop=[["a"]] * 11),
            KEYS,
            TypeError,
            r"ids of one kind .*: object in column 'shop', e.g. \['a'\], .*unhashable",
        ),
        (
            changed([2], "shop", 7),
            KEYS,
            TypeError,
            "ids of one kind that can be sorted.*'<' not supported",
        ),
        # Times of ids.
        (
            pd.concat([LONG, LONG.iloc[[9, 2, 2]]]),
            KEYS,
            ValueError,
            r"id once. Received: 3 duplicated rows, at \('a', 2024-02-29 .*\('b', 2024-02-27",
        ),
        (
            pd.concat([INDEXED, INDEXED]),
            {"freq": "D"},
            ValueError,
            r"Received: 11 duplicated rows, at \('b', .*\('b', 2024-02-29 00:00:00\) and 6 more",
        ),
        (
            LONG.assign(when=LONG["when"] + pd.to_timedelta([0] * 8 + [5] + [0] * 2, "min")),
            KEYS,
            ValueError,
            r"freq='D' .* first of each id; off the grid: \('a', 2024-02-28 00:05",
        ),
        (
            LONG,
            {**KEYS, "freq": "W-SUN"},
            ValueError,
            r"freq='W-SUN'.* off the grid: \('b', 2024-02-26",
        ),
        (LONG, {**KEYS, "freq": "MS"}, ValueError, r"freq='MS'.* off the grid: \('b', 2024-02-25"),
        (
            LONG,
            {**KEYS, "freq": "soon"},
            ValueError,
            "pandas has an alias for. Received: freq='soon'",
        ),
        (
            LONG.iloc[[0, 1, 3, 7, 10]],
            KEYS,
            ValueError,
            r"freq=None, 5 times: \('a', 2024-02-27 00:00:00\), \('a', 2024-03-",
        ),
        (
            changed([10], "when", pd.Timestamp("2190-01-01")).astype({"when": "M8[us]"}),
            {**KEYS, "freq": "s"},
            ValueError,
            r"Received: 5 rows of id 'a' from 2024-02-26 .* to 2190-01-01 .*'s'",
        ),
        # Columns.
        (LONG.assign(sold="many"), KEYS, TypeError, "not numeric: 'sold'"),
        (LONG, {**KEYS, "target": "shops"}, ValueError, "unknown shops. Did you mean shop?"),
        (LONG[["shop", "when"]], KEYS, TypeError, "not numeric: no column at all"),
        (LONG.assign(sold=np.nan), KEYS, ValueError, "only missing values in columns sold"),
        (
            changed([7], "sold", np.inf).astype({"sold": float}),
            KEYS,
            ValueError,
            r"finite numbers .* inf in column 'sold' at \('a', 2024-02-27 00:00:00\)",
        ),
        # Covariates.
        (
            LONG,
            {**KEYS, "past_covariates": ["x"]},
            ValueError,
            "`past_covariates` must .*unknown x",
        ),
        (
            LONG.assign(x=1),
            {**KEYS, "past_covariates": ["x"], "future_covariates": ["x"]},
            ValueError,
            "`future_covariates` must name columns without .*: 'x', which `past_covariates` names",
        ),
        (
            LONG.assign(x=1),
            {**KEYS, "target": ["sold", "x"], "static_covariates": ["x"]},
            ValueError,
            "`target` must name columns without another role.*'x', which `static_covariates`",
        ),
        (
            LONG.assign(x=LONG["when"]),
            {**KEYS, "past_covariates": ["x"]},
            TypeError,
            r"`past_covariates` must name columns of numbers, or of texts.* 'x' \(datetime64",
        ),
        (LONG.assign(x=1j), {**KEYS, "future_covariates": ["x"]}, TypeError, r"'x' \(complex128\)"),
        (
            LONG.assign(x=[[1]] * 11),
            {**KEYS, "future_covariates": ["x"]},
            TypeError,
            r"`future_covariates` must .* 'x' \(object\), e.g. \[1\], \[1\]",
        ),
        (
            LONG.assign(x=["b", 1] * 5 + [2]),
            {**KEYS, "past_covariates": ["x"]},
            TypeError,
            r"of one kind. Received: 'x' \(object\), e.g. b, 1. Convert",
        ),
        (
            LONG.assign(x=-np.inf),
            {**KEYS, "past_covariates": ["x"]},
            ValueError,
            r"finite numbers .* -inf in column 'x' at \('b', 2024",
        ),
        (
            LONG.assign(x=LONG["sold"] % 3),
            {**KEYS, "static_covariates": ["x"]},
            ValueError,
            "`static_covariates` must have one value for each id.*'x' with 0.0 and 2.0 in 'a', 0.0",
        ),
        (
            LONG.assign(x=["n", "s"] * 5 + ["n"]),
            {**KEYS, "static_covariates": ["x"]},
            ValueError,
            "'x' with 'n' and 's' in 'a', 'n' and 's' in 'b'. Correct",
        ),
        (
            ramp(days()),
            {"target": "a", "static_covariates": ["b"]},
            ValueError,
            "'b' with 1000.0 and 1039.0 in the frame",
        ),
        # Weights.
        (
            LONG,
            {**KEYS, "weight_column": "w"},
            ValueError,
            "`weight_column` must name col.*unknown w",
        ),
        (
            LONG.assign(w="1"),
            {**KEYS, "weight_column": "w"},
            TypeError,
            "a column of numbers.*'w' \\(",
        ),
        (LONG.assign(w=0), {**KEYS, "weight_column": "w"}, ValueError, "weight above 0.*only 0 in"),
        (
            LONG.assign(w=LONG["sold"] - 1001),
            {**KEYS, "weight_column": "w"},
            ValueError,
            r"0 or more in every row. Received: -1001.0 in column 'w' at \('b', 2024-02-25 00:00",
        ),
        (
            LONG.assign(w=[1.0] * 9 + [np.nan, 1.0]),
            {**KEYS, "weight_column": "w"},
            ValueError,
            r"Received: nan in column 'w' at \('a', 2024-02-29 00:00:00\). Use 0 for rows",
        ),
    ],
)
def test_long_frames_that_are_refused(frame, options, error, message):
    with pytest.raises(error, match=message):
        read(frame, **options)


def test_of_hundreds_of_bad_ids_five_are_named():
    shops = long_ramp({f"H{i:03}": 4 for i in range(300)})
    odd = shops.assign(when=shops["when"] + pd.to_timedelta((shops.index % 4 == 2) * 7, "min"))
    with pytest.raises(ValueError, match=r"\('H000', .*\('H004', [^()]*\) and 295 more\. Correct"):
        read(odd, freq="D", **KEYS)
    with pytest.raises(ValueError, match=r"1200 duplicated rows, at \('H000', .* and 1195 more\."):
        read(pd.concat([shops, shops]), freq="D", **KEYS)
    with pytest.raises(ValueError, match=r"'x' with 0.0 and 3.0 in 'H000', .* and 295 more\."):
        read(shops.assign(x=shops.index % 4), static_covariates=["x"], **KEYS)
    with pytest.warns(
        FrameWarning, match=r"has gaps: 300 of 1200 timestamps .*'H004', [^()]*\) and 295 more"
    ):
        read(shops[shops.index % 4 != 2], freq="D", **KEYS)
