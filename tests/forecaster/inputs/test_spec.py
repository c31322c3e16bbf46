"""Shapes of windows and kinds of covariates, as values that JSON holds."""

import dataclasses
import json

import numpy as np
import pytest

from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.inputs.spec import INPUT_OF_ROLE, NUMBER, UNSCALED, CovariateKinds, WindowSpec


def test_width_counts_all_outputs_of_a_step():
    assert WindowSpec(10, 5).width == 1
    assert WindowSpec(10, 5, channels=3, head_width=4).width == 12


def test_specs_are_values():
    spec = WindowSpec(10, 5, seed=3)
    assert spec == WindowSpec(10, 5, seed=3)
    assert hash(spec) == hash(WindowSpec(10, 5, seed=3))
    assert WindowSpec(**json.loads(json.dumps(dataclasses.asdict(spec)))) == spec
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.seed = 4


def test_every_role_has_an_input_whose_width_is_in_the_spec():
    assert [*INPUT_OF_ROLE] == [name.removesuffix("_covariates") for name in COVARIATE_ROLES]
    assert [*INPUT_OF_ROLE] == [field.name for field in dataclasses.fields(CovariateKinds)]
    assert {*INPUT_OF_ROLE.values()} <= {field.name for field in dataclasses.fields(WindowSpec)}


def test_kinds_are_integers_of_python():
    kinds = CovariateKinds(past=[np.int64(3), NUMBER], future=[UNSCALED], static=(np.int32(2),))
    assert kinds == CovariateKinds((3, 0), (-1,), (2,))
    assert CovariateKinds(**json.loads(json.dumps(dataclasses.asdict(kinds)))) == kinds
    assert hash(kinds) == hash(CovariateKinds((3, 0), (-1,), (2,)))


@pytest.mark.parametrize("role", ["past", "future", "static"])
@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (True, TypeError, r"must hold integers\. Received: True\."),
        (2.0, TypeError, r"must hold integers\. Received: 2\.0\."),
        ("3", TypeError, r"must hold integers\. Received: '3'\."),
        (-2, ValueError, r"must hold 0 for a number, -1 for an unscaled .*codes\. Received: -2\."),
    ],
)
def test_kinds_that_are_refused(role, kind, error, message):
    with pytest.raises(error, match=f"^`{role}` {message}$"):
        CovariateKinds(**{role: (NUMBER, kind)})
