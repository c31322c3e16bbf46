"""Processes of a search begin silently, with a GPU or a share of the cores, and end with it."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
import tensorflow as tf
from joblib import cpu_count

from forecaster.utils import workers
from forecaster.utils.executors import Here, Slot, spawned
from forecaster.utils.workers import start_worker


def test_a_worker_has_its_share_of_the_cores_and_says_nothing(capfd):
    with Slot(partial(spawned, 1, partial(start_worker, 1, 2))) as slot:
        intra = slot.submit(tf.config.threading.get_intra_op_parallelism_threads).result()
        inter = slot.submit(tf.config.threading.get_inter_op_parallelism_threads).result()
    assert intra == inter == max(cpu_count() // 2, 1)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("number", "gpu"), [(0, "GPU:0"), (1, "GPU:1"), (2, "GPU:0")])
def test_a_worker_has_a_gpu_of_its_own(number, gpu, monkeypatch):
    visible = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0", "GPU:1"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *args: visible.append(args))
    monkeypatch.setattr(workers, "_end_with_parent", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda *args: None)
    start_worker(number, 3)
    assert visible == [(gpu, "GPU")]


def test_a_slot_makes_its_executor_anew_after_its_lifetime():
    slot, seen = Slot(partial(spawned, 1), lifetime=2), []
    with slot:
        seen += [slot.submit(os.getpid).result() for _ in range(5)]
    assert seen[0] == seen[1] != seen[2] == seen[3] != seen[4]
    assert os.getpid() not in seen


def test_a_slot_survives_the_death_of_its_worker():
    with Slot(partial(spawned, 1)) as slot:
        first = slot.submit(os.getpid).result()
        assert slot.submit(partial(os._exit, 3)).exception() is not None
        assert slot.submit(os.getpid).result() not in (first, os.getpid())


def test_here_runs_at_once():
    with Slot(Here) as slot:
        future = slot.submit(threading.get_ident)
        assert future.done()
        assert future.result() == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            slot.submit(lambda: 1 / 0)


ORPHAN = """
from functools import partial
import os, time
from forecaster.utils.executors import spawned
from forecaster.utils.workers import start_worker
if __name__ == "__main__":
    executor = spawned(1, partial(start_worker, 0, 1))
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
