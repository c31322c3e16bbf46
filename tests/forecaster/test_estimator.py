"""Parameters by scikit-learn's names, and the names that an estimator shows."""

import copy
import dataclasses
import inspect

import pytest
from sklearn.base import BaseEstimator, clone

import forecaster.estimator
from forecaster import Folds, Forecaster, ForecasterSearch
from forecaster.estimator import SpecEstimator
from forecaster.network.model import as_network
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.settings import Training
from tests.helpers.fits import dense_core
from tests.helpers.panels import hashed_fits
from tests.helpers.tiny import tiny, waves


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
        again = clone(estimator)
        assert not hasattr(again, "learned_")
        assert again.get_params() == estimator.get_params()
        again.set_params(training__epochs=9, horizon=8)
        assert (estimator.training.epochs, estimator.horizon) == (2, 4)


def test_what_was_learned_stays():
    estimator = Estimator()
    estimator.learned_ = 1
    assert estimator.set_params(network__units=2).learned_ == 1


def test_an_estimator_shows_itself():
    estimator = Estimator(network=RecurrentNetwork(units=77))
    assert "units=77" in repr(estimator)
    assert "units=77" in estimator._repr_html_()


# Names that `dir`, and so an editor, shows.


def public(estimator):
    return {name for name in dir(estimator) if not name.startswith("_")}


def weighted(base):
    """An estimator whose `fit` takes weights, for which scikit-learn adds methods to its class."""

    class Weighted(base):
        def __init__(self, depth=1):
            self.depth = depth

        def fit(self, X, sample_weight=None):
            self._state, self.learned_ = X, True
            return self

    return Weighted()


def test_metadata_routing_is_left_out():
    ours, sklearns = weighted(forecaster.estimator.Estimator), weighted(BaseEstimator)
    assert public(sklearns) - public(ours) == {"set_fit_request", "get_metadata_routing"}
    assert not hasattr(ours, "set_fit_request")
    assert dir(ours) == ["depth", "fit", "get_params", "set_params"]


def test_what_a_fit_has_set_is_shown_and_private_names_are_not():
    estimator = weighted(SpecEstimator).fit("private")
    assert estimator._state == "private"
    assert dir(estimator) == ["depth", "fit", "get_params", "learned_", "set_params"]


def shown(estimator, methods, fitted=""):
    """The names that `dir` shows must be those of parameters, of methods and of what was fitted."""
    names = {*inspect.signature(type(estimator)).parameters, *methods.split(), *fitted.split()}
    assert dir(estimator) == sorted(names)  # so nothing private, and of "set_" set_params alone
    assert all(hasattr(estimator, name) for name in names)


def test_the_names_of_a_forecaster():
    methods = "fit predict update backtest future_frame missing_future save load"
    methods += " get_params set_params"
    model = tiny()
    shown(model, methods)
    with hashed_fits():
        model.fit(waves(), verbose=0)
    shown(model, methods, "model_ history_ train_end_ freq_ input_length_ season_length_")
    shown(clone(model), methods)


def test_the_names_of_a_search():
    def rates(hp):
        return {"training__learning_rate": hp.Choice("rate", [0.1, 0.2])}

    template = tiny(training=Training(epochs=1, refit=False))
    how = {"tuner": "random", "max_trials": 1, "folds": Folds(1, cutoffs=1), "refit": False}
    search = ForecasterSearch(template, rates, **how)
    methods = "fit fit_watched report plot get_params set_params"
    shown(search, methods)
    search.fit(waves(), verbose=0)
    shown(search, methods, "best_forecaster_ best_params_ best_score_ trials_ objective_")
    assert isinstance(search.best_forecaster_, Forecaster)


def test_fitted_attributes_are_set_at_once():
    """Code that runs meanwhile, here as the old values go, sees all of the new ones."""
    estimator, seen = Estimator(), []

    class Loud:
        def __del__(self):
            seen.append((estimator.first_, estimator.second_))

    estimator._learn(first_=Loud(), second_=1)
    assert estimator._learn(first_=2, second_=2) is estimator
    assert seen == [(2, 2)]


def test_what_was_learned_while_parameters_are_set_stays(monkeypatch):
    estimator = Estimator()

    def copy_late(original):
        fresh = copy.copy(original)
        original._learn(learned_=1)  # as another thread may
        return fresh

    monkeypatch.setattr(forecaster.estimator, "copy", copy_late)
    assert estimator.set_params(horizon=4).learned_ == 1
    assert estimator.horizon == 4


def test_copies_have_a_lock_of_their_own():
    estimator = Estimator()
    lock = estimator._one_at_a_time()
    assert estimator._one_at_a_time() is lock
    for again in (copy.copy(estimator), copy.deepcopy(estimator), clone(estimator)):
        assert again._one_at_a_time() is not lock
