"""The state after a fit: copies and metadata forecast bit for bit; which rows it has seen."""

import copy
import json
import pickle
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster import Quantiles, RecurrentNetwork, Training
from forecaster.data.frame_checks import FrameWarning
from forecaster.fitted import Fitted, untrained
from forecaster.training.callbacks import FitHistory
from tests.helpers.fits import assert_same_weights
from tests.helpers.serving_cases import CASES, random_forecaster
from tests.helpers.tables import assert_same_table, long_ramp, quietly, read
from tests.helpers.tiny import HORIZON, LENGTH, ROWS, days, engine, waves, with_random_weights

LATER = waves(days(ROWS + 15))  # 15 rows after those that the weights have seen
LONG = {"id_column": "shop", "time_column": "when"}


def everything():
    """A forecaster with covariates of every kind, time features and quantiles."""
    frame_of, parameters = CASES["all independent"]
    return random_forecaster(frame_of(is_new=False), **parameters)


@pytest.fixture(scope="module", params=["a function", "every covariate"])
def model(request):
    if request.param == "a function":
        return with_random_weights(waves(), output=Quantiles([0.1, 0.9]))
    return everything()


def forecasts(fitted):
    """From a horizon before the end of each id, so that future covariates are known."""
    table = fitted.history
    return fitted.forecast_table(table, np.arange(table.num_ids), table.lengths - 1)


# Copies


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda fitted: pickle.loads(pickle.dumps(fitted))]
)
def test_copies_forecast_bit_for_bit_and_have_a_model_of_their_own(copied, model):
    fitted = model._fitted
    again, before = copied(fitted), forecasts(fitted)
    np.testing.assert_array_equal(forecasts(again), before)
    assert np.isfinite(before).any()
    assert again.trained.model is not fitted.trained.model
    assert (again.config, again.spec) == (fitted.config, fitted.spec)
    assert again.trained.coder == fitted.trained.coder
    assert again.trained.history.loss == fitted.trained.history.loss
    assert_same_table(again.last_rows, fitted.last_rows)
    assert_same_table(again.history, fitted.history)
    weights = again.trained.model.get_weights()
    again.trained.model.set_weights([0 * weight for weight in weights])
    assert not np.array_equal(forecasts(again), before, equal_nan=True)
    np.testing.assert_array_equal(forecasts(fitted), before)


def test_no_model_is_pickled(model, monkeypatch):
    def refuse(*_):
        raise AssertionError("a Keras model is pickled")

    assert "model_" in vars(model)
    assert "model_" not in model.__getstate__()
    monkeypatch.setattr(keras.Model, "__reduce__", refuse)
    monkeypatch.setattr(keras.Model, "__getstate__", refuse)
    state = pickle.dumps(model)
    monkeypatch.undo()
    again = pickle.loads(state)
    assert again.model_ is again._fitted.trained.model
    np.testing.assert_array_equal(forecasts(again._fitted), forecasts(model._fitted))


# Metadata


@pytest.mark.parametrize("keep_history", [True, False])
def test_metadata_come_back_from_json(keep_history, model):
    fitted = model._fitted
    metadata, arrays = fitted.to_metadata(keep_history=keep_history)
    described = json.loads(json.dumps(metadata, allow_nan=False))
    assert described == metadata
    weights = fitted.trained.model.get_weights()
    again = Fitted.from_metadata(described, weights, arrays)
    assert_same_weights(again.trained.model, weights)
    assert (again.spec, again.trained.coder) == (fitted.spec, fitted.trained.coder)
    assert again.to_metadata(keep_history=keep_history)[0] == metadata
    if keep_history:
        assert_same_table(again.history, fitted.history)
        assert_same_table(again.last_rows, fitted.last_rows)
        np.testing.assert_array_equal(forecasts(again), forecasts(fitted))
    else:
        assert (arrays, again.history) == (None, None)
        assert again.last_rows.ends.equals(fitted.last_rows.ends)
        whole = replace(again, history=fitted.history)
        np.testing.assert_array_equal(forecasts(whole), forecasts(fitted))
    own = not isinstance(
        fitted.config.network, RecurrentNetwork
    )  # comes back as Keras describes it
    assert again.config.changed(fitted.config.parameters) == ["network"] * own


