"""Covariates on their way into windows: slicing of the user's own frame judges."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster import Training
from forecaster.data.frame_checks import FrameWarning
from forecaster.inputs.covariate_coder import Column, CovariateCoder, new_source
from forecaster.inputs.spec import NUMBER, UNSCALED, WindowSpec
from forecaster.inputs.time_features import TimeFeatures, as_time_features
from forecaster.network.covariate_encoder import CovariateEncoder
from forecaster.training.loop import Part, Run, _batches
from tests.helpers.fits import Recorder
from tests.helpers.panels import (
    DAY,
    HORIZON,
    KEYS,
    LENGTH,
    ROLES,
    TARGETS,
    examples,
    hashed_fits,
    laid_out,
    new_forecaster,
    panels,
    quiet,
    random_rows,
    with_noise,
)
from tests.helpers.tables import read
from tests.helpers.tiny import engine

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


# What a coder learns.


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
    assert coder.past == (Column("p"), column("k", seen["k"]))
    assert coder.future == (Column("f"), column("g", seen["g"]))
    assert coder.static == (Column("s"), column("c", static["c"]))

    k, g, c = (len(own[1].categories) + 1 for own in (coder.past, coder.future, coder.static))
    assert coder.kinds.past == (NUMBER, k, NUMBER, g, UNSCALED, UNSCALED)
    assert coder.kinds.future == (NUMBER, g, UNSCALED, UNSCALED)
    assert coder.kinds.static == (NUMBER, c)

    scaling = coder.scaling(table, counts)
    for group, place, own in (
        ("past", 0, seen["p"]),
        ("past", 2, seen["f"]),
        ("future", 0, seen["f"]),
        ("static", 0, static["s"]),
    ):
        location, scale = (numbers[place] for numbers in scaling[group])
        np.testing.assert_allclose(location, own.mean(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(scale, own.std(ddof=0), rtol=1e-9, atol=1e-9)
    for group, width in (("past", 6), ("future", 4), ("static", 2)):
        assert [len(numbers) for numbers in scaling[group]] == [width, width]
    for group in ("past", "future"):
        assert [list(numbers[-2:]) for numbers in scaling[group]] == [[0, 0], [1, 1]]


def everywhere(columns):
    """All rows, (N, C)."""
    return columns.at(np.arange(columns.values.shape[1]))


@given(panels(), panels(), seeds)
@examples(25)
def test_codes_are_places_among_what_was_learned(panel, other, seed):
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

    expected = others.assign(
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
        places = arrays.time_index[position] + np.arange(-before, len(own) + after)
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
        np.testing.assert_allclose(arrays.time_features[places], expected, atol=1e-6)


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


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("p", "text", r"Received: 'p' with categories, which were numbers.*astype\(float\)"),
        ("k", 1.0, r"Received: 'k' with numbers, which were categories.*astype\(str\)"),
        ("g", 1.0, r"'g' with numbers, which were categories"),
        ("s", "text", r"'s' with categories, which were numbers"),
    ],
)
def test_a_covariate_of_another_kind_is_refused(column, values, message):
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.3)
    model = with_noise(new_forecaster(), rows)
    changed = rows.assign(**{column: values})
    future = model.future_frame(rows).assign(f=1.0, g="a" if column != "g" else 1.0)
    with pytest.raises(TypeError, match=f"must have the kinds of covariates that.*{message}"):
        model.predict(changed, future=future)
    new = changed.assign(t=changed["t"] + 26 * DAY)
    with pytest.raises(TypeError, match=f"Covariate '{column}' must be of the kind that it has"):
        model.update(new)


@pytest.mark.parametrize("missing", [NAN, None, pd.NA])
@pytest.mark.parametrize("column", ["p", "k", "s", "c"])
def test_a_covariate_without_a_value_is_missing_whatever_its_dtype(column, missing):
    """As where one of its values is there, long before the window."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.3)
    model = with_noise(new_forecaster(), rows)
    future = model.future_frame(rows).assign(f=1.0, g="a")
    nowhere = rows.assign(**{column: pd.Series(missing, rows.index, object)})
    if missing is NAN:
        nowhere = rows.assign(**{column: NAN})
    found = model.predict(nowhere, future=future)
    if column in "pk":
        hidden = rows.copy()
        hidden[column] = hidden[column].where(hidden.groupby("id").cumcount() < 2)
        expected = model.predict(hidden, future=future)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    with_values = model.predict(rows, future=future)
    assert (found[TARGETS] != with_values[TARGETS]).all(axis=None)


