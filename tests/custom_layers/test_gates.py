"""Gates: layouts and biases by name, written down by hand for each kind of cell."""

import pytest

from custom_layers.gates import Gates

CELLS = {  # gates: blocks, names, remembering_bias, chrono_signs
    Gates(): (
        ("input", "forget", "candidate", "output"),
        ("input", "forget", "output"),
        {"forget": 1.0},
        {"input": -1.0, "forget": 1.0},
    ),
    Gates(coupled=True): (
        ("input", "candidate", "output"),
        ("input", "output"),
        {"input": -1.0},
        {"input": -1.0},
    ),
    Gates(open=("forget",)): (
        ("input", "candidate", "output"),
        ("input", "output"),
        {},
        {},
    ),
    Gates(open=("input",)): (
        ("forget", "candidate", "output"),
        ("forget", "output"),
        {"forget": 1.0},
        {"forget": 1.0},
    ),
    Gates(open=("output", "input")): (
        ("forget", "candidate"),
        ("forget",),
        {"forget": 1.0},
        {"forget": 1.0},
    ),
    Gates(coupled=True, open=("output",)): (
        ("input", "candidate"),
        ("input",),
        {"input": -1.0},
        {"input": -1.0},
    ),
}


@pytest.mark.parametrize(("gates", "expected"), CELLS.items(), ids=str)
def test_layout_and_biases(gates, expected):
    found = (gates.blocks, gates.names, gates.remembering_bias, gates.chrono_signs)
    assert found == expected


def test_names_are_put_in_order():
    gates = Gates(open=["output", "input"], peepholes={"forget"})
    assert gates.open == ("input", "output")
    assert gates.peepholes == ("forget",)
    assert gates == Gates(open=("input", "output"), peepholes=("forget",))


@pytest.mark.parametrize("argument", ["open", "peepholes"])
def test_bad_names(argument):
    for names in (["inptu"], ["candidate"], ["output", "output"], [None]):
        with pytest.raises(ValueError, match=f"`{argument}` must name gates out of"):
            Gates(**{argument: names})
    for names in ("output", 3, None):
        with pytest.raises(TypeError, match=f"`{argument}` must be a sequence of gate names"):
            Gates(**{argument: names})


def test_gates_that_do_not_stand_alone():
    with pytest.raises(ValueError, match=r"`open` must name gates out of \('output',\)"):
        Gates(coupled=True, open=("input",))
    with pytest.raises(ValueError, match=r"`peepholes` must name gates out of \('input', 'output'"):
        Gates(coupled=True, peepholes=("forget",))