def test_metadata_name_the_fit():
    fitted = with_random_weights(waves(), output=Quantiles([0.2, 0.8]))._fitted
    history = FitHistory([1.5, np.nan], [0.5, np.inf], -np.inf)
    fitted = replace(fitted, trained=replace(fitted.trained, history=history))
    metadata, arrays = fitted.to_metadata(keep_history=True)
    assert (metadata["freq"], metadata["columns"]) == ("D", ["a", "b"])
    assert metadata["quantiles"] == [0.2, 0.5, 0.8]
    assert metadata["spec"]["input_length"] == LENGTH
    assert metadata["fit"] == {
        "loss": [1.5, "nan"],
        "validation_score": [0.5, "inf"],
        "naive_score": "-inf",
    }
    newest = waves().to_numpy()[-LENGTH - HORIZON :].T
    np.testing.assert_array_equal(arrays["values"], newest)
    again = Fitted.from_metadata(metadata, fitted.trained.model.get_weights(), arrays)
    np.testing.assert_array_equal(again.trained.history.loss, [1.5, np.nan])
    assert again.trained.history.validation_score == [0.5, np.inf]
    assert again.trained.history.naive_score == -np.inf


# Rows


@pytest.fixture(scope="module")
def of_two_shops():
    """Fitted on the ids A and B, which end at different times."""
    frame = long_ramp({"A": 40, "B": 25})
    return with_random_weights(frame, target="sold", **LONG)._fitted


@given(
    spans=st.dictionaries(
        st.sampled_from("ABC"), st.tuples(st.integers(0, 60), st.integers(1, 60)), min_size=1
    )
)
@settings(max_examples=30, deadline=None)
def test_rows_seen_are_those_up_to_the_last_one_of_the_same_id(of_two_shops, spans):
    times = pd.date_range("2024-02-25", periods=120, freq="D")
    # As `long_ramp` has them: A begins at step 0, B at step 1.
    ends = {"A": times[39], "B": times[25]}
    parts = [
        pd.DataFrame({"shop": label, "when": times[first : first + rows], "sold": 1.0})
        for label, (first, rows) in spans.items()
    ]
    table = quietly(pd.concat(parts), target="sold", freq="D", **LONG)
    expected = {
        label: sum(time <= ends[label] for time in part["when"]) if label in ends else 0
        for label, part in zip(spans, parts, strict=True)
    }
    assert dict(zip(table.ids, of_two_shops.rows_seen(table), strict=True)) == expected


def test_rows_seen_without_ids_are_those_up_to_the_newest():
    fitted = with_random_weights(waves())._fitted
    for frame, seen in ((LATER, ROWS), (LATER.iloc[ROWS:], 0), (LATER.iloc[50:], ROWS - 50)):
        np.testing.assert_array_equal(fitted.rows_seen(read(frame)), [seen])


def test_later_rows_go_behind_the_history():
    fitted = with_random_weights(waves())._fitted
    new = read(LATER.iloc[ROWS - 1 :])
    table = fitted.with_later(new)
    np.testing.assert_array_equal(table.values, LATER.to_numpy()[-15 - LENGTH - HORIZON :].T)
    assert replace(fitted, history=None).with_later(new) is new


# Whether the weights may be used


@pytest.fixture(scope="module")
def independent():
    return with_random_weights(waves())


def reason(model, frame, until, **changes):
    asking = copy.copy(model).set_params(**changes)
    return model._fitted.reason_to_refit(engine(asking), read(frame), until)


def test_weights_may_be_used_from_the_end_of_their_rows_on(independent):
    for until in (days()[-1], LATER.index[-1]):
        assert reason(independent, LATER, until) is None
    changes = {"training": Training(epochs=9), "seed": 3}  # which the forecasts do not depend on
    assert reason(independent, LATER, days()[-1], **changes) is None
    # With independent channels they are for any column.
    assert reason(independent, LATER[["b"]].set_axis(["c"], axis=1), days()[-1]) is None


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"input_length": 5}, "input_length"),
        ({"network": RecurrentNetwork(), "normalization": "none"}, "normalization, network"),
        ({"past_covariates": ["c"], "target": "a"}, "target, past_covariates"),
    ],
)
def test_a_changed_parameter_is_a_reason_to_refit(changes, names, independent):
    found = reason(independent, LATER, days()[-1], **changes)
    assert found == f"{names} changed since the fit"


