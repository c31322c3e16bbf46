"""All trials of a search solve the same problem: what is fixed, and what is resolved once."""

import re

import numpy as np
import pytest
from keras_tuner import HyperParameters

from forecaster import RecurrentNetwork, Training
from forecaster.search.fold_task import FoldSettings
from forecaster.search.oracles import BUDGET
from forecaster.search.problem import FIXED, SearchProblem, build_candidate, engine_of
from tests.helpers.arrays import make_table, ramp
from tests.helpers.tiny import engine, tiny, waves
from tests.helpers.trials import MASE


def candidate(parameters, template=None, hp=None, frame=None):
    template = template or tiny()
    table = engine(template).read(waves() if frame is None else frame)
    return build_candidate(lambda hp: parameters, template, table, hp or HyperParameters())


@pytest.mark.parametrize("name", FIXED)
def test_what_is_fixed_is_not_searched(name):
    message = f"`space` must leave {name} as the template has it, because all trials are evaluated"
    with pytest.raises(ValueError, match=re.escape(message)):
        candidate({"channels": "joint", name: getattr(tiny(), name)})


def test_all_that_is_fixed_is_named():
    with pytest.raises(ValueError, match="`space` must leave horizon, season_length as the"):
        candidate({"season_length": 7, "normalization": "last", "horizon": 3})


def test_what_decides_the_rows_and_columns_of_the_forecasts_is_fixed():
    known = {*tiny().get_params(deep=False)}
    assert {*FIXED} <= known
    assert known - {*FIXED} == {
        "input_length",
        "network",
        "output",
        "training",
        "normalization",
        "channels",
        "time_features",
        "seed",
    }


@pytest.mark.parametrize("given", [None, 3, [("channels", "joint")]])
def test_a_space_returns_a_dict(given):
    message = f"`space` must return a dict .* Received: {re.escape(repr(given))}"
    with pytest.raises(TypeError, match=message):
        candidate(given)


def test_a_candidate_is_the_template_with_other_parameters():
    template = tiny(network=RecurrentNetwork(units=4), seed=5)
    before = template.get_params()
    asked = {"network__units": 9, "normalization": "standard"}
    parameters, forecaster = candidate(asked, template)
    assert parameters == asked
    assert template.get_params() == before
    expected = before | {
        "network": RecurrentNetwork(units=9),
        "network__units": 9,
        "normalization": "standard",
        "time_features": forecaster.time_features,
    }
    assert forecaster.get_params() == expected
    assert not hasattr(forecaster, "model_")


def test_the_budget_of_hyperband_is_the_epochs():
    hp = HyperParameters()
    hp.values[BUDGET] = 3
    template = tiny(training=Training(epochs=9, refit=False))
    parameters, forecaster = candidate({"normalization": "none"}, template, hp)
    assert parameters == {"normalization": "none", "training__epochs": 3}
    assert forecaster.training == Training(epochs=3, refit=False)


@pytest.mark.parametrize(("rows", "length"), [(38, 7), (42, 14)])
def test_the_input_length_is_resolved_on_all_rows(rows, length):
    """A default that grows with the rows would be another one in each fold."""
    template = tiny(input_length=None)
    parameters, forecaster = candidate({}, template, frame=waves().iloc[:rows])
    assert (parameters, template.input_length, forecaster.input_length) == ({}, None, length)
    assert forecaster.time_features is None  # no cycle is seen often enough


def test_a_bad_value_of_the_space_is_refused_at_once():
    with pytest.raises(ValueError, match="`epochs` must be at least 1"):
        candidate({"training__epochs": 0})
    with pytest.raises(ValueError, match="`normalization` must be one of"):
        candidate({"normalization": "first"})
    with pytest.raises(ValueError, match="`input_length` must be at least 1"):
        engine_of(tiny(input_length=0))


@pytest.mark.parametrize("train_length", [None, 11])
def test_the_rows_of_a_fold_end_at_its_first_cutoff(train_length):
    blocks = [np.array([40, 42]), np.array([44, 46])]
    table = make_table(ramp(2, 60))
    problem = SearchProblem(table, blocks, MASE, FoldSettings(train_length, (), 4))
    for fold, end in enumerate((40, 44)):
        first = 0 if train_length is None else end - train_length
        np.testing.assert_array_equal(problem.rows(fold).values, ramp(2, 60)[:, first:end])
