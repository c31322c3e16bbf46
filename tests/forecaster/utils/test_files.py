"""Files that are whole at every moment, also when writing them fails."""

import hashlib
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from forecaster.utils.files import read_arrays, reserve_folder, sha256, write_arrays, write_whole

ARRAYS = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.array(7, np.int64),
    "empty": np.zeros((0, 2)),
    "nan": np.array([math.nan, -math.inf]),
    "seed": np.array([1, 2**32 - 1], np.uint32),
}


def test_write_whole_writes_all(tmp_path):
    for content in (b"first", b"", b"third " * 100_000):
        write_whole(tmp_path / "file", lambda stream, content=content: stream.write(content))
        assert (tmp_path / "file").read_bytes() == content
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("kept", [b"old", None])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, kept):
    path = tmp_path / "file"
    if kept is not None:
        path.write_bytes(kept)

    def fail(stream):
        stream.write(b"new " * 100_000)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_whole(path, fail)
    assert os.listdir(tmp_path) == ([] if kept is None else ["file"])
    assert kept is None or path.read_bytes() == kept


def test_a_kill_while_writing_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    script = (
        "import os, signal, sys, pathlib\n"
        "from forecaster.utils.files import write_whole\n"
        "def write(stream):\n"
        "    stream.write(b'new ' * 100_000)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole(pathlib.Path(sys.argv[1]), write)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, path], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_arrays_come_back_in_their_order(tmp_path):
    note = {"history": [1.5, 1 / 3, math.inf], "text": "Grüße", "none": None}
    write_arrays(tmp_path / "file.npz", ARRAYS, note)
    arrays, found = read_arrays(tmp_path / "file.npz")
    assert found == note
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_no_pickle_goes_in_or_out(tmp_path):
    with pytest.raises(ValueError, match=r"nothing is pickled\. Received: 'a' of"):
        write_arrays(tmp_path / "file.npz", {"a": np.array([{}], object)})
    assert os.listdir(tmp_path) == []
    np.savez(tmp_path / "file.npz", a=np.array([{}], object), note=np.frombuffer(b"0", np.uint8))
    with pytest.raises(ValueError, match=r"The file '.*file.npz' is damaged: .* Delete it."):
        read_arrays(tmp_path / "file.npz")


def test_damage_is_said_or_does_no_harm(tmp_path):
    path = tmp_path / "file.npz"
    write_arrays(path, ARRAYS, {"epochs": 3})
    whole, damaged = path.read_bytes(), 0
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            arrays, note = read_arrays(path)
        except ValueError as error:
            assert str(error).startswith(f"The file {str(path)!r} is damaged: ")
            damaged += 1
        else:
            assert note == {"epochs": 3}
            for name, array in ARRAYS.items():
                np.testing.assert_array_equal(arrays[name], array)
    assert damaged > len(whole) / 2
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is damaged"):
            read_arrays(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "file.npz")


def test_sha256_is_that_of_the_content(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    assert sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_another_work_in_the_folder_is_refused(tmp_path):
    def reserve(identity):
        return reserve_folder(folder, identity, argument="resume_dir", kind="fit")

    identity = {"horizon": 3, "training": {"epochs": 2}, "data": "abc"}
    folder = tmp_path / "deep" / "folder"
    assert reserve(identity) == folder
    os.utime(folder / "fit.json", (1, 1))
    assert reserve(dict(identity)) == folder
    assert (folder / "fit.json").stat().st_mtime == 1
    message = r"`resume_dir` must be empty or hold this fit. Received: .* differs in horizon, data."
    with pytest.raises(ValueError, match=message):
        reserve(identity | {"horizon": 4, "data": "abd"})
    with pytest.raises(ValueError, match=r"differs in seed. Choose another folder."):
        reserve(identity | {"seed": 0})
    for content in (b"", b"{", b"3", b"\xff\xfe", b'["a"]'):
        (folder / "fit.json").write_bytes(content)
        with pytest.raises(ValueError, match=r"whose file .fit.json. is damaged. Delete"):
            reserve(identity)