def test_rows_that_were_seen_already_are_a_reason_to_refit(independent):
    expected = "the weights at hand have seen the rows up to 2024-02-29 00:00:00"
    assert reason(independent, LATER, days()[-2]) == expected
    # Times of another kind cannot be compared.
    for until in (days()[-1].tz_localize("UTC"), 59, pd.Period("2024-03-09", "D")):
        assert reason(independent, LATER, until) == expected


def test_another_step_is_a_reason_to_refit(independent):
    found = reason(independent, LATER.asfreq("2D"), LATER.index[-1])
    assert found == "the weights at hand are for other columns, or another step of the times"


def test_other_columns_are_a_reason_to_refit_joint_weights():
    model = with_random_weights(waves(), channels="joint")
    assert reason(model, LATER, days()[-1]) is None
    for other in (LATER[["a"]], LATER[["b", "a"]]):
        found = reason(model, other, days()[-1])
        assert found == "the weights at hand are for other columns, or another step of the times"


def test_weights_under_parameters_that_were_changed(independent):
    fitted, parameters = independent._fitted, independent.get_params(deep=False)
    changed = fitted.with_parameters(parameters | {"seed": 7, "training": Training(epochs=4)})
    assert (changed.config.seed, changed.config.training.epochs) == (7, 4)
    assert changed.trained is fitted.trained
    message = (
        "`horizon`, `channels` must be what `fit` saw. Received: horizon=4, channels='joint', set "
        r"since then\. Call fit\(frame\) again\."
    )
    with pytest.raises(ValueError, match=message):
        fitted.with_parameters(parameters | {"horizon": 4, "channels": "joint"})


# Warnings and fresh weights


def test_what_cannot_be_forecast_is_warned_of(independent):
    fitted, table = independent._fitted, read(waves().assign(b=np.nan))
    forecast = fitted.forecast_table(table, np.array([0]), table.lengths)
    with pytest.warns(FrameWarning, match=r"The forecasts of b are NaN, .* newest 7 rows hold no"):
        fitted.warn_of_nan(forecast, table)
    fitted.warn_of_nan(forecast[:, :1], read(waves()[["a"]]))  # which are there: nothing is said


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_the_network_cannot_forecast_is_not_put_down_to_the_rows(independent, wrong):
    fitted, table = independent._fitted, read(waves().assign(b=np.nan))
    forecast = fitted.forecast_table(table, np.array([0]), table.lengths)
    forecast[0, 0, 1] = wrong
    with pytest.warns(FrameWarning) as seen:
        fitted.warn_of_nan(forecast, table)
    rows, network = (str(warning.message) for warning in seen)
    assert rows.startswith("The forecasts of b are NaN, because their newest 7 rows hold no value")
    assert network.startswith("The forecasts of a are NaN or infinite, though their newest 7 rows")


@pytest.mark.parametrize("wrong", [np.nan, -np.inf])
def test_weights_that_are_no_numbers_are_named(wrong):
    model = with_random_weights(waves())
    kernel, bias = model.model_.get_weights()
    kernel[3, 1] = wrong
    model.model_.set_weights([kernel, bias])
    message = r"^The weights of the network must be finite numbers\. Received: .*kernel, so that"
    for call in (
        model.predict,
        lambda: model.predict(waves().iloc[:20]),
        lambda: model.backtest(LATER, cutoffs=3),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_categories_that_the_fit_did_not_see_are_warned_of():
    model = everything()
    frame_of, _ = CASES["all independent"]
    driver = engine(model)
    model._fitted.warn_of_categories(driver.read(frame_of(is_new=False)))
    with pytest.warns(FrameWarning) as found:
        model._fitted.warn_of_categories(driver.read(frame_of(is_new=True)))
    texts = [str(warning.message) for warning in found]
    for label, new in (("sky", "hail"), ("event", "4"), ("kind", "new")):
        [text] = [text for text in texts if text.startswith(f"Covariate {label!r} has")]
        assert text.endswith(f": {new}.")
    assert len(texts) == 3


def test_fresh_weights_are_the_same_each_time(independent):
    fitted = independent._fitted
    one, other = (untrained(fitted.config, fitted.spec, fitted.trained.coder) for _ in range(2))
    assert one.model is not other.model
    assert_same_weights(one.model, other.model)
    assert one.history.loss == one.history.validation_score == []
    window = np.ones((1, LENGTH, 1), np.float32)
    np.testing.assert_array_equal(
        one.forward({"past_values": window}), other.forward({"past_values": window})
    )