# What a window holds.


def window_by_hand(own, target, cutoff, length, horizon, coder):
    """The inputs of one window: slices of the rows of one id, with codes for categories."""
    own = own.reset_index(drop=True)
    for label, column in (("k", coder.past[1]), ("g", coder.future[1]), ("c", coder.static[1])):
        places = {value: place + 1.0 for place, value in enumerate(column.categories)}
        own[label] = [places.get(value, 0.0) for value in own[label]]
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
    found = source.inputs(np.arange(source.num_series), np.array(cutoffs), spec)
    for number, ((own, target), cutoff) in enumerate(zip(pairs, cutoffs, strict=True)):
        expected = window_by_hand(own, target, cutoff, length, horizon, coder)
        assert set(found) == set(expected)
        for name, values in expected.items():
            assert found[name].dtype == np.float32
            np.testing.assert_array_equal(found[name][number], np.asarray(values, np.float32))


@pytest.mark.parametrize(
    ("roles", "features", "names"),
    [
        ({}, [], set()),
        ({"past_covariates": ["p"]}, [], {"past_covariates"}),
        ({"future_covariates": ["g"]}, [], {"past_covariates", "future_covariates"}),
        ({"static_covariates": ["s"]}, [], {"static"}),
        ({}, ["month"], {"past_covariates", "future_covariates"}),
        (
            {"static_covariates": ["c"]},
            ["month"],
            {"past_covariates", "future_covariates", "static"},
        ),
    ],
)
def test_only_inputs_that_there_are(roles, features, names):
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.3)
    none = dict.fromkeys(ROLES, ())
    model = with_noise(new_forecaster(**none | roles, time_features=features), rows)
    assert set(model.model_.input) == {"past_values"} | names
    future = model.future_frame().assign(g="a") if "future_covariates" in roles else None
    assert model.predict(future=future)[TARGETS].notna().all(axis=None)


# Weights.


def task_of(rows, **parameters):
    model = new_forecaster(**parameters)
    with quiet():
        table = engine(model).read(rows)
    return engine(model)._task(table, engine(model).window_spec(table), Run())


def drawn(rows, count=40, **parameters):
    """The first batches that are learned from: inputs, targets and weights of so many windows."""
    task = task_of(rows, training=Training(batch_size=count), **parameters)
    part = Part.of(task, task.table.lengths)
    cutoffs = part.cutoffs(task.first_cutoff, HORIZON)
    return next(iter(_batches(task, part, cutoffs).as_numpy_iterator())), len(cutoffs)


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_the_weight_of_a_value_is_that_of_its_row(channels):
    """Weights that name their row; what a value counts without them is another test's."""
    rows = random_rows(0, [(0, 16), (75, 12)], gaps=0.3)
    rows["w"] = 1.0 + np.arange(len(rows))
    count = 4 * (13 + 9) // (1 if channels == "independent" else 2)
    (_, target, weight), windows = drawn(rows, count, channels=channels)
    (_, same_target, plain), _ = drawn(rows, count, channels=channels, weight_column=None)
    assert windows == (40 if channels == "independent" else 20)
    np.testing.assert_array_equal(same_target, target)
    ratio = np.divide(weight, plain, out=np.full_like(weight, NAN), where=plain > 0)
    assert (weight[plain == 0] == 0).all()
    of_value = {
        np.float32(own[name].iloc[row]): own["w"].iloc[row]
        for _, own in rows.groupby("id")
        for name in TARGETS
        for row in range(len(own))
    }
    expected = np.array([of_value.get(value, NAN) for value in target.ravel()])
    known = plain.ravel() > 0
    ratio = ratio.ravel()[known] / expected[known]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)  # up to a factor of all of them


