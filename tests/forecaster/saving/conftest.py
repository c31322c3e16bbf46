"""What the tests of artifacts share: two forecasters that are saved."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.tiny import waves, with_random_weights


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    """Two forecasters and where they are saved."""
    base = tmp_path_factory.mktemp("two")
    models = [with_random_weights(waves(), seed=seed) for seed in (0, 1)]
    folders = [base / "first", base / "second"]
    for model, folder in zip(models, folders, strict=True):
        model.save(folder)
    return models, folders


@pytest.fixture
def saved(two, tmp_path):
    """A copy of the first of the two, to be damaged."""
    (model, _), (folder, _) = two
    return model, Path(shutil.copytree(folder, tmp_path / "artifact"))
