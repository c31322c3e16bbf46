"""The streams of a command line in a process of its own."""

import os
from contextlib import suppress

import pytest

from tests.helpers.command_line import HORIZON, TINY, spawn


@pytest.mark.slow
def test_the_streams_of_a_real_process(saved, air_csv):
    process = spawn("predict", saved, air_csv)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith("month,passengers\n1961-01-01,") and out.count("\n") == 1 + HORIZON


def test_a_reader_that_goes_away():
    with spawn("datasets", "air_passengers") as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_start_that_fails_shows_all(air_csv, tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os; os.write(2, b'no such instruction'); raise ImportError('cannot be loaded')"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    process = spawn("fit", air_csv, "--save", tmp_path / "m", *TINY, env=environment)
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err == "no such instructionError: cannot be loaded\n"


@pytest.mark.slow
def test_a_terminal_shows_progress_and_no_noise(air_csv, tmp_path):
    ours, theirs = pytest.importorskip("pty").openpty()
    process = spawn("fit", air_csv, "--save", tmp_path / "model", *TINY, stderr=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # how Linux says that nobody holds the other end any more
        while part := os.read(ours, 1024):
            shown += part
    os.close(ours)
    out = process.communicate()[0]
    assert process.returncode == 0
    assert out.startswith("Fitted up to 1960-12-01, best epoch ") and out.count("\n") == 2
    for text in ("Loading TensorFlow", "Fitting", "validation", "seasonal naive"):
        assert text in shown.decode()
    for noise in ("oneDNN", "cuda", "XLA", "absl", "WARNING", "tensorflow/"):
        assert noise not in shown.decode()
