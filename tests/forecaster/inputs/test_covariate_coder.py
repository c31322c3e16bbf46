"""Columns and categories of a fit, with slices of the user's own frame as the reference."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.inputs.covariate_coder import Column, CovariateCoder, new_source
from forecaster.inputs.spec import NUMBER, UNSCALED, WindowSpec
from forecaster.inputs.time_features import TimeFeatures, as_time_features
from tests.helpers.panel_rows import (
    DAY,
    KEYS,
    ROLES,
    TARGETS,
    examples,
    laid_out,
    panels,
    quiet,
)
from tests.helpers.tables import read

NAN = np.nan
seeds = st.integers(0, 2**16)


def read_panel(rows, layout="long", **roles):
    how = ROLES | {"weight_column": "w", "target": TARGETS, "freq": "D"} | roles
    with quiet():
        return read(laid_out(rows, layout), **KEYS[layout], **how)


def first_rows(rows, counts):
    """The first rows of each id, one of the `counts` each."""
    counted = rows.groupby("id").cumcount()
    return rows[
        counted < rows["id"].map(dict(zip(sorted(rows["id"].unique()), counts, strict=True)))
    ]


def some_counts(rows, seed):
    """Between 0 and all rows of each id, as sorted."""
    lengths = rows.groupby("id").size().to_numpy()
    return np.random.default_rng(seed).integers(0, lengths + 1)


@given(panels(), seeds)
@examples(25)
def test_categories_and_scaling_are_those_of_the_rows_that_train(panel, seed):
    """Slow: the distinct values, the mean and the deviation of each column of the user's frame."""
    layout, rows = panel
    counts = some_counts(rows, seed)
    seen, table = first_rows(rows, counts), read_panel(rows, layout)
    features = as_time_features(["day_of_week"], table.starts)
    coder = CovariateCoder.learned(table, counts, features)

    def column(label, own):
        return Column(label, tuple(sorted(own.dropna().unique())))

    static = seen.drop_duplicates("id")
    numbers = coder.past[0], coder.future[0], coder.static[0]
    assert [own.label for own in numbers] == ["p", "f", "s"]
    for own, values in zip(numbers, (seen["p"], seen["f"], static["s"]), strict=True):
        assert own.categories is None
        known = values.notna().any()
        assert own.location == pytest.approx(values.mean() if known else 0, rel=1e-9, abs=1e-12)
        assert own.scale == pytest.approx(values.std(ddof=0) if known else 1, rel=1e-9, abs=1e-9)
    assert coder.past[1:] == (column("k", seen["k"]),)
    assert coder.future[1:] == (column("g", seen["g"]),)
    assert coder.static[1:] == (column("c", static["c"]),)

    k, g, c = (len(own[1].categories) + 1 for own in (coder.past, coder.future, coder.static))
    assert coder.kinds.past == (NUMBER, k, NUMBER, g, UNSCALED, UNSCALED)
    assert coder.kinds.future == (NUMBER, g, UNSCALED, UNSCALED)
    assert coder.kinds.static == (NUMBER, c)

    scaling = coder.scaling()
    for group, width in (("past", 6), ("future", 4), ("static", 2)):
        assert [len(numbers) for numbers in scaling[group]] == [width, width]
        assert not np.any(scaling[group][0])
    for group in ("past", "future"):
        assert [list(numbers[-2:]) for numbers in scaling[group]] == [[0, 0], [1, 1]]


def in_units(rows, coder):
    """The rows with each number as a multiple of its deviation from its mean in the fit."""
    numbers = {"p": coder.past[0], "f": coder.future[0], "s": coder.static[0]}
    return rows.assign(
        **{name: (rows[name] - of.location) / (of.scale or 1) for name, of in numbers.items()}
    )


def everywhere(columns):
    """All rows, (N, C)."""
    return columns.at(np.arange(columns.values.shape[1]))


@given(panels(), panels(), seeds)
@examples(25)
def test_codes_are_positions_among_the_fitted_categories(panel, other, seed):
    """Learned from one panel, coded another: 0 is missing or unseen, n the n-th that was seen."""
    rows, others = panel[1], other[1]
    others.loc[others.index % 5 == 1, ["k", "g"]] = "zz"
    others.loc[others.index % 7 == 2, "g"] = None
    table = read_panel(rows)
    coder = CovariateCoder.learned(table, some_counts(rows, seed), TimeFeatures())
    arrays = coder.arrays(read_panel(others), 3, 2)

    def code(column, value):
        known = column.categories
        return known.index(value) + 1 if value in known else 0

    expected = in_units(others, coder).assign(
        k=[code(coder.past[1], value) for value in others["k"]],
        g=[code(coder.future[1], value) for value in others["g"]],
        c=[code(coder.static[1], value) for value in others["c"]],
    )
    past, future, static_codes = (
        np.where(np.isin(labels, ["k", "g", "c"]), np.nan_to_num(found), found)  # NaN is code 0 too
        for labels, found in (
            (["p", "k"], everywhere(arrays.past)),
            (["f", "g"], everywhere(arrays.future)),
            (["s", "c"], everywhere(arrays.static)),
        )
    )
    np.testing.assert_array_equal(past, expected[["p", "k"]].astype(np.float32))
    np.testing.assert_array_equal(future, expected[["f", "g"]].astype(np.float32))
    static = expected.drop_duplicates("id")[["s", "c"]]
    np.testing.assert_array_equal(static_codes, static.astype(np.float32))
    assert arrays.time_features.shape[1] == 0

    unseen = {
        column.label: sorted(set(others[column.label].dropna()) - set(column.categories))
        for column in (coder.past[1], coder.future[1], coder.static[1])
    }
    assert coder.unseen(read_panel(others)) == {label: new for label, new in unseen.items() if new}


