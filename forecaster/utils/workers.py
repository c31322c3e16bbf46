"""How a process of a search begins: silently, with its GPU or its share of the cores."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import parent_process

from joblib import cpu_count

from forecaster.utils.processes import held_back_stderr


def start_worker(number: int, workers: int) -> None:
    """Begin a process that is one of several.

    Args:
        number: of the worker, from 0.
        workers: how many there are.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once, without a traceback
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with held_back_stderr():  # TensorFlow's greetings
        import tensorflow as tf

        import forecaster.search.fold_task  # noqa: F401 - what the tasks are made of

        gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        tf.config.set_visible_devices(gpus[number % len(gpus)], "GPU")
        return
    threads = max(cpu_count() // workers, 1)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for tasks for ever."""
    parent_process().join()
    os._exit(1)
