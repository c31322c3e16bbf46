"""Constructors show and accept every argument by name, with the defaults that hold."""

import inspect
import re
import typing

import keras
import pytest

import custom_layers
from custom_layers import (
    LSTM1997,
    LinearCandidateLSTM,
    PeepholeLSTM,
    PeepholeLSTMCell,
    ProjectedLSTM,
)
from custom_layers.squashing import squash_candidate, squash_output

PUBLIC = [getattr(custom_layers, name) for name in custom_layers.__all__]
CLASSES = [public for public in PUBLIC if isinstance(public, type)]
each_class = pytest.mark.parametrize("tested", CLASSES, ids=lambda tested: tested.__name__)
# None stands for a value that depends on `units` or on the gates that the class has.
RESOLVED = {"name", "dtype", "projection_units", "peepholes"}


def defaults(tested):
    """The defaults that the signature shows, by name; `units` has none."""
    parameters = dict(inspect.signature(tested).parameters)
    assert parameters.pop("units").default is inspect.Parameter.empty
    return {name: parameter.default for name, parameter in parameters.items()}


def documented(tested):
    """The names in the section `Args:` of a docstring, where "a, b: ..." documents both."""
    (section,) = re.findall(r"(?ms)^Args:\n(.*?)\n\n", inspect.cleandoc(tested.__doc__))
    headings = re.findall(r"^    (\w[\w, \n]*?):", section, re.MULTILINE)
    return [name for heading in headings for name in re.split(r",\s*", heading)]


@each_class
def test_every_argument_has_a_name_of_its_own(tested):
    parameters = inspect.signature(tested).parameters
    kinds = {name: parameter.kind for name, parameter in parameters.items()}
    assert kinds.pop("units") is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(kinds.values()) == {inspect.Parameter.KEYWORD_ONLY}


@each_class
def test_names_are_those_of_the_docstring(tested):
    names = documented(tested)
    assert len(names) == len(set(names))
    assert set(names) == set(inspect.signature(tested).parameters)


@each_class
def test_shown_defaults_are_accepted_and_those_of_an_instance_made_without(tested):
    shown = defaults(tested)
    without = tested(5, name="same").get_config()
    assert tested(5, **shown | {"name": "same"}).get_config() == without
    for name, default in shown.items():
        if name in RESOLVED:
            assert default is None
        elif name == "activity_regularizer":
            assert default is without.get(name)
        elif isinstance(default, str) and isinstance(without[name], dict):
            assert without[name] == keras.initializers.serialize(keras.initializers.get(default))
        elif callable(default):
            assert keras.activations.deserialize(without[name]) is default
        else:
            assert without[name] == default


@each_class
def test_what_type_checkers_see_is_what_the_signature_shows(tested):
    parameters = inspect.signature(tested.__init__).parameters.values()
    names = {parameter.name for parameter in parameters}
    (rest,) = (parameter for parameter in parameters if parameter.kind is parameter.VAR_KEYWORD)
    (arguments,) = typing.get_args(rest.annotation)
    assert (names - {"self", rest.name}).isdisjoint(arguments.__annotations__)
    seen = (names - {"self", rest.name}) | set(arguments.__annotations__)
    assert seen == set(inspect.signature(tested).parameters)


@each_class
def test_a_wrong_name_is_refused(tested):
    with pytest.raises(ValueError, match=r"Unrecognized keyword arguments .*peephole"):
        tested(4, peephole=("output",))


def test_defaults_are_those_of_the_class():
    assert defaults(PeepholeLSTM)["activation"] == "tanh"
    assert defaults(PeepholeLSTM)["truncate_gradient"] is False
    assert defaults(LSTM1997)["activation"] is squash_candidate
    assert defaults(LSTM1997)["output_activation"] is squash_output
    assert defaults(LSTM1997)["truncate_gradient"] is True
    assert defaults(LinearCandidateLSTM)["activation"] == "linear"
    assert defaults(LinearCandidateLSTM)["output_activation"] == "tanh"
    assert defaults(ProjectedLSTM)["projection_units"] is None


def test_arguments_of_ones_own_are_shown_without_any_annotation():
    class OwnCell(PeepholeLSTMCell):
        activations: typing.ClassVar = {"activation": "relu"}

        def __init__(self, units, *, own=3, **others):
            super().__init__(units, **others)
            self.own = own

    class Own(PeepholeLSTM):
        cell_class = OwnCell

        def __init__(self, *args, also=4, **others):
            super().__init__(*args, **others)

    for tested in (OwnCell, Own):
        shown = defaults(tested)
        assert shown["own"] == 3
        assert shown["activation"] == shown["output_activation"] == "relu"
        assert set(defaults(PeepholeLSTMCell)) < set(shown)
    assert defaults(Own)["also"] == 4
    assert Own(2, own=5).cell.own == 5


def test_an_instance_has_the_signature_of_a_call():
    layer = PeepholeLSTM(3)
    assert not hasattr(layer, "__signature__")
    assert "units" not in inspect.signature(layer).parameters
