"""Options are the parameters of a forecaster, with their defaults, bounds and descriptions."""

import inspect
from dataclasses import dataclass, fields
from typing import Annotated, Literal, get_args

import pytest

from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training
from forecaster.cli import options
from forecaster.cli.options import PARAMETER_OF, PARAMETERS, features
from forecaster.network.cells import CELLS
from forecaster.utils.fields import AtLeast


def test_options_are_the_parameters_of_a_forecaster():
    known = Forecaster(1).get_params()
    del known["network"], known["training"]
    assert sorted(known) == sorted(PARAMETER_OF.get(name, name) for name in PARAMETERS)
    for name, option in PARAMETERS.items():
        default = known[PARAMETER_OF.get(name, name)]
        if name == "quantiles":
            assert (option.default, default) == (None, "point")
        elif name != "horizon":
            assert option.default == default, name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("auto", "auto"),
        ("none", None),
        ("hour", ["hour"]),
        ("day_of_week,holidays:DE", ["day_of_week", "holidays:DE"]),
    ],
)
def test_time_features_as_they_are_typed(text, value):
    assert features(text) == value


def option(name):
    """The `typer.Option` of a parameter."""
    (found,) = PARAMETERS[name].annotation.__metadata__
    return found


FIELDS = [
    pytest.param(spec, field, id=f"{parameter}__{field.name}")
    for parameter, spec in {"network": RecurrentNetwork, "training": Training}.items()
    for field in fields(spec)
]


@pytest.mark.parametrize(("spec", "field"), FIELDS)
def test_a_field_of_a_spec_is_an_option_with_its_default_and_description(spec, field):
    assert PARAMETERS[field.name].default == field.default
    text = option(field.name).help
    if field.name == "cell":
        assert text == f"{', '.join(CELLS)}."  # more than typer should list as a type
        return
    described = " ".join(inspect.getdoc(spec).replace("`", "").split())
    assert f" {field.name}: {text[0].lower()}{text[1:-1]}" in described
    assert text[0] == text[0].upper() and text.endswith(".") and ". " not in text


@pytest.mark.parametrize(
    ("name", "text", "of_none"),
    [
        ("epochs", "Maximum number of epochs.", True),
        ("windows_per_epoch", "Windows that an epoch visits, others in each.", "all"),
        (
            "validation",
            "The last part of each series, held out for early stopping: a number of steps of freq, "
            "or a fraction between 0 and 1.",
            True,
        ),
        (
            "segment_length",
            "Steps in a segment.",
            "one season, or the largest divisor of it that is at most 48 steps",
        ),
    ],
)
def test_help_is_the_first_sentence_of_the_docstring(name, text, of_none):
    assert (option(name).help, option(name).show_default) == (text, of_none)


@dataclass(frozen=True)
class Warmed(Training):
    __doc__ = Training.__doc__.replace(
        "\n\n    Raises:",
        "\n        warm_up: epochs of a `small` learning rate, at least 2; None is none at all.\n"
        "            It rises by steps.\n        schedule: how it falls.\n\n    Raises:",
    )
    warm_up: Annotated[int, AtLeast(2)] | None = None
    schedule: Literal["cosine", "steps"] = "cosine"


def test_a_field_that_is_added_to_a_spec_becomes_an_option():
    *known, warm_up, schedule = options._spec_options("Training", Warmed)
    assert [parameter.name for parameter in known] == [field.name for field in fields(Training)]
    assert (warm_up.name, warm_up.default) == ("warm_up", None)
    typed_as, found = get_args(warm_up.annotation)
    assert typed_as == int | None
    assert (found.help, found.show_default) == (
        "Epochs of a small learning rate.",
        "none at all",
    )
    assert (found.min, found.metavar, found.rich_help_panel) == (2, "N", "Training")
    assert (schedule.name, schedule.default) == ("schedule", "cosine")
    assert get_args(schedule.annotation)[0] == Literal["cosine", "steps"]


@pytest.mark.parametrize(
    "name", ["units", "num_layers", "segment_length", "epochs", "batch_size", "patience"]
)
def test_a_number_below_its_bound_is_refused_as_it_is_typed(run, air_csv, name):
    typed = f"--{name.replace('_', '-')}"
    code, out, err = run("fit", air_csv, "--save", "m", "--horizon", 1, typed, 0)
    assert (code, out) == (2, "")
    message = f"Error: Invalid value for '{typed}': Input should be greater than or equal to 1"
    assert err.startswith(message) and err.endswith("See forecaster fit --help.\n")
    assert err.count("\n") == 1


def test_options_become_parameters_of_a_forecaster():
    parameters = {name: parameter.default for name, parameter in PARAMETERS.items()}
    assert options.changed(parameters | {"past_covariate": []}) == []
    given = {"horizon": 6, "id": "store", "quantiles": [0.1, 0.9], "units": 5, "epochs": 7}
    assert {*options.changed(parameters | given)} == {*given}
    model = options.new_forecaster(parameters | given)
    expected = Forecaster(
        6,
        id_column="store",
        output=Quantiles([0.1, 0.9]),
        network=RecurrentNetwork(units=5),
        training=Training(epochs=7),
    )
    assert model.get_params() == expected.get_params()


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (options.number, "24", 24),
        (options.number, "0.25", 0.25),
        (options.number, 0.2, 0.2),  # the default, which typer passes on as it is
        (options.levels, "0.1,0.5", [0.1, 0.5]),
        (options.step, "7", 7),
        (options.step, "7D", "7D"),
    ],
)
def test_numbers_as_they_are_typed(parse, text, value):
    found = parse(text)
    assert found == value and type(found) is type(value)


def test_an_option_as_it_is_typed():
    assert options.typed("input_length") == "--input-length"
