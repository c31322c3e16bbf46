"""Files that no writer of ours made: refused at once, and before memory is taken for them."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from forecaster.utils import files
from forecaster.utils.files import json_in, open_regular, read_arrays, read_json, write_arrays


def test_only_regular_files_are_opened(tmp_path):
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"text"
    with pytest.raises(ValueError, match="is a link"):
        open_regular(tmp_path / "link", follow_links=False)
    for other in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises((ValueError, IsADirectoryError), match=r"no regular file|Is a dir"):
            open_regular(other)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"{}", {}),
        ('{"\u00e4": [1, 2.5, null, true]}'.encode(), {"\u00e4": [1, 2.5, None, True]}),
        (b"18446744073709551616", 2**64),
        (b"[-1e308]", [-1e308]),
    ],
)
def test_json_is_parsed(content, value):
    assert json_in(content) == value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 10**6,
        b'{"a":' * 10**6,
        b'{"a": 1, "a": 2}',
        b'[{"b": {"a": 1, "a": 1}}]',
        b"1e400",
        b"[-1e999]",
        b"18446744073709551617",
        b"9" * 10**6,
        b"-" + b"9" * 5000,
        b'"\xff"',
        b'"\xe4"',
        "{}".encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"{}\0",
        b"'a'",
        b"[1,]",
    ],
)
def test_what_is_no_json_of_ours(content):
    with pytest.raises(ValueError, match=r"is no JSON of ours \(\w+: .{1,250}\)$"):
        json_in(content)


def test_json_of_too_many_bytes_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", 10**10)  # which takes no room on the disk
    with pytest.raises(ValueError, match="has 10000000000 bytes, more than"):
        read_json(tmp_path / "file")
    monkeypatch.setattr(files, "LARGEST_JSON", 4)
    (tmp_path / "file").write_text("[12]")
    assert read_json(tmp_path / "file") == [12]


def written(tmp_path):
    """A file of arrays, and what is in it."""
    file = tmp_path / "file.npz"
    write_arrays(file, {"a": np.arange(6.0), "b": np.ones((2, 3), np.float32)}, {"x": 1})
    with zipfile.ZipFile(file) as archive:
        return file, {name: archive.read(name) for name in archive.namelist()}


def array(header, content=b"", version=1):
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + content


HEADERS = {
    "giant": b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n",
    "negative": b"{'descr': '<f8', 'fortran_order': False, 'shape': (-6,)}\n",
    "smaller": b"{'descr': '<f8', 'fortran_order': False, 'shape': (5,)}\n",
    "objects": b"{'descr': '|O', 'fortran_order': False, 'shape': (6,)}\n",
    "records": b"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (6,)}\n",
    "nothing wide": b"{'descr': '<U0', 'fortran_order': False, 'shape': (10000000000,)}\n",
    "code": b"__import__('os').system('false')\n",
    "deep": b"(" * 9000,
    "no shape": b"{'descr': '<f8', 'fortran_order': False}\n",
}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_headers_that_the_bytes_do_not_bear_out(header, version, tmp_path):
    file, members = written(tmp_path)
    content = np.arange(6.0).tobytes() if header not in ("nothing wide",) else b""
    members["a.npy"] = array(HEADERS[header], content, version)
    with zipfile.ZipFile(file, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    with pytest.raises(ValueError, match=r"file.npz' is damaged: holds no arrays of ours"):
        read_arrays(file)


def test_archives_that_no_array_was_written_to(tmp_path):
    file, members = written(tmp_path)
    bomb = io.BytesIO()
    np.save(bomb, np.zeros(10**7, np.uint8))
    for changed, compression in [
        (members | {"a.npy": bomb.getvalue()}, zipfile.ZIP_DEFLATED),
        (members, zipfile.ZIP_BZIP2),
        (members | {"evil.py": b""}, zipfile.ZIP_STORED),
        ({"a.npy": members["a.npy"]}, zipfile.ZIP_STORED),  # without the metadata
        (members | {"note.npy": members["a.npy"]}, zipfile.ZIP_STORED),
    ]:
        with zipfile.ZipFile(file, "w", compression) as archive:
            for name, member in changed.items():
                archive.writestr(name, member)
        with pytest.raises(ValueError, match=r"is damaged: holds no arrays of ours .* Delete it\."):
            read_arrays(file)
    with zipfile.ZipFile(file, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for name in ("a.npy", "a.npy", "note.npy"):
            archive.writestr(name, members[name])
    with pytest.raises(ValueError, match="is damaged"):
        read_arrays(file)
