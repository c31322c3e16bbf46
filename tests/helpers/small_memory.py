"""Tables that lie on disk although they are tiny."""

from contextlib import contextmanager

import pytest

from forecaster.data import covariates as table_covariates
from forecaster.data import disk_arrays, ragged, table_json
from forecaster.data import parquet as parquet_folder
from forecaster.data.disk_arrays import is_on_disk
from forecaster.data.parquet import read_parquet
from forecaster.data.reading import Reading
from tests.helpers.panel_rows import ROLES, TARGETS, random_rows
from tests.helpers.tables import read

KEYS = {"id_column": "id", "time_column": "t"}
EVERYTHING = Reading(target=TARGETS, freq="D", weight_column="w", **KEYS, **ROLES)
SPANS = [(0, 24), (75, 20), (9, 12), (100, 30)]


@contextmanager
def small_memory(values=60):
    """So many values are read together meanwhile; half as many are looked at together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_folder, "BUCKET", values)
        patch.setattr(disk_arrays, "IN_MEMORY", 1)
        for module in (ragged, table_json, table_covariates):
            patch.setattr(module, "CHUNK", values // 2)
        yield


def write_files(rows, folder, how="mixed", files=3):
    """Rows as Parquet files: "mixed" over all, a file for each "id", or a "hive" of the ids."""
    folder.mkdir(parents=True, exist_ok=True)
    if how == "mixed":
        rows = rows.sample(frac=1, random_state=0)
        parts = {f"{n}.parquet": rows.iloc[n::files] for n in range(files)}
    elif how == "id":
        parts = {f"{n}.parquet": own for n, (_, own) in enumerate(rows.groupby("id"))}
    else:
        parts = {f"id={n}/0.parquet": own.drop(columns="id") for n, own in rows.groupby("id")}
    for name, part in parts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        part.to_parquet(folder / name)
    return folder


def read_rows(rows, reading=EVERYTHING):
    return read(rows, **vars(reading))


def both(tmp_path, seed=0, gaps=0.3):
    """The same panel in memory and on disk; to be called inside of `small_memory()`."""
    rows = random_rows(seed, SPANS, gaps)
    on_disk = read_parquet(write_files(rows, tmp_path / f"panel{seed}"), EVERYTHING)
    assert is_on_disk(on_disk.values)
    return read_rows(rows), on_disk
