"""Reader of Parquet files larger than memory, into a table whose arrays are on disk.

    files  ->  rows of each id, counted
           ->  rows of a few ids together, in files of the temporary directory
           ->  tables of a few ids, one after another, each read as any frame is (reading.py)
           ->  one table (concat.py)

Memory holds the rows of a few ids at a time, whatever the order of the rows and wherever the files
begin and end; the disk holds all of them twice. The cost grows with the rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecaster.data.concat import concat_ids
from forecaster.data.frame_checks import encode
from forecaster.data.messages import shortlist
from forecaster.data.reading import Reading, check_whole, read_frame, read_part
from forecaster.data.series_table import SeriesTable
from forecaster.data.time_kinds import KnownTimes

if TYPE_CHECKING:
    from pyarrow import RecordBatch, Schema, Table
    from pyarrow.dataset import Dataset

BUCKET = 1 << 22  # values read at a time
_BATCH = 1 << 17  # rows of a file scanned at a time
_COUNTS = 64  # batches whose counts are added up at a time


def read_parquet(
    path: str | Path,
    reading: Reading,
    *,
    before: SeriesTable | None = None,
    known: KnownTimes | None = None,
) -> SeriesTable:
    """Read a Parquet file, or all those in a folder, as `read_frame` reads a frame of their rows.

    Folders called ``store=a`` give their files a column "store". Only the columns with a role are
    read. If columns of ids and of times are named, a few ids are read at a time, so that only all
    rows of one id must fit into memory; `freq` is inferred from the first of them. Otherwise the
    whole frame must fit into memory.

    Args:
        path: of a file, or of a folder with files that are called ``*.parquet``, also in folders
            of it. Names that begin with "." or "_" are ignored.
        reading: roles of the columns, and the step, as for `read_frame`.
        before: as for `read_frame`.
        known: the same.

    Raises:
        ImportError: if pyarrow is not installed.
        FileNotFoundError: if the path does not exist, or no such file is in the folder.
        TypeError, ValueError: as `read_frame`; and if a file is damaged or not Parquet, or a column
            is missing from a file, or of different kinds in two files.
        OSError: if the disk is full.

    Warns:
        FrameWarning: as `read_frame`.
    """
    files = _Files(Path(path))
    if reading.id_column is None:
        frame = _to_pandas(files.dataset().to_table())
        return read_frame(frame, reading, before=before, known=known)
    if reading.time_column is None:
        raise ValueError(
            "`time_column` must be given for Parquet files with a column of ids. Received: "
            "time_column=None. Name the column of times."
        )
    named = [label for labels in reading.roles.values() for label in labels]
    frame = files.empty_frame().drop(columns=files.index - set(named))
    reading.check(frame)
    targets = list(reading.targets_of(frame).columns)
    reading, columns = replace(reading, target=targets), named + targets
    dataset = files.dataset(columns)
    id_column = str(reading.id_column)  # names in Arrow are texts
    ids, buckets = _buckets(dataset, id_column, BUCKET // len(columns))
    if len(ids) == 0 or buckets[-1] == 0:
        frame = _to_pandas(dataset.to_table())
        return read_frame(frame, reading, before=before, known=known)
    missing = _MissingRows()
    with tempfile.TemporaryDirectory() as folder:
        _write_buckets(dataset, id_column, ids, buckets, Path(folder))
        tables = _tables(Path(folder), int(buckets[-1]) + 1, reading, missing, before, known)
        table = concat_ids(tables)
    check_whole(table, reading, missing.first, missing.count, before=before)
    return table


def parquet_columns(path: str | Path) -> list[str]:
    """Return the columns of Parquet files, those from the names of their folders included."""
    return list(_Files(Path(path)).types)


class _Files:
    """Parquet files at a path, with the schema that they share.

    Attributes:
        types: name of each column -> its type, from the first file where it is not null.
        index: columns that were an index when pandas wrote them.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            import pyarrow.dataset
        except ImportError as error:
            raise ImportError(
                f"Parquet files need the package `pyarrow`. Received: {str(path)!r}. Run: pip "
                f"install 'keras-forecaster[parquet]'"
            ) from error
        self._arrow, self._files = pyarrow, _files_at(path)
        self._base = path if path.is_dir() else path.parent
        try:
            found = self._open()
            self._schemas = {
                fragment.path: _without_dictionaries(fragment.physical_schema)
                for fragment in found.get_fragments()
            }
        except pyarrow.ArrowException as error:
            raise ValueError(
                f"`frame` must be the path of Parquet files. Received: {str(path)!r}. Read other "
                f"files yourself, e.g. by `pandas.read_csv`, and give the frame. ({error})"
            ) from error
        in_files = {name for schema in self._schemas.values() for name in schema.names}
        self._of_folders = {
            field.name: field.type
            for field in _without_dictionaries(found.schema)
            if field.name not in in_files
        }
        self.types: dict[str, Any] = {}
        for schema in self._schemas.values():
            for field in schema:
                if self._arrow.types.is_null(self.types.get(field.name, pyarrow.null())):
                    self.types[field.name] = field.type
        self.types |= self._of_folders
        self._metadata = found.schema.metadata
        index = (found.schema.pandas_metadata or {}).get("index_columns", [])
        self.index = {name for name in index if isinstance(name, str)} & self.types.keys()

    def empty_frame(self) -> pd.DataFrame:
        """Make a frame of all columns, without rows; decimals, objects in rows, are numbers."""
        number = self._arrow.float64()
        types = [(n, number if self._is_decimal(kind) else kind) for n, kind in self.types.items()]
        return _to_pandas(self._arrow.schema(types).empty_table())

    def dataset(self, columns: Collection[str] | None = None) -> Dataset:
        """Return the rows of all files, of these columns; None is all, and the index if any."""
        fields = [self._field(name) for name in (self.types if columns is None else columns)]
        metadata = self._metadata if columns is None else None
        return self._open(self._arrow.schema(fields, metadata))

    def _field(self, name: str) -> Any:
        """Unify the types of a column in all files."""
        if name in self._of_folders:
            return self._arrow.field(name, self._of_folders[name])
        lacking = [file for file, schema in self._schemas.items() if name not in schema.names]
        if lacking:
            raise ValueError(
                f"`frame` must have its columns in every file. Received: no {name!r} in "
                f"{shortlist(lacking)}. Add it to them, or do not name it."
            )
        fields = {schema.field(name).type: file for file, schema in self._schemas.items()}
        kinds = set(fields)
        if not all(self._is_decimal(kind) for kind in kinds):  # beside other numbers, they are such
            kinds = {self._arrow.float64() if self._is_decimal(k) else k for k in kinds}
        schemas = [self._arrow.schema([(name, kind)]) for kind in kinds]
        try:
            return self._arrow.unify_schemas(schemas, promote_options="permissive").field(name)
        except self._arrow.ArrowException as error:
            found = [f"{kind} in {file}" for kind, file in fields.items()]
            raise TypeError(
                f"`frame` must have values of one kind in a column. Received: {name!r} as "
                f"{shortlist(found)}. Write the files anew, with one of them."
            ) from error

    def _is_decimal(self, kind: Any) -> bool:
        return self._arrow.types.is_decimal(kind)

    def _open(self, schema: Schema | None = None) -> Dataset:
        """Open all files as one dataset; None infers its schema."""
        parquet = self._arrow.dataset
        # Prefetching of whole row groups helps with remote files only, and takes their memory.
        options = parquet.ParquetFragmentScanOptions(pre_buffer=False)
        return parquet.dataset(
            [str(file) for file in self._files],
            schema,
            format=parquet.ParquetFileFormat(default_fragment_scan_options=options),
            partitioning="hive",
            partition_base_dir=str(self._base),
        )