def learned(rows, **parameters):
    """The weights after each epoch, and the history of a fit."""
    model, recorder = new_forecaster(**parameters), Recorder()
    with quiet():
        model.fit(rows, callbacks=[recorder], verbose=0)
    return recorder.weights, model.history_


def test_a_row_of_weight_0_has_no_part_in_the_loss():
    """In the batches it is as if its target were missing, and the others count as they did."""
    rows = random_rows(0, [(0, 16), (75, 12)], gaps=0.3)
    rows["w"] = np.where(rows.index % 3 == 1, 0.0, 1.0)
    (_, target, weight), _ = drawn(rows)
    (_, _, plain), _ = drawn(rows, weight_column=None)
    idle = rows.loc[rows["w"] == 0, TARGETS].to_numpy(np.float32)
    is_idle = np.isin(target, idle[~np.isnan(idle)])
    assert 0.2 < is_idle.mean() < 0.5
    np.testing.assert_array_equal(weight[is_idle], 0)
    np.testing.assert_array_equal(weight[~is_idle] > 0, plain[~is_idle] > 0)


@pytest.mark.slow
@pytest.mark.parametrize("newest", ["rows that train", "rows that judge"])
def test_a_row_of_weight_0_may_hold_anything(newest):
    """An outlier behind every past there is moves no weight, and no score.

    The newest target of each window that trains is in no past of one, and that of those that judge
    in none at all. What is left is the loss, the score, and the unit that both count in.
    """
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0)
    place = rows.groupby("id").cumcount(ascending=False) == (
        3 if newest == "rows that train" else 0
    )
    rows.loc[place, "w"] = 0.0
    outlier = rows.copy()
    outlier.loc[place, "y"] = 1e5
    (one, history), (other, again) = learned(rows), learned(outlier)
    for before, after in zip(one, other, strict=True):
        for a, b in zip(before, after, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)
    if newest == "rows that judge":
        assert again.validation_score == pytest.approx(history.validation_score, rel=1e-6)


