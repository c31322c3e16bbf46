"""Standard error is held back while TensorFlow greets, and nothing else is lost."""

import os
import subprocess
import sys

import pytest

from forecaster.utils.processes import held_back_stderr

SCRIPT = """
import os
from functools import partial
from forecaster.utils.executors import run_all

os.write(2, b"import ")
if __name__ == "__main__":
    run_all([partial(os.write, 2, b"work ")], 1)
    os.write(2, b"end")
"""


def test_stderr_is_held_back_unless_the_start_fails(capfd):
    with held_back_stderr():
        os.write(2, b"noise")
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError), held_back_stderr():
        os.write(2, b"what went wrong")
        _ = 1 / 0
    os.write(2, b", and on")
    assert capfd.readouterr().err == "what went wrong, and on"


def test_a_process_is_quiet_until_its_work_begins(tmp_path):
    """It imports the script of its parent, as TensorFlow is imported by most."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stderr == "import work end"
