"""A folder of Parquet files is the frame of all their rows: `read_frame` is the reference."""

import sys
import tempfile
import warnings
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.disk_arrays import is_on_disk
from forecaster.data.parquet import parquet_columns, read_parquet
from forecaster.data.reading import Reading
from forecaster.data.table_json import table_sha256
from tests.helpers.panel_rows import TARGETS, examples, quiet, random_rows
from tests.helpers.small_memory import EVERYTHING, KEYS, SPANS, read_rows, small_memory, write_files
from tests.helpers.tables import assert_same_table, days, ramp, read


def with_warnings(read, *args):
    """What is read, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = read(*args)
    return table, [str(warning.message) for warning in caught]


@st.composite
def panels(draw):
    """Ids of texts, integers or categories, with rows missing; some categories are of some ids."""
    spans = st.tuples(st.integers(0, 99), st.integers(1, 30))
    rows = random_rows(draw(st.integers(0, 99)), draw(st.lists(spans, min_size=2, max_size=6)), 0.3)
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    labels = generator.permutation(rows["id"].unique())
    rows["k"] = rows["k"].where(rows["id"] != labels[0], "of " + labels[0])
    rows["p"] = rows["p"].where(rows["id"] != labels[-1])
    rows["g"] = rows["g"].where(rows["id"] != labels[-1], None)
    rows["c"] = rows["id"].map(dict.fromkeys(labels[1:], "x"))
    rows = rows[(generator.random(len(rows)) < 0.9) | ~rows.duplicated("id")]
    kind = draw(st.sampled_from(["texts", "integers", "categories"]))
    if kind == "integers":
        numbers = generator.permutation(len(labels)).astype(np.int32)
        rows["id"] = rows["id"].map(dict(zip(labels, numbers, strict=True)))
    if kind == "categories":
        rows["k"] = rows["k"].astype("category")
    rows["t"] = rows["t"].dt.tz_localize(draw(st.sampled_from([None, "UTC", "Europe/Berlin"])))
    return rows.reset_index(drop=True)


@given(panels(), st.sampled_from(["mixed", "id", "hive"]), st.sampled_from([1, 20, 10**4]))
@examples(30)
def test_a_folder_is_the_frame_of_its_rows(rows, how, values):
    reading = EVERYTHING
    with tempfile.TemporaryDirectory() as folder, small_memory(values * 10):
        write_files(rows, Path(folder), how)
        if not rows[TARGETS].notna().any(axis=None):
            return
        expected, warned = with_warnings(read_rows, rows)
        found, also_warned = with_warnings(read_parquet, folder, reading)
        assert table_sha256(found) == table_sha256(expected)
    assert_same_table(expected, found)
    assert found.ids.dtype == expected.ids.dtype
    assert not found.values.flags.writeable
    np.testing.assert_array_equal(found.offsets, expected.offsets)
    assert also_warned == warned
    if values == 1 and len(expected.ids) > 1:
        assert is_on_disk(found.values)
        assert is_on_disk(found.future_covariates.values)
        assert is_on_disk(found.weights)


def test_one_file_may_hold_all(tmp_path):
    rows = random_rows(0, SPANS, 0.3)
    rows.to_parquet(tmp_path / "rows.parquet")
    for path in (tmp_path / "rows.parquet", str(tmp_path)):
        assert_same_table(read_rows(rows), read_parquet(path, EVERYTHING))
        with small_memory():
            assert_same_table(read_rows(rows), read_parquet(path, EVERYTHING))


def test_every_numeric_column_is_a_target_and_warned_of_once(tmp_path):
    rows = random_rows(0, SPANS, 0.0)
    reading = Reading(**KEYS)
    expected, warned = with_warnings(read_rows, rows, reading)
    assert len(warned) == 1
    with small_memory():
        found, also_warned = with_warnings(read_parquet, write_files(rows, tmp_path), reading)
    assert also_warned == warned
    assert_same_table(expected, found)
    assert list(found.targets) == ["y", "z", "p", "f", "w", "s"]


def test_only_columns_that_are_asked_for_are_read(tmp_path):
    """The file of another kind, and the one without the column, do not matter."""
    rows = random_rows(0, SPANS, 0.0)[["id", "t", "y"]]
    for n, (_, own) in enumerate(rows.groupby("id")):
        if n < 3:
            own = own.assign(other=[1.0, "text"][n % 2])
        own.to_parquet(tmp_path / f"{n}.parquet")
    reading = Reading(target="y", **KEYS)
    assert_same_table(read_rows(rows, reading), read_parquet(tmp_path, reading))
    assert parquet_columns(tmp_path) == ["id", "t", "y", "other"]


def test_files_may_have_kinds_that_go_together(tmp_path):
    """Whole numbers here and fractions there; a column that nobody filled in."""
    rows = random_rows(0, SPANS, 0.0)[["id", "t", "y", "k"]].assign(b=True)
    parts = []
    for n, (_, own) in enumerate(rows.groupby("id")):
        own = own.assign(y=own["y"].round(), k=None) if n < 2 else own
        own = own.astype({"y": int}) if n < 2 else own.assign(b=own["b"].mask(own["y"] > 0))
        own.to_parquet(tmp_path / f"{n}.parquet")
        parts.append(own.astype({"y": float, "b": "boolean"}))
    rows = pd.concat(parts)
    reading = Reading(target=["y", "b"], past_covariates=["k"], **KEYS)
    with small_memory():
        found = read_parquet(tmp_path, reading)
    assert_same_table(read_rows(rows, reading), found)


def test_a_folder_without_ids_is_read_as_one_frame(tmp_path):
    frame = ramp(days(60))
    for n in range(3):
        frame.iloc[20 * n : 20 * n + 20].to_parquet(tmp_path / f"{n}.parquet")
    assert_same_table(read(frame), read_parquet(tmp_path, Reading()))
    rows = random_rows(0, SPANS, 0.0)[["id", "t", "y"]].set_index(["id", "t"])
    rows.to_parquet(tmp_path / "long.parquet")
    assert_same_table(read(rows), read_parquet(tmp_path / "long.parquet", Reading()))


def test_what_begins_with_a_dot_or_an_underscore_is_passed_over(tmp_path):
    rows = random_rows(0, SPANS, 0.0)
    write_files(rows, tmp_path)
    for name in ("_temporary/0.parquet", ".0.parquet", "readme.txt", "_SUCCESS"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no Parquet")
    assert_same_table(read_rows(rows), read_parquet(tmp_path, EVERYTHING))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.assign(id=rows["id"].where(rows.index != 5)), "none in column 'id' in"),
        (lambda rows: rows.assign(t=rows["t"].where(rows.index != 5)), "a time in every row"),
        (lambda rows: pd.concat([rows, rows.iloc[[30]]]), r"1 duplicated rows, at \('id1', 2024"),
        (lambda rows: rows.assign(w=-rows["w"]), "a weight of 0 or more in every row"),
        (lambda rows: rows.assign(w=0.0), "only 0 in column 'w'"),
        (lambda rows: rows.assign(y=np.nan, z=np.nan), "must hold at least one number"),
        (lambda rows: rows.assign(y=1e300), "finite numbers up to 1e100"),
        (lambda rows: rows.assign(s=rows["y"]), "must have one value for each id"),
        (lambda rows: rows.drop(columns="f"), "unknown f. The columns are id, t"),
        (lambda rows: rows.assign(y="text"), r"not numeric: 'y' \(str\)"),
        (lambda rows: rows.iloc[:0], r"must have rows and columns. Received: shape \(0, "),
    ],
)
def test_a_faulty_folder_is_reported_as_a_faulty_frame(change, message, tmp_path):
    rows = change(random_rows(0, SPANS, 0.0))
    with small_memory(), quiet():
        write_files(rows, tmp_path)
        with pytest.raises((ValueError, TypeError), match=message):
            read_parquet(tmp_path, EVERYTHING)
        if "none in column" not in message:  # which rows they are cannot be said of many files
            with pytest.raises((ValueError, TypeError), match=message):
                read_rows(rows)


def test_ids_of_which_some_have_no_value_or_no_weight_are_no_fault(tmp_path):
    rows = random_rows(0, SPANS, 0.0)
    rows.loc[rows["id"] != "id2", ["y", "z", "w"]] = [np.nan, np.nan, 0.0]
    with small_memory():
        found = read_parquet(write_files(rows, tmp_path), EVERYTHING)
    assert_same_table(read_rows(rows), found)


def test_the_step_is_found_in_the_first_ids(tmp_path):
    rows = random_rows(0, [(0, 24), (24, 20), (48, 12)], 0.0)
    reading = Reading(target="y", **KEYS)
    with small_memory():
        found = read_parquet(write_files(rows, tmp_path), reading)
        assert_same_table(read_rows(rows, reading), found)
        later = rows[rows["id"] == "id2"]
        rows.loc[later.index, "t"] += pd.to_timedelta(np.arange(len(later)), unit="h")
        write_files(rows, tmp_path)
        with pytest.raises(ValueError, match="`freq` must be a step that every time lies on"):
            read_parquet(tmp_path, reading)


@pytest.mark.parametrize(
    ("column", "values", "error", "message"),
    [
        ("y", "text", TypeError, r"values of one kind in a column. .*'y' as double in .*0.parquet"),
        ("k", 1.0, TypeError, r"values of one kind in a column. .*'k' as large_string in"),
        ("y", None, ValueError, r"columns in every file. Received: no 'y' in .*1.parquet. Add"),
    ],
)
def test_files_that_do_not_go_together(column, values, error, message, tmp_path):
    rows = random_rows(0, SPANS, 0.0)
    rows.iloc[:40].to_parquet(tmp_path / "0.parquet")
    other = rows.iloc[40:]
    other = other.drop(columns=column) if values is None else other.assign(**{column: values})
    other.to_parquet(tmp_path / "1.parquet")
    with pytest.raises(error, match=message):
        read_parquet(tmp_path, EVERYTHING)


def test_paths_where_no_files_are(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Received: '.*nowhere', where there is nothing"):
        read_parquet(tmp_path / "nowhere", EVERYTHING)
    (tmp_path / "rows.csv").write_text("id,t,y")
    with pytest.raises(FileNotFoundError, match=r"files that are called \*.parquet. Received: "):
        read_parquet(tmp_path, EVERYTHING)


@pytest.mark.parametrize("damaged", [0, 2])
def test_files_that_are_no_parquet(damaged, tmp_path):
    rows = random_rows(0, SPANS, 0.0)
    files = sorted(write_files(rows, tmp_path).iterdir())
    files[damaged].write_bytes(files[damaged].read_bytes()[:-9])
    for path in (tmp_path, files[damaged]):
        message = rf"`frame` must be the path of Parquet files.*{files[damaged].name}"
        with pytest.raises(ValueError, match=message):
            read_parquet(path, EVERYTHING)


def test_times_must_be_a_column_beside_ids(tmp_path):
    rows = random_rows(0, SPANS, 0.0)
    with pytest.raises(ValueError, match="`time_column` must be given for Parquet files"):
        read_parquet(write_files(rows, tmp_path), Reading(target="y", id_column="id"))


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = r"need the package `pyarrow`. .*pip install 'keras-forecaster\[parquet\]'"
    with pytest.raises(ImportError, match=message):
        read_parquet(tmp_path, EVERYTHING)


def test_a_column_may_be_decimal_in_one_file_and_a_float_in_another(tmp_path):
    decimals = [Decimal("1.5"), None, Decimal(3), Decimal(4)]
    frame = pd.DataFrame({"id": "a", "t": days(4), "y": decimals, "p": decimals[::-1]})
    frame.to_parquet(tmp_path / "a.parquet")
    floats = frame.assign(id="b", y=[1.0, 2, 3, 4], p=[4, 3, 2, 1])
    floats.to_parquet(tmp_path / "b.parquet")
    for target in (None, "y"):
        reading = Reading(target, id_column="id", time_column="t", past_covariates=["p"])
        table = read_parquet(tmp_path, reading)
        np.testing.assert_array_equal(table.values, [[1.5, np.nan, 3, 4, 1, 2, 3, 4]])
        np.testing.assert_array_equal(
            table.past_covariates.values, [[4, 3, np.nan, 1.5, 4, 3, 2, 1]]
        )
        assert table.past_covariates.categories == (None,)
