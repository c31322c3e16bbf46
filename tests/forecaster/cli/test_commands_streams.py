"""The streams of a command line in a process of its own."""

import os
import subprocess
import sys
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


@pytest.mark.parametrize("words", [["datasets", "air_passengers"], ["fit", "--help"]])
def test_a_full_disk_behind_standard_output(words):
    with open("/dev/full", "w") as full:
        process = spawn(*words, stdout=full)
    _, err = process.communicate()
    assert (process.returncode, err) == (1, "Error: No space left on device.\n")


@pytest.mark.parametrize(
    ("name", "closed", "code"),
    [
        ("air_passengers", ">&-", 0),
        ("air", ">&- 2>&-", 1),
        ("air", "2> /dev/full", 1),
    ],
)
def test_streams_that_are_closed_or_full(name, closed, code):
    line = f"{sys.executable} -m forecaster datasets {name} {closed}"
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stdout + done.stderr


def test_the_end_of_a_pipe_after_a_line():
    line = f"{sys.executable} -m forecaster datasets air_passengers | head -n 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("month,passengers\n", "")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("forecaster pl", ["plot"]),
        ("forecaster fit --cell peep", ["peephole_lstm"]),
        ("forecaster search x --cells gru,coup", ["gru,coupled_lstm"]),
        ("forecaster search x --objective sM", ["sMAPE"]),
        ("forecaster backtest x --by s", ["series", "step"]),
        ("forecaster predict --missing", ["--missing-future"]),
        ("forecaster datasets air", ["air_passengers"]),
    ],
)
def test_the_shell_completes(typed, completed, tmp_path):
    """Without TensorFlow, which would make the Tab key wait."""
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('loaded')")
    asked = {"_FORECASTER_COMPLETE": "complete_bash", "PYTHONPATH": str(tmp_path)}
    asked |= {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    process = spawn(env=os.environ | asked)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.split() == completed


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
