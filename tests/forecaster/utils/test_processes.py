"""Workers begin silently, with a GPU or a share of the cores, and end with their parent."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from queue import SimpleQueue

import pytest
import tensorflow as tf
from joblib import cpu_count

from forecaster.utils import processes
from forecaster.utils.executors import WorkerSlot, run_all, spawned
from forecaster.utils.processes import held_back_stderr, start_worker

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


@pytest.mark.slow
def test_a_process_is_quiet_until_its_work_begins(tmp_path):
    """It imports the script of its parent, as TensorFlow is imported by most."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stderr == "import work end"


@pytest.mark.slow
def test_a_worker_has_its_share_of_the_cores_and_says_nothing(capfd):
    with WorkerSlot(partial(spawned, 1, first=1, of=2)) as slot:
        intra = slot.submit(tf.config.threading.get_intra_op_parallelism_threads).result()
        inter = slot.submit(tf.config.threading.get_inter_op_parallelism_threads).result()
    assert intra == inter == max(cpu_count() // 2, 1)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("number", "gpu"), [(0, "GPU:0"), (1, "GPU:1"), (2, "GPU:0")])
def test_a_worker_has_a_gpu_of_its_own(number, gpu, monkeypatch):
    visible = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0", "GPU:1"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *args: visible.append(args))
    monkeypatch.setattr(processes, "_end_with_parent", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda *args: None)
    numbers = SimpleQueue()
    numbers.put(number)
    start_worker(numbers, 3)
    assert visible == [(gpu, "GPU")]


@pytest.mark.slow
def test_every_process_of_a_pool_has_its_share_and_a_number_of_its_own():
    """Those of a backtest as those of a search: no process takes all cores."""
    tasks = [tf.config.threading.get_intra_op_parallelism_threads] * 4
    assert run_all(tasks, 2) == [max(cpu_count() // 2, 1)] * 4


ORPHAN = """
import os, time
from forecaster.utils.executors import spawned
if __name__ == "__main__":
    executor = spawned(1)
    print(executor.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_worker_ends_with_its_parent(tmp_path):
    """One whose parent was killed would wait for ever, with a gigabyte of memory."""
    script = tmp_path / "parent.py"
    script.write_text(ORPHAN)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        os.kill(worker, 0)  # it is there
        parent.kill()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("The worker lives on.")
