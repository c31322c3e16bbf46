"""A publisher on loopback and a cache of its own for every test: no test needs the network."""

import pooch
import pytest

from forecaster.datasets.local import LOCAL_DATA
from tests.helpers.publisher import running_publisher

pytest.register_assert_rewrite("tests.helpers.sequences")


@pytest.fixture
def publisher():
    with running_publisher() as publisher:
        yield publisher


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and nothing of the settings of the person who runs the tests."""
    directory = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda name: directory / name)
    monkeypatch.delenv(LOCAL_DATA, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return directory / "keras-forecaster"
