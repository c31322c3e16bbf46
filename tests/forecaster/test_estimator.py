"""Parameters by scikit-learn's names, and as plain data and back."""

import dataclasses
import functools
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from forecaster.estimator import SpecEstimator
from forecaster.inputs.windows import WindowSpec
from forecaster.network.heads import Point, Quantiles
from forecaster.network.model import SavedNetwork, build_model
from forecaster.network.recurrent import RecurrentNetwork, as_network
from forecaster.plain import parameters_from_plain, plain_parameters
from forecaster.training.loop import Training
from tests.helpers.fits import dense_core


class Estimator(SpecEstimator):
    """Two specs, one of which a text may stand for, and a number."""

    def __init__(self, horizon=1, network="gru", training=Training()):
        self.horizon, self.network, self.training = horizon, network, training

    def _as_spec(self, name):
        is_text = name == "network" and isinstance(self.network, str)
        return as_network(self.network) if is_text else super()._as_spec(name)


def test_parameters_reach_into_specs():
    params = Estimator(3, RecurrentNetwork(units=5), Training(epochs=7)).get_params()
    fields = [f"network__{field.name}" for field in dataclasses.fields(RecurrentNetwork)]
    fields += [f"training__{field.name}" for field in dataclasses.fields(Training)]
    assert sorted(params) == sorted(["horizon", "network", "training", *fields])
    assert (params["network__units"], params["training__epochs"]) == (5, 7)
    shallow = Estimator().get_params(deep=False)
    assert shallow == {"horizon": 1, "network": "gru", "training": Training()}
    assert Estimator().get_params()["network__cell"] == "gru"
    assert "network__units" not in Estimator(network=dense_core()).get_params()


def test_a_field_is_set_in_a_copy_of_its_spec():
    network = RecurrentNetwork()
    estimator = Estimator(network=network)
    assert estimator.set_params(network__units=8, training__learning_rate=0.1) is estimator
    assert estimator.network == dataclasses.replace(network, units=8)
    assert estimator.training == Training(learning_rate=0.1)
    assert network == RecurrentNetwork()
    assert Estimator().set_params(network__units=8).network == RecurrentNetwork("gru", units=8)
    assert estimator.set_params() is estimator


@pytest.mark.parametrize("before", ["gru", RecurrentNetwork(units=3), dense_core(), None])
def test_a_field_goes_into_the_spec_that_comes_along(before):
    for params in (
        {"network__units": 8, "network": "lstm"},
        {"network": "lstm", "network__units": 8},
    ):
        found = Estimator(network=before).set_params(**params)
        assert found.network == RecurrentNetwork("lstm", units=8)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"horizn": 3}, "horizn"),
        ({"network__unit": 3}, "network__unit"),
        ({"horizon__x": 3}, "horizon__x"),
        ({"network__": 3}, "network__"),
        ({"network": dense_core(), "network__units": 3}, "network__units"),
    ],
)
def test_unknown_names(params, name):
    estimator = Estimator()
    message = f"Parameters must be among those of Estimator. Received: {name}=3. Known are horizon"
    with pytest.raises(ValueError, match=message):
        estimator.set_params(**{"horizon": 9} | params)
    assert estimator.horizon == 1  # an error changes nothing
    assert estimator.network == "gru"


def test_a_value_that_the_spec_refuses_changes_nothing():
    estimator = Estimator()
    with pytest.raises(ValueError, match=r"`units` must be at least 1. Received: units=0."):
        estimator.set_params(horizon=9, network__units=0)
    assert estimator.get_params(deep=False) == Estimator().get_params(deep=False)


def test_clones_are_equal_and_independent():
    for network in ("gru", RecurrentNetwork(units=5), dense_core()):
        estimator = Estimator(4, network, Training(epochs=2))
        estimator.learned_ = 1
        copy = clone(estimator)
        assert not hasattr(copy, "learned_")
        assert copy.get_params() == estimator.get_params()
        copy.set_params(training__epochs=9, horizon=8)
        assert (estimator.training.epochs, estimator.horizon) == (2, 4)


def test_what_was_learned_stays():
    estimator = Estimator()
    estimator.learned_ = 1
    assert estimator.set_params(network__units=2).learned_ == 1


def test_an_estimator_shows_itself():
    estimator = Estimator(network=RecurrentNetwork(units=77))
    assert "units=77" in repr(estimator)
    assert "units=77" in estimator._repr_html_()


