"""The facts of the catalog are complete and do not contradict each other."""

import hashlib

import pandas as pd
import pytest

from forecaster.datasets.catalog import CATALOG
from forecaster.datasets.files import BundledFile


def test_no_two_files_share_a_name_in_the_cache_or_a_hash():
    files = [file for dataset in CATALOG.values() for file in dataset.files if dataset.urls]
    assert len({file.name.lower() for file in files}) == len(files)
    assert len({file.sha256 for file in files}) == len(files)
    assert all(len(bytes.fromhex(file.sha256)) == hashlib.sha256().digest_size for file in files)


def test_only_datasets_of_train_and_test_files_have_a_split():
    assert {name for name, dataset in CATALOG.items() if dataset.has_split} == {
        name for name, dataset in CATALOG.items() if len(dataset.files) == 2
    }


@pytest.mark.parametrize("name", CATALOG)
def test_facts_of_a_dataset(name):
    dataset = CATALOG[name]
    assert dataset.files
    assert bool(dataset.urls) != any(isinstance(file, BundledFile) for file in dataset.files)
    assert len(set(dataset.columns)) == len(dataset.columns)
    assert dataset.horizon >= 1
    assert dataset.season_length >= 1
    assert dataset.freq == 1 or pd.tseries.frequencies.to_offset(dataset.freq) is not None
    assert dataset.description
    assert dataset.size
    assert dataset.licence
