"""Parameters as one frozen config: checked, resolved on data, as JSON and back."""

import functools
import json
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training, WindowSpec
from forecaster.config import ForecasterConfig, default_input_length
from forecaster.network.heads import Point
from forecaster.network.model import SavedNetwork, build_model
from tests.helpers.arrays import make_table, ramp
from tests.helpers.fits import dense_core

DEFAULTS = Forecaster(
    3,
    network=RecurrentNetwork("lstm", units=8),
    training=Training(epochs=5, validation=12),
    time_features=None,
    seed=2**32 - 1,
).get_params(deep=False)


def to_json(parameters):
    return ForecasterConfig.of(parameters).to_json()


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
def test_parameters_come_back_from_json(name, value):
    parameters = DEFAULTS | {name: value}
    described = to_json(parameters)
    text = json.dumps(described, allow_nan=False)
    assert json.loads(text) == described  # so that what was kept can be compared with what comes
    again = ForecasterConfig.from_json(json.loads(text))
    assert again.parameters == parameters
    assert again == ForecasterConfig.of(parameters)
    assert again.to_json() == described


def test_time_deltas_have_a_name():
    described = to_json(DEFAULTS | {"freq": pd.Timedelta("15min")})
    assert described["freq"] == "15min"


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
def test_other_networks_are_identified_by_their_names(network, name):
    described = to_json(DEFAULTS | {"network": network})["network"]
    assert described["kind"] == "function"
    assert described["name"].endswith(name)


def test_labels_that_cannot_be_written():
    with pytest.raises(TypeError, match="Labels must be texts, finite numbers, None or tuples"):
        to_json(DEFAULTS | {"target": [pd.Timestamp("2024-01-01")]})


def test_a_config_cannot_be_changed():
    config = ForecasterConfig.of(DEFAULTS)
    with pytest.raises(FrozenInstanceError):
        config.horizon = 4


def test_changed_parameters_are_named():
    """Only those that fitted weights depend on; lists and tuples of columns are the same."""
    config = ForecasterConfig.of(DEFAULTS)
    assert config.changed(DEFAULTS | {"seed": 1, "training": Training()}) == []
    assert config.changed(DEFAULTS | {"past_covariates": []}) == []
    assert config.changed(DEFAULTS | {"horizon": 4, "target": "y"}) == ["target", "horizon"]


@pytest.mark.parametrize(
    ("season", "horizon", "rows", "length"),
    [(12, 12, 144, 36), (24, 96, 10_000, 288), (7, 3, 60, 14), (12, 12, 20, 12), (1, 5, 300, 15)],
)
def test_the_default_input_length(season, horizon, rows, length):
    """Three seasons or horizons in whole seasons, at most a third of the rows, never below one."""
    assert default_input_length(season, horizon, rows) == length


def test_defaults_are_resolved_on_the_observed_rows():
    values = ramp(1, 90)
    values[0, 60:] = np.nan
    table = make_table(values)
    given = {"horizon": 2, "season_length": 4, "time_features": "auto"}
    config = ForecasterConfig.of(DEFAULTS | given)
    spec = config.window_spec(table)
    assert spec == WindowSpec(12, 2, season_length=4, seed=2**32 - 1)
    resolved = config.resolved(table)
    assert resolved["input_length"] == 12
    fixed = ForecasterConfig.of(DEFAULTS | given | resolved)
    assert fixed.window_spec(make_table(ramp(1, 9))).input_length == 12