@pytest.mark.slow
def test_only_the_ratios_of_weights_matter():
    """Weights in cents or billions, and all alike, which are as good as none."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.3)
    weights = np.random.default_rng(0).integers(1, 5, len(rows))
    how = {"training": Training(epochs=1, batch_size=8, validation=3)}  # fits and refits

    def with_weights(weights):
        return learned(rows.assign(w=weights), **how)

    pairs = [
        (learned(rows, weight_column=None, **how), with_weights(2.0**40)),
        (with_weights(1.0 * weights), with_weights(2.0**-40 * weights)),
    ]
    for (one, history), (other, again) in pairs:
        for before, after in zip(one, other, strict=True):
            for a, b in zip(before, after, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)
        assert again.loss == pytest.approx(history.loss, rel=1e-4)
    assert pairs[1][0][1].loss != pytest.approx(pairs[0][0][1].loss, rel=1e-4)


# What is known of the future.


def fitted_panel(layout="long"):
    spans = [(0, 26), (75, 20)] if layout != "wide" else [(0, 26)]
    rows = random_rows(0, spans, gaps=0.3)
    with hashed_fits():
        return new_forecaster(layout).fit(laid_out(rows, layout), verbose=0), rows


def future_rows(rows):
    """Every row of the horizon, in the columns of `rows`; f names its id and step."""
    parts = []
    for position, (label, own) in enumerate(rows.groupby("id")):
        for step in range(1, HORIZON + 1):
            last = own["t"].iloc[-1]
            parts.append((label, last + step * DAY, 10.0 * position + step, "ab"[step % 2]))
    return pd.DataFrame(parts, columns=["id", "t", "f", "g"])


@pytest.mark.parametrize("layout", KEYS)
def test_future_covariates_reach_exactly_their_own_step(layout):
    """What a window is given of the horizon, by the inputs of the forward pass."""
    model, rows = fitted_panel(layout)
    future, given = future_rows(rows), []
    forward = model._fitted.trained.forward

    def spy(inputs):
        given.append({name: values.numpy() for name, values in inputs.items()})
        return forward(inputs)

    trained = replace(model._fitted.trained, forward=spy)
    model._fitted = replace(model._fitted, trained=trained)
    shuffled = future.sample(frac=1.0, random_state=1)
    before = model.predict(future=laid_out(future, layout))
    again = model.predict(laid_out(rows, layout), future=laid_out(shuffled, layout))
    pd.testing.assert_frame_equal(before, again)
    expected = future["f"].to_numpy().reshape(-1, HORIZON)
    codes = np.array([["ab".index("ab"[step % 2]) + 1.0 for step in (1, 2)]] * len(expected))
    for inputs in given:  # a window for each id and target
        np.testing.assert_array_equal(inputs["future_covariates"][::2, :, 0], expected)
        np.testing.assert_array_equal(inputs["future_covariates"][1::2, :, 0], expected)
        np.testing.assert_array_equal(inputs["future_covariates"][::2, :, 1], codes)
        past = rows.groupby("id")["f"].apply(lambda own: own.tail(LENGTH).tolist()).tolist()
        np.testing.assert_array_equal(inputs["past_covariates"][::2, :, 2], np.float32(past))


@pytest.mark.parametrize("layout", KEYS)
def test_the_frame_to_fill_in_and_what_it_lacks(layout):
    model, rows = fitted_panel(layout)
    wanted = laid_out(future_rows(rows), layout)
    empty = model.future_frame()
    pd.testing.assert_frame_equal(empty[[]], wanted[[]], check_freq=False, check_index_type=False)
    assert [label for label in empty.columns if label not in ("id", "t")] == ["f", "g"]
    assert empty["f"].isna().all() and empty["g"].isna().all()
    pd.testing.assert_frame_equal(model.missing_future(), empty)

    partly = wanted.copy()
    partly.iloc[0, partly.columns.get_loc("f")] = NAN
    partly = partly.iloc[:-1]
    lacking = model.missing_future(laid_out(rows, layout), partly)
    assert len(lacking) == 2
    keys = wanted.iloc[[0, -1]]
    if layout == "long":
        assert lacking[["id", "t"]].values.tolist() == keys[["id", "t"]].values.tolist()
    else:
        assert lacking.index.tolist() == keys.index.tolist()
    assert lacking["g"].iloc[0] == keys["g"].iloc[0] and pd.isna(lacking["g"].iloc[1])
    assert len(model.missing_future(future=wanted)) == 0
    filled = model.future_frame().assign(f=1.0, g="a")
    assert len(model.predict(future=filled)) == len(wanted)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda f: None, ValueError, r"`future` must be given where .* future=None.* f, g\. Call"),
        (
            lambda f: f[f["id"] == "id0"],
            ValueError,
            r"must hold every step .* Received: horizon=2; missing: 'id1' \(2 rows\)\. Call `model",
        ),
        (lambda f: f.iloc[1:], ValueError, r"missing: 'id0' \(1 rows\)"),
        (
            lambda f: f.assign(f=f["f"].where(f["f"] != 11.0)),
            ValueError,
            r"must hold a value of every .* none of f at \('id1', 2024-01-24 03:00:00\)",
        ),
        (lambda f: f.assign(g=None), ValueError, r"Received: none of g at"),
        (lambda f: pd.concat([f, f]), ValueError, r"`future` must .* once.* 4 duplicated rows"),
        (lambda f: f.drop(columns="g"), ValueError, r"`future_covariates` must name .* unknown g"),
        (
            lambda f: f.assign(f="text"),
            TypeError,
            r"'f' must be of the kind .* like 'text' after n",
        ),
        (lambda f: f.assign(f=np.inf), ValueError, r"`future` must hold finite numbers"),
        (lambda f: f.set_index(["id", "t"]), ValueError, r"`id_column` must name columns"),
        (
            lambda f: f.assign(t=f["t"].dt.tz_localize("UTC")),
            TypeError,
            r"Times must be of the kind",
        ),
        (lambda f: f.assign(t=f["t"] + pd.Timedelta("1h")), ValueError, r"'id0' \(2 rows\), 'id1'"),
    ],
)
def test_futures_that_are_refused(change, error, message):
    model, rows = fitted_panel()
    with pytest.raises(error, match=message):
        model.predict(rows, future=change(future_rows(rows)))


def test_rows_of_other_times_and_ids_are_ignored():
    model, rows = fitted_panel()
    future = future_rows(rows)
    more = [
        future.assign(id="other"),
        future.assign(t=future["t"] + 9 * DAY),
        future.assign(t=future["t"] - 9 * DAY, f=NAN),
    ]
    found = model.predict(rows, future=pd.concat([*more, future]))
    pd.testing.assert_frame_equal(found, model.predict(rows, future=future), check_exact=True)


def test_a_category_that_the_fit_did_not_see_is_the_unknown_one():
    """As code 0, whose row of the table is as good as missing, in the past, future and static."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0)
    rows["k"] = np.where(rows.index % 2, "a", "b")
    model = with_noise(new_forecaster(), rows)
    future = future_rows(rows)
    strange = {"k": "new", "c": "new"}
    with pytest.warns(FrameWarning) as warned:
        found = model.predict(rows.assign(**strange), future=future.assign(g="new"))
    messages = [str(warning.message) for warning in warned]
    assert messages == [
        f"Covariate {label!r} has categories that `fit` did not know, which are all taken for an "
        f"unknown one: new."
        for label in ("k", "g", "c")
    ]
    with pytest.warns(FrameWarning):
        other = model.predict(rows.assign(k="x", c="y"), future=future.assign(g="z"))
    pd.testing.assert_frame_equal(other, found, check_exact=True)
    past = rows.assign(k=None, c=None)
    with pytest.warns(FrameWarning, match=r"Covariate 'g' .*: new\."):
        missing = model.predict(past, future=future.assign(g="new"))
    pd.testing.assert_frame_equal(missing, found, check_exact=True)
    known = model.predict(rows, future=future)
    assert (known[TARGETS] != found[TARGETS]).all(axis=None)


def test_the_graph_scales_numbers_and_looks_up_categories():
    """The layer in the model against NumPy, for a window of one id."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.3)
    model = with_noise(new_forecaster(), rows)
    layers = {layer.name: layer for layer in model.model_.layers}
    layer = layers["encode_past"]
    assert isinstance(layer, CovariateEncoder)
    p, f = rows["p"], rows["f"]
    k_table, g_table = (table.numpy() for table in layer.tables)
    window = np.array(
        [[0.5, 1.0, NAN, 0.0, 0.25, -0.5], [NAN, 2.0, 3.0, 9.0, 0.0, 1.0]], np.float32
    )
    found = layer(window[None])[0]
    for row, codes, answer in zip(window, [(1, 0), (2, 0)], found, strict=True):
        expected = [
            np.nan_to_num((row[0] - p.mean()) / p.std(ddof=0)),
            float(not np.isnan(row[0])),
            *k_table[codes[0]],
            np.nan_to_num((row[2] - f.mean()) / f.std(ddof=0)),
            float(not np.isnan(row[2])),
            *g_table[codes[1]],
            *row[4:],
        ]
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)
