"""Tables that lie on disk although they are tiny."""

from contextlib import contextmanager

import pytest

from forecaster.data import covariates as table_covariates
from forecaster.data import disk_arrays, ragged, table_json
from forecaster.data import parquet as parquet_folder


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
