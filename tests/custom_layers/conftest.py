"""Fixtures `check_layer`, `check_variant`, `check_cell`: a test that uses one runs once a check."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    "tests.helpers.argument_checks",
    "tests.helpers.layer_checks",
    "tests.helpers.model_checks",
    "tests.helpers.reference_cells",
)

from tests.helpers import backends  # noqa: E402, asserts are rewritten
from tests.helpers.layer_checks import CELL_CHECKS, LAYER_CHECKS, VARIANT_CHECKS  # noqa: E402
from tests.helpers.reference_cells import ReferenceCell  # noqa: E402

# NumPy passes `copy` to `__array__`, which the variables of Keras and torch do not take yet.
NUMPY_COPY = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"

backends.prepare()


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings(NUMPY_COPY))


def _name(check):
    return check.__name__.removeprefix("check_")


def _runs(request):
    return lambda tested, **description: request.param(ReferenceCell(tested, **description))


@pytest.fixture(params=LAYER_CHECKS, ids=_name)
def check_layer(request):
    """Run all checks that a layer must pass."""
    return _runs(request)


@pytest.fixture(params=VARIANT_CHECKS, ids=_name)
def check_variant(request):
    """Run fewer checks, for a layer that differs only in its data from one that passes all."""
    return _runs(request)


@pytest.fixture(params=CELL_CHECKS, ids=_name)
def check_cell(request):
    """Run all checks that a cell must pass."""
    return _runs(request)