DEFAULTS = {
    "horizon": 3,
    "target": None,
    "id_column": None,
    "time_column": None,
    "past_covariates": (),
    "future_covariates": (),
    "static_covariates": (),
    "weight_column": None,
    "time_features": None,
    "freq": None,
    "network": RecurrentNetwork("lstm", units=8),
    "output": "point",
    "training": Training(epochs=5, validation=12),
    "seed": 2**32 - 1,
}
CORE = SavedNetwork.of(build_model(dense_core(), WindowSpec(4, 2), "last", Point()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", "a"),
        ("target", 5),
        ("target", ("a", 1)),
        ("target", ["a"]),
        ("target", ["a", ("b", 2.5), None, 7, ("c", ("d", True))]),
        ("target", np.int64(4)),
        ("time_column", "when"),
        ("time_column", ("when", 0)),
        ("freq", "15min"),
        ("freq", 1),
        ("freq", np.int64(2)),
        ("freq", pd.offsets.MonthBegin()),
        ("freq", pd.offsets.Week(weekday=2)),
        ("network", "peephole_lstm"),
        ("network", RecurrentNetwork(segment_length=3, dropout=0.5)),
        ("network", RecurrentNetwork(units=np.int64(9), dropout=np.float32(0.5))),
        ("network", CORE),
        ("output", Quantiles([0.9, 0.1])),
        ("training", Training(validation=0.25, refit=False, loss="mse")),
        ("training", Training(batch_size=np.int32(9), learning_rate=np.float64(0.1))),
        ("horizon", np.int64(3)),
    ],
)
def test_parameters_come_back_from_plain_data(name, value):
    parameters = DEFAULTS | {name: value}
    plain = plain_parameters(parameters)
    text = json.dumps(plain, allow_nan=False)
    assert json.loads(text) == plain  # so that what was kept can be compared with what comes
    again = parameters_from_plain(json.loads(text))
    assert again == parameters
    assert list(again) == list(parameters)
    assert plain_parameters(again) == plain


def test_time_deltas_have_a_name():
    plain = plain_parameters(DEFAULTS | {"freq": pd.Timedelta("15min")})
    assert plain["freq"] == "15min"


class Callable:
    def __call__(self, spec):
        return dense_core()(spec)


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (dense_core, "dense_core"),
        (Callable(), "Callable"),
        (functools.partial(dense_core, 0.5), "functools.partial"),
    ],
)
def test_other_networks_are_told_apart_by_their_names(network, name):
    plain = plain_parameters(DEFAULTS | {"network": network})["network"]
    assert plain["kind"] == "function"
    assert plain["name"].endswith(name)


def test_labels_that_cannot_be_written():
    with pytest.raises(TypeError, match="Labels must be texts, finite numbers, None or tuples"):
        plain_parameters(DEFAULTS | {"target": [pd.Timestamp("2024-01-01")]})


@pytest.mark.parametrize(
    ("field", "wrong", "kind", "message"),
    [
        ("epochs", 0, ValueError, "`epochs` must be at least 1. Received: epochs=0."),
        ("batch_size", 1.5, TypeError, "`batch_size` must be an integer."),
        ("learning_rate", 0, ValueError, "`learning_rate` must be finite and above 0."),
        ("learning_rate", float("inf"), ValueError, "`learning_rate` must be finite and above 0."),
        ("learning_rate", "1e-3", TypeError, "`learning_rate` must be a number."),
        ("loss", "rmse", ValueError, "`loss` must be one of 'auto', 'mae', 'mse', 'pinball'."),
        ("patience", 0, ValueError, "`patience` must be at least 1."),
        ("validation", 0, ValueError, "`validation` must be at least 1."),
        ("validation", 1.0, ValueError, "`validation` must be a fraction between 0 and 1, or an"),
        ("validation", "a fifth", TypeError, "`validation` must be an integer."),
        ("refit", "no", ValueError, "`refit` must be one of True, False."),
    ],
)
def test_bad_training(field, wrong, kind, message):
    with pytest.raises(kind, match=message):
        Training(**{field: wrong})


def test_the_loss_must_fit_the_output():
    quantiles = Quantiles([0.1])
    assert Training().loss_for(Point()) == "mae"
    assert Training().loss_for(quantiles) == "pinball"
    assert Training(loss="mse").loss_for(Point()) == "mse"
    with pytest.raises(ValueError, match=r"`loss` must be one of mae, mse for output=Point\(\)"):
        Training(loss="pinball").loss_for(Point())
    with pytest.raises(ValueError, match="`loss` must be one of pinball for output=Quantiles"):
        Training(loss="mae").loss_for(quantiles)
