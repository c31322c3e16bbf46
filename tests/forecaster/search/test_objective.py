"""Objectives: whichever score is minimized, less is better."""

import pytest

from forecaster.search.objective import Objective

SCORES = {"MAE": 4.0, "RMSE": 5.0, "MASE": 2.0, "skill": 0.25, "coverage": 0.7, "pinball": 1.0}


@pytest.mark.parametrize(
    ("names", "levels", "value"),
    [
        (("MAE",), (), 4.0),
        (("skill",), (), 0.75),
        (("MAE", "RMSE"), (), 4.5),
        (("MASE", "skill"), (), 1.375),
        (("pinball",), (0.5,), 1.0),
        (("coverage",), (0.1, 0.5, 0.9), 0.1),  # the nominal coverage is 0.8
        (("coverage",), (0.25, 0.75), 0.2),
    ],
)
def test_objectives_are_minimized(names, levels, value):
    assert Objective(names, levels).of(SCORES) == pytest.approx(value)


def test_objectives_have_names():
    assert str(Objective(("MASE",), ())) == "MASE"
    assert str(Objective(("MASE", "MAE"), ())) == "mean of MASE, MAE"


@pytest.mark.parametrize(
    ("names", "levels", "message"),
    [
        (("accuracy",), (), "`objective` must be one of 'MAE', .*Received: objective='accuracy'"),
        (("pinball",), (), "`objective` must be one of"),
        (("coverage",), (0.5, 0.9), "`objective` must be one of .*'pinball'. Received"),
        (("mase",), (), "Received: objective='mase'"),
        ((), (), "`objective` must name a score"),
    ],
)
def test_bad_objectives(names, levels, message):
    with pytest.raises(ValueError, match=message):
        Objective(names, levels)
