"""Memory that repeated calls in one process leave behind, in MiB a call.

Each kind of call runs in a process of its own, after a few calls that do not count. "left" is what
stays when Python's garbage collector has run and the C library has given back what is free; "held"
is the growth before that. Memory is counted as Linux counts it (VmRSS).

    python benchmarks/memory_growth.py [--calls 30] [--cell gru] [--units 32] [--kind fit]

What grows, and why (TensorFlow 2.21, Keras 3.15; 8 calls, a GRU of 32 units: fit 15.2 held and 3.2
left, update 10.1 and 3.3, save 3.8 and 1.2, load 1.4 and .2; most of what is left comes first, and
fits that are collected one by one leave 1.1 to 1.4 each):

* Held is garbage: a Keras model, its graphs and the code that XLA compiled for its training step
  refer to each other in circles, 30 MiB a fit. Python's collector counts objects, not bytes: it
  frees them after about five fits. Call `gc.collect()` where memory is short.
* A fitted forecaster holds its model and forward pass, 6 MiB. The compiled training step, 30 MiB
  more, is dropped at the end of a fit (`train_function = None`).
* TensorFlow keeps the graph around each `tf.custom_gradient` as long as the process lives. Keras's
  optimizers use one to sum gradients over replicas: `AveragedAdam` leaves it out on one device
  (update of the smallest network: 3.3 left before, 1.0 after). The gated layers use one too, now
  one for each formula and shape (a fit of a `peephole_lstm` of 32 units: 28 before, 6 after, and
  2.2 s of CPU time instead of 3.5).
* The rest is TensorFlow's: the Python function of each `tf.data` pipeline, and its tables of
  functions. Saves, loads and copies leave next to nothing.
"""

import argparse
import copy
import ctypes
import gc
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

KINDS = ("fit", "update", "save", "load", "predict", "deepcopy")
WARM_UP = 3  # calls
MIB = 1024  # kB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--kind", choices=KINDS, help="measure this kind of call only, in here")
    options = parser.parse_args()
    if options.kind is not None:
        measure(options.kind, options.calls, options.cell, options.units)
        return
    print(f"{options.calls} calls, {options.cell} of {options.units} units, MiB a call")
    print(f"{'call':<10}{'held':>8}{'left':>8}")
    for kind in KINDS:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--kind", kind], check=True)


def measure(kind: str, calls: int, cell: str, units: int) -> None:
    from forecaster import Forecaster, RecurrentNetwork, Training

    def new_forecaster():
        return Forecaster(
            7,
            28,
            network=RecurrentNetwork(cell, units=units),
            training=Training(epochs=1, refit=False),
        )

    days = pd.date_range("2024-01-01", periods=205)
    wave = np.sin(2 * np.pi * np.arange(205) / 7) + np.random.default_rng(0).normal(0, 0.1, 205)
    frame = pd.DataFrame({"y": 10 + wave}, index=days)
    model = new_forecaster().fit(frame[:200], verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "artifact"
        model.save(path)
        call = {
            "fit": lambda: new_forecaster().fit(frame, verbose=0),
            "update": lambda: copy.copy(model).update(frame),
            "save": lambda: model.save(path, overwrite=True),
            "load": lambda: Forecaster.load(path),
            "predict": lambda: model.predict(frame),
            "deepcopy": lambda: copy.deepcopy(model),
        }[kind]
        for _ in range(WARM_UP):
            call()
        before = left()
        for _ in range(calls):
            call()
        held = resident()
        print(f"{kind:<10}{(held - before) / calls:>8.2f}{(left() - before) / calls:>8.2f}")


def left() -> float:
    """MiB that this process holds when all that is free was given back."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return resident()


def resident() -> float:
    """MiB that this process holds."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / MIB


if __name__ == "__main__":
    main()