def _files_at(path: Path) -> list[Path]:
    """Return the file at a path, or the Parquet files of the folder there, sorted."""
    if path.is_file():
        return [path]
    if not path.exists():
        raise FileNotFoundError(
            f"`frame` must be a frame, or the path of Parquet files. Received: {str(path)!r}, "
            f"where there is nothing."
        )
    files = [
        file
        for file in sorted(path.rglob("*.parquet"))
        if not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    ]
    if not files:
        raise FileNotFoundError(
            f"`frame` must be a folder of files that are called *.parquet. Received: "
            f"{str(path)!r}, which has none."
        )
    return files


def _without_dictionaries(schema: Schema) -> Schema:
    """Replace dictionary types, whose codes differ between files, by the types of their values."""
    import pyarrow

    return pyarrow.schema(
        [
            field.with_type(field.type.value_type)
            if pyarrow.types.is_dictionary(field.type)
            else field
            for field in schema
        ]
    )


def _to_pandas(table: Table) -> pd.DataFrame:
    """Convert a table to pandas; booleans with missing values stay booleans."""
    import pyarrow

    return table.to_pandas(types_mapper={pyarrow.bool_(): pd.BooleanDtype()}.get)


def _buckets(dataset: Dataset, id_column: str, rows: int) -> tuple[pd.Index, np.ndarray]:
    """Return the sorted ids (I,), and the number of the bucket of each: increasing, from 0.

    A bucket has about this many rows, or all of one id.
    """
    found = _count_rows(dataset, id_column).to_pandas()
    missing = found["rows"][found["id"].isna()].sum()
    if missing:
        raise ValueError(
            f"`frame` must have an id in every row. Received: none in column {id_column!r} in "
            f"{missing} rows. Fill them in, or drop these rows."
        )
    codes, ids = encode(found["id"])
    counts = np.zeros(len(ids), np.int64)
    counts[codes] = found["rows"]
    before = np.cumsum(counts) - counts
    return ids, np.unique(before // max(rows, 1), return_inverse=True)[1]


def _count_rows(dataset: Dataset, id_column: str) -> Table:
    """Count the "rows" of each "id", which is None where it is missing."""
    import pyarrow

    def total(counts: list[Table]) -> Table:
        counted = pyarrow.concat_tables(counts).group_by("id").aggregate([("rows", "sum")])
        return counted.rename_columns(["id", "rows"])

    id_field = dataset.schema.field(id_column).with_name("id")
    counts = [pyarrow.schema([id_field, ("rows", pyarrow.int64())]).empty_table()]
    for batch in _batches(dataset, [id_column]):
        found = batch.column(0).value_counts()
        counts.append(pyarrow.table(found.flatten(), ["id", "rows"]))
        if len(counts) == _COUNTS:
            counts = [total(counts)]
    return total(counts)


def _batches(dataset: Dataset, columns: list[str]) -> Iterator[RecordBatch]:
    """Iterate over the rows of all files in batches."""
    # Threads that read ahead would fill the memory: all that follows is slower than they are.
    one_by_one = {"use_threads": False, "batch_readahead": 1, "fragment_readahead": 1}
    return dataset.to_batches(columns=columns, batch_size=_BATCH, **one_by_one)


def _write_buckets(
    dataset: Dataset, id_column: str, ids: pd.Index, buckets: np.ndarray, folder: Path
) -> None:
    """Append every row to the file of its bucket, which is a sequence of Arrow streams."""
    import pyarrow

    for batch in _batches(dataset, dataset.schema.names):
        own = batch.column(id_column).dictionary_encode()
        positions = ids.get_indexer(own.dictionary.to_pandas())
        bucket = buckets[positions][own.indices.to_numpy()]
        order = np.argsort(bucket, kind="stable")
        present, first = np.unique(bucket[order], return_index=True)
        for number, rows in zip(present, np.split(order, first)[1:], strict=True):
            with (
                (folder / str(number)).open("ab") as file,
                pyarrow.ipc.new_stream(file, batch.schema) as stream,
            ):
                stream.write_batch(batch.take(pyarrow.array(rows)))


def _read_bucket(file: Path) -> pd.DataFrame:
    """Read the rows of a bucket, and delete its file."""
    import pyarrow

    tables = []
    with pyarrow.OSFile(str(file)) as source:
        while source.tell() < source.size():
            tables.append(pyarrow.ipc.open_stream(source).read_all())
    file.unlink()
    return _to_pandas(pyarrow.concat_tables(tables))


class _MissingRows:
    """Count of the rows that the files lack, and the positions of the first five."""

    def __init__(self) -> None:
        self.count = 0
        self.first = np.empty(0, np.int64)

    def add(self, rows: np.ndarray, before: int) -> None:
        """Add the missing rows of a table that has this many rows before it."""
        self.count += len(rows)
        self.first = np.append(self.first, before + rows[:5])[:5]


def _tables(
    folder: Path,
    count: int,
    reading: Reading,
    missing: _MissingRows,
    before: SeriesTable | None,
    known: KnownTimes | None,
) -> Iterator[SeriesTable]:
    """Yield the table of every bucket; all have the step of the first."""
    rows = 0
    for number in range(count):
        bucket = _read_bucket(folder / str(number))
        table, missing_rows = read_part(bucket, reading, before=before, known=known)
        reading = replace(reading, freq=table.freq)
        missing.add(missing_rows, rows)
        rows += table.num_rows
        yield table
