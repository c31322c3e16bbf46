"""`check_layer` and `check_cell`: a test that calls one of them runs once for each check."""

import pytest

pytest.register_assert_rewrite(f"{__package__}.checks", f"{__package__}.judge")

from .checks import CELL_CHECKS, LAYER_CHECKS  # noqa: E402, once asserts are rewritten
from .judge import Member  # noqa: E402


def _name(check):
    return check.__name__.removeprefix("check_")


@pytest.fixture(params=LAYER_CHECKS, ids=_name)
def check_layer(request):
    return lambda layer, **description: request.param(Member(layer, **description))


@pytest.fixture(params=CELL_CHECKS, ids=_name)
def check_cell(request):
    return lambda cell, **description: request.param(Member(cell, **description))
