"""A local file is recognised by its content, whatever its name and packing."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.datasets.local import LOCAL_DATA, find_local, open_unpacked

CONTENT = b"time,value\n2020-01-01,1\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for name, content in members.items():
            archive.writestr(f"folder/{name}", content)
    return packed.getvalue()


PACKERS = {
    "plain": bytes,
    "gz": lambda content: gzip.compress(content, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda content: zipped(only=content),
}


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setenv(LOCAL_DATA, str(tmp_path / "data"))
    (tmp_path / "data" / "deep" / "down").mkdir(parents=True)
    return tmp_path / "data"


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("name", ["a.csv", "b.bin", "unpacked.gz"])
def test_a_file_is_found_under_any_name_and_packing(directory, packing, name):
    (directory / "other.csv").write_bytes(b"something else")
    path = directory / "deep" / "down" / name
    path.write_bytes(PACKERS[packing](CONTENT))
    assert find_local(SHA256, "a.csv") == path
    with open_unpacked(path) as file:
        assert file.read() == CONTENT


@given(content=st.binary(max_size=300), packing=st.sampled_from(sorted(set(PACKERS) - {"plain"})))
def test_unpacking_gives_back_what_was_packed(tmp_path_factory, content, packing):
    path = tmp_path_factory.mktemp("packed") / "file"
    path.write_bytes(PACKERS[packing](content))
    with open_unpacked(path) as file:
        assert file.read() == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        CONTENT[:-1],
        gzip.compress(CONTENT, mtime=0)[:-9],
        b"\x1f\x8b and no gzip at all",
        b"BZh and no bzip2 at all",
        lzma.compress(CONTENT)[:-9],
        zipped(only=CONTENT)[:-9],
        zipped(),
        zipped(first=CONTENT, second=CONTENT),
        zipped(é=CONTENT).replace("é".encode(), b"\xff\xff"),
    ],
)
def test_damaged_and_ambiguous_files_are_passed_over(directory, content):
    (directory / "a.csv").write_bytes(content)
    assert find_local(SHA256, "a.csv") is None
    (directory / "z.csv").write_bytes(CONTENT)
    assert find_local(SHA256, "a.csv") == directory / "z.csv"


def test_a_file_that_changed_is_looked_at_again(directory):
    path = directory / "a.csv"
    path.write_bytes(CONTENT[::-1])
    assert find_local(SHA256, "a.csv") is None
    path.write_bytes(CONTENT)
    os.utime(path, ns=(0, 12345))  # the clock of some file systems is too coarse for a test
    assert find_local(SHA256, "a.csv") == path


def test_files_named_like_the_one_sought_are_looked_at_first(directory):
    likely = directory / "deep" / "jbrownlee_A.csv.gz"
    likely.write_bytes(gzip.compress(CONTENT))
    (directory / "0 copy").write_bytes(CONTENT)
    assert find_local(SHA256, "a.csv") == likely


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_not_opened(directory):
    os.mkfifo(directory / "a.csv")  # opening it would wait for ever
    assert find_local(SHA256, "a.csv") is None


def test_no_variable_means_no_local_file():
    assert find_local(SHA256, "a.csv") is None


def test_a_variable_that_names_no_directory_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(LOCAL_DATA, str(tmp_path / "nowhere"))
    expected = r"`KERAS_FORECASTER_DATA` must be a directory\. Received: .*nowhere'\. Create it"
    with pytest.raises(ValueError, match=expected):
        find_local(SHA256, "a.csv")
