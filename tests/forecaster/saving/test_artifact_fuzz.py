"""Mutated artifacts are refused in one way, or do no harm: see tests/helpers/fuzz_artifacts.py."""

import pytest

from tests.helpers.artifact_mutations import ARRAYS, DOCUMENTS, FILES, TEXTS
from tests.helpers.fuzz_artifacts import fuzz, table

# They change what is hashed, so that nothing is built of it.
REFUSED_AT_ONCE = [change.__name__ for change in (*FILES, *ARRAYS, *DOCUMENTS, *TEXTS)]


@pytest.mark.slow
def test_every_kind_of_mutation(tmp_path):
    rows, faults = fuzz(len(REFUSED_AT_ONCE), 0, tmp_path, REFUSED_AT_ONCE)
    assert not faults, "\n".join([table(rows), *faults])
    assert sum(row["outcomes"]["refused"] for row in rows.values()) >= len(REFUSED_AT_ONCE) - 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of forecasts from changed weights, and of double names
def test_five_hundred_mutations(tmp_path):
    rows, faults = fuzz(500, 1, tmp_path)
    assert not faults, "\n".join([table(rows), *faults])
