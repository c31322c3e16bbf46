"""The default space covers what a forecaster offers, and is narrowed in a line."""

import dataclasses
import math

import pytest
from keras_tuner import HyperParameters

from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training, space
from forecaster.inputs.spec import WindowSpec
from forecaster.network.cells import CELLS
from forecaster.search.space import PARAMETERS

HOURS = WindowSpec(input_length=72, horizon=24, season_length=24)


def values_of(declared, name):
    """All values that a parameter may have; several conditions may share a name."""
    found = [parameter for parameter in declared.space if parameter.name == name]
    return [value for parameter in found for value in parameter.values]


def declared(function):
    hp = HyperParameters()
    function(hp)
    return hp


def on_hours(template, function=None, rows=1000):
    return (function or space()).for_data(template.get_params(), HOURS, rows)


def test_the_default_covers_all_that_a_network_offers():
    fields = {f"network__{field.name}" for field in dataclasses.fields(RecurrentNetwork)}
    assert fields <= {*PARAMETERS}
    hp = declared(on_hours(Forecaster(24)))
    assert {parameter.name for parameter in hp.space} == {*PARAMETERS}
    assert values_of(hp, "network__cell") == [*CELLS]
    assert values_of(hp, "network__units") == [16, 32, 64, 128]
    assert values_of(hp, "network__segment_length") == [12, 24, 48]
    assert values_of(hp, "input_length") == [24, 48, 72, 96, 144, 216]
    assert values_of(hp, "training__loss") == ["mae", "mse"]


def test_it_starts_with_the_template():
    template = Forecaster(
        24,
        network=RecurrentNetwork("peephole_lstm", units=32, num_layers=2, dropout=0.2),
        training=Training(learning_rate=2e-3, batch_size=64, loss="mse"),
        normalization="standard",
    )
    hp = HyperParameters()
    proposed = on_hours(template)(hp)
    known = template.get_params() | {"input_length": 72, "network__segment_length": 24}
    assert proposed == {name: known[name] for name in proposed}
    assert {*proposed} == {*PARAMETERS}
    # What the ranges do not have begins with their first value.
    odd = Forecaster(24, network=RecurrentNetwork(units=50), training=Training(learning_rate=0.5))
    proposed = on_hours(odd)(HyperParameters())
    assert proposed["network__units"] == 16
    assert proposed["training__learning_rate"] == 3e-4


def test_what_does_not_count_is_not_proposed():
    hp = HyperParameters()
    hp.Choice("network__encoder", ["segments", "steps"])
    hp.values["network__encoder"] = "steps"
    proposed = on_hours(Forecaster(24))(hp)
    assert proposed["network__encoder"] == "steps"
    assert "network__segment_length" not in proposed
    assert "network__segment_length" not in hp.values
    assert "network__segment_length" in {parameter.name for parameter in hp.space}
    for encoder, is_there in (("steps", False), ("segments", True)):
        proposed = on_hours(Forecaster(24), space(encoders=encoder))(HyperParameters())
        assert ("network__segment_length" in proposed) == is_there


def test_long_windows_are_not_read_step_by_step():
    spec = dataclasses.replace(HOURS, input_length=720)
    proposed = space().for_data(Forecaster(24).get_params(), spec, 9000)(HyperParameters())
    assert "network__encoder" not in proposed
    asked = space(encoders="steps").for_data(Forecaster(24).get_params(), spec, 9000)
    assert asked(HyperParameters())["network__encoder"] == "steps"


def test_windows_are_no_longer_than_half_of_the_rows():
    hp = declared(on_hours(Forecaster(24), rows=200))
    assert values_of(hp, "input_length") == [24, 48, 72, 96]
    hp = declared(on_hours(Forecaster(24), rows=50))
    assert values_of(hp, "input_length") == [24, 72]  # the template's own is always there


def test_quantiles_have_one_loss():
    assert "training__loss" not in on_hours(Forecaster(24, output=Quantiles([0.5])))(
        HyperParameters()
    )


def test_it_is_narrowed_in_a_line():
    narrow = space(cells=["lstm", "mgu"], units=(16, 64), dropout=0.1, input_lengths=[24, 48])
    hp = declared(on_hours(Forecaster(24), narrow))
    assert values_of(hp, "network__cell") == ["lstm", "mgu"]
    assert values_of(hp, "network__units") == [16, 32, 64]
    assert values_of(hp, "input_length") == [24, 48]
    proposed = on_hours(Forecaster(24), narrow)(HyperParameters())
    assert proposed["network__dropout"] == 0.1
    assert "network__dropout" not in {parameter.name for parameter in hp.space}
    assert values_of(declared(space(units=(20, 100))), "network__units") == [20, 40, 80]
    assert space(cells="gru")(HyperParameters())["network__cell"] == "gru"
    assert space(cells=["gru"])(HyperParameters())["network__cell"] == "gru"


def test_rates_are_sampled_by_their_ratio():
    (rate,) = (
        parameter
        for parameter in declared(space(learning_rate=(1e-4, 1e-2))).space
        if parameter.name == "training__learning_rate"
    )
    assert rate.prob_to_value(0.5) == pytest.approx(1e-3)


def test_parameters_may_be_left_as_they_are():
    without = space().without(["network__cell", "input_length"])
    proposed = on_hours(Forecaster(24), without)(HyperParameters())
    assert {*PARAMETERS} - {*proposed} == {"network__cell", "input_length"}


def test_it_is_a_function_that_others_may_call():
    def mine(hp):
        return space(cells=["gru", "lstm"])(hp) | {"channels": hp.Choice("c", ["joint"])}

    proposed = mine(HyperParameters())
    assert proposed["channels"] == "joint"
    Forecaster(24).set_params(**proposed)
    assert "input_length" not in proposed


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"cells": ["gru", "lsmt"]}, "`cells` must be one of .* Received: cells='lsmt'"),
        ({"cells": "lsmt"}, "`cells` must be one of"),
        ({"cells": ("gru", "lstm")}, "For choices write a list"),
        ({"cells": 5}, "`cells` must be one of"),
        ({"units": (64, 16)}, r"a pair \(low, high\) with 0 < low < high"),
        ({"units": (0, 16)}, r"Received: network__units=\(0, 16\)"),
        ({"units": (1, 2, 3)}, "For choices write a list"),
        ({"dropout": []}, "must list choices of one type"),
        ({"dropout": [0, 0.1]}, "must list choices of one type"),
        ({"learning_rate": ("a", "b")}, "must be a list of choices, a pair"),
        ({"learning_rate": (1e-3, math.nan)}, "must be a list of choices, a pair"),
    ],
)
def test_bad_ranges(how, message):
    with pytest.raises(ValueError, match=message):
        space(**how)
