"""Files and saved models that tests of the command line share."""

import pytest

from tests.helpers.command_line import (
    AIR,
    QUANTILES,
    SALES,
    SIMPLE,
    TINY,
    sales,
    settings_of_tensorflow,
    typed,
)


@pytest.fixture(scope="module", autouse=True)
def _settings_of_tensorflow():
    with settings_of_tensorflow():
        yield


@pytest.fixture(scope="session")
def air_csv(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "air.csv"
    AIR.to_csv(file)
    return file


@pytest.fixture(scope="session")
def saved(tmp_path_factory, air_csv):
    """A model that the command line fitted and saved."""
    model = tmp_path_factory.mktemp("models") / "model"
    typed("fit", air_csv, "--save", model, *TINY, *QUANTILES)
    return model


@pytest.fixture(scope="session")
def sales_csv(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "sales.csv"
    sales().to_csv(file, index=False)
    return file


@pytest.fixture(scope="session")
def saved_sales(tmp_path_factory, sales_csv):
    """A model of a long file, which needs future covariates."""
    model = tmp_path_factory.mktemp("models") / "model"
    out = typed("fit", sales_csv, "--save", model, *TINY, *QUANTILES, *SALES, *SIMPLE)
    assert out.endswith(f" predict {model} --missing-future\n")
    return model
