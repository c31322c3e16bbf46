"""Covariates of a Forecaster: their kinds, what is missing, and the inputs of its network."""

import numpy as np
import pandas as pd
import pytest

from forecaster.network.covariate_encoder import CovariateEncoder
from tests.helpers.panels import (
    DAY,
    ROLES,
    TARGETS,
    new_forecaster,
    random_rows,
    with_noise,
)

NAN = np.nan


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


def test_the_graph_keeps_numbers_and_looks_up_categories():
    """The layer in the model against NumPy, for a window of one id; numbers come standardized."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.3)
    model = with_noise(new_forecaster(), rows)
    layers = {layer.name: layer for layer in model.model_.layers}
    layer = layers["encode_past"]
    assert isinstance(layer, CovariateEncoder)
    k_table, g_table = (table.numpy() for table in layer.tables)
    window = np.array(
        [[0.5, 1.0, NAN, 0.0, 0.25, -0.5], [NAN, 2.0, 3.0, 9.0, 0.0, 1.0]], np.float32
    )
    found = layer(window[None])[0]
    for row, codes, answer in zip(window, [(1, 0), (2, 0)], found, strict=True):
        expected = [
            np.nan_to_num(row[0]),
            float(not np.isnan(row[0])),
            *k_table[codes[0]],
            np.nan_to_num(row[2]),
            float(not np.isnan(row[2])),
            *g_table[codes[1]],
            *row[4:],
        ]
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)