@given(panels(most_ids=4), st.integers(0, 9), st.integers(0, 5))
@examples(25)
def test_the_time_index_finds_the_time_features_of_every_row(panel, before, after):
    layout, rows = panel
    table = read_panel(rows, layout)
    names = ["hour", "day_of_week", "day_of_month"]
    features = as_time_features(names, table.starts)
    coder = CovariateCoder.learned(table, table.lengths, features)
    arrays = coder.arrays(table, before, after)
    for position, (_, own) in enumerate(rows.groupby("id")):
        times = pd.date_range(own["t"].iloc[0] - before * DAY, periods=len(own) + before + after)
        rows_of_times = arrays.time_index[position] + np.arange(-before, len(own) + after)
        expected = []
        for moment in times:
            hour = moment.hour * 3600 + moment.minute * 60 + moment.second
            cycles = (
                (hour, 86_400),
                (moment.day_of_week, 7),
                (moment.day - 1, moment.days_in_month),
            )
            angles = [math.tau * place / length for place, length in cycles]
            expected.append([f(angle) for angle in angles for f in (math.sin, math.cos)])
        np.testing.assert_allclose(arrays.time_features[rows_of_times], expected, atol=1e-6)


CATEGORIES = {
    "texts": ["b", "ä", ""],
    "integers": [7, -3, 10**12],
    "fractions": [0.5, 2.0, -1.25],
    "booleans": [True, False, True],
}


@pytest.mark.parametrize("kind", CATEGORIES)
def test_a_coder_as_json(kind):
    """Also with labels and categories that are no texts, and none at all."""
    rows = pd.DataFrame({0: [1.0, 2, 3], ("a", 1): pd.Categorical(CATEGORIES[kind])})
    rows.index = pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin")
    table = read(rows.assign(n=1.0), target="n", past_covariates=[0], future_covariates=[("a", 1)])
    features = as_time_features(["hour", "holidays:DE"], table.starts)
    for counts in ([3], [0]):
        coder = CovariateCoder.learned(table, np.array(counts), features)
        assert coder.future[0].categories == tuple(
            sorted(set(CATEGORIES[kind])) if counts[0] else ()
        )
        again = CovariateCoder.from_json(json.loads(json.dumps(coder.to_json())))
        assert again == coder
        assert again.kinds == coder.kinds
        one, other = (c.arrays(table, 2, 2) for c in (coder, again))
        np.testing.assert_array_equal(everywhere(one.past), everywhere(other.past))
        np.testing.assert_array_equal(everywhere(one.future), everywhere(other.future))
        np.testing.assert_array_equal(one.time_features, other.time_features)
    assert CovariateCoder.from_json(CovariateCoder().to_json()) == CovariateCoder()


def window_by_hand(own, target, cutoff, length, horizon, coder):
    """The inputs of one window: slices of the rows of one id, with codes for categories."""
    own = in_units(own.reset_index(drop=True), coder)
    for label, column in (("k", coder.past[1]), ("g", coder.future[1]), ("c", coder.static[1])):
        codes = {value: code + 1.0 for code, value in enumerate(column.categories)}
        own[label] = [codes.get(value, 0.0) for value in own[label]]
    past = own.reindex(np.arange(cutoff - length, cutoff))
    future = own.reindex(np.arange(cutoff, cutoff + horizon))
    times = own["t"].iloc[0] + DAY * np.arange(cutoff - length, cutoff + horizon)
    of_times = coder.time_features.of(pd.DatetimeIndex(times))
    return {
        "past_values": past[target],
        "past_covariates": np.hstack([past[["p", "k", "f", "g"]], of_times[:length]]),
        "future_covariates": np.hstack([future[["f", "g"]], of_times[length:]]),
        "static": own.loc[0, ["s", "c"]],
    }


@given(panels(), st.integers(1, 9), st.integers(1, 4), st.booleans(), st.booleans(), seeds)
@examples(25)
def test_the_inputs_of_windows_are_slices_of_the_frame(
    panel, length, horizon, joint, has_features, seed
):
    """One window of every series, anywhere from before its first row to behind its last."""
    layout, rows = panel
    table = read_panel(rows, layout)
    features = as_time_features(["day_of_week", "hour"] if has_features else None, table.starts)
    coder = CovariateCoder.learned(table, table.lengths, features)
    spec = WindowSpec(length, horizon, 2 if joint else 1)
    source = new_source(table, coder, spec, joint=joint)
    targets = [TARGETS] if joint else [["y"], ["z"]]
    pairs = [(own, target) for target in targets for _, own in rows.groupby("id")]
    generator = np.random.default_rng(seed)
    cutoffs = [int(generator.integers(len(own) + 1)) for own, _ in pairs]
    found = source.windows(np.arange(source.num_series), np.array(cutoffs), spec).inputs
    for number, ((own, target), cutoff) in enumerate(zip(pairs, cutoffs, strict=True)):
        expected = window_by_hand(own, target, cutoff, length, horizon, coder)
        assert set(found) == set(expected)
        for name, values in expected.items():
            assert found[name].dtype == np.float32
            np.testing.assert_allclose(
                found[name][number], np.float32(values), rtol=1e-6, atol=1e-6
            )
