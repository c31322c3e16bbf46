"""What a Forecaster knows of the future: which rows it asks for, takes and refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning
from tests.helpers.panels import (
    DAY,
    HORIZON,
    KEYS,
    LENGTH,
    TARGETS,
    TRAINING,
    hashed_fits,
    laid_out,
    new_forecaster,
    random_rows,
    with_noise,
)

NAN = np.nan


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


def held_out(rows):
    return int(TRAINING.validation_rows(rows, HORIZON))


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
    trained = rows.groupby("id")["f"].apply(lambda own: own.iloc[: -held_out(len(own))])
    location, scale = trained.mean(), trained.std(ddof=0)
    expected = (future["f"].to_numpy().reshape(-1, HORIZON) - location) / scale
    codes = np.array([["ab".index("ab"[step % 2]) + 1.0 for step in (1, 2)]] * len(expected))
    for inputs in given:  # a window for each id and target
        np.testing.assert_allclose(inputs["future_covariates"][::2, :, 0], expected, rtol=1e-5)
        np.testing.assert_allclose(inputs["future_covariates"][1::2, :, 0], expected, rtol=1e-5)
        np.testing.assert_array_equal(inputs["future_covariates"][::2, :, 1], codes)
        past = rows.groupby("id")["f"].apply(lambda own: own.tail(LENGTH).tolist()).tolist()
        standard = (np.array(past) - location) / scale
        np.testing.assert_allclose(inputs["past_covariates"][::2, :, 2], standard, rtol=1e-5)


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
            r"the history had datetimes without a zone",
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
