"""One holder at a time, among threads and processes, also after one was killed."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from forecaster.utils.locks import locked

COUNT = """
import sys, pathlib
from forecaster.utils.locks import locked
path = pathlib.Path(sys.argv[1])
for _ in range(50):
    with locked(path):
        count = int(path.read_text())
        path.write_text(str(count + 1))
"""
HOLD = """
import sys, pathlib, time
from forecaster.utils.locks import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_processes_take_turns(tmp_path):
    path = tmp_path / "count"
    path.write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", COUNT, path]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert path.read_text() == "150"
    assert os.listdir(tmp_path) == ["count"]


def test_threads_take_turns(tmp_path):
    inside = []

    def hold(_):
        with locked(tmp_path / "it"):
            inside.append("in")
            time.sleep(0.005)
            assert len(inside) == 1
            inside.clear()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, range(12)))
    assert os.listdir(tmp_path) == []


def test_a_holder_that_was_killed_holds_no_more(tmp_path):
    path = tmp_path / "it"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(TimeoutError, match=r"another process or thread is writing\. Wait"),
            locked(path, longest_wait=0.05),
        ):
            pass
        process.kill()
    with locked(path, longest_wait=5):
        assert os.listdir(tmp_path) == [".it.lock"]
    assert os.listdir(tmp_path) == []


def test_an_error_releases_it(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError), locked(tmp_path / "it", longest_wait=0):
            raise KeyError
