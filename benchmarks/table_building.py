"""Reading a long frame in no order: time beside pandas' sort of its rows, memory beside its size.

Each kind of ids runs in a process of its own. Its peak of memory while it reads holds the frame,
the libraries and all that `read_frame` makes; what the libraries take beforehand is taken off. Time
is the best of three, for the sort as for the reading. Memory is counted as Linux counts it.

    python benchmarks/table_building.py [--rows 10000000] [--ids 10000]
"""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.data.reading import Reading, read_frame

MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--ids", type=int, default=10_000)
    parser.add_argument("--kind", choices=("int", "str"), help="measure this kind of ids only")
    options = parser.parse_args()
    if options.kind is not None:
        measure(options.rows, options.ids, options.kind)
        return
    print(f"{options.rows:,} rows of {options.ids:,} ids, in no order")
    print(f"{'ids':<6}{'sort s':>9}{'read s':>9}{'ratio':>8}{'frame MiB':>11}{'peak':>8}")
    for kind in ("int", "str"):
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--kind", kind], check=True)


def long_frame(rows: int, ids: int, kind: str) -> pd.DataFrame:
    """Hours of every id, their rows shuffled."""
    order = np.random.default_rng(0).permutation(rows)
    series, step = order % ids, order // ids
    labels = pd.Index(range(ids) if kind == "int" else [f"shop {i:06}" for i in range(ids)])
    hours = pd.date_range("2020-01-01", periods=rows // ids + 1, freq="h")
    frame = {"id": labels[series], "time": hours[step], "y": (series + step).astype(np.float64)}
    return pd.DataFrame(frame)


def measure(rows: int, ids: int, kind: str) -> None:
    libraries = memory("VmRSS")
    frame = long_frame(rows, ids, kind)
    size = int(frame.memory_usage().sum())
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    reading = Reading(target="y", id_column="id", time_column="time")
    read = best(lambda: read_frame(frame, reading))
    used = memory("VmHWM") - libraries
    sort = best(lambda: frame.sort_values(["id", "time"]))
    print(
        f"{kind:<6}{sort:>9.2f}{read:>9.2f}{read / sort:>8.2f}{size / MIB:>11.0f}"
        f"{used / size:>8.2f}"
    )


def memory(name: str) -> int:
    """Bytes that this process holds (VmRSS), or has held at most (VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024


def best(call) -> float:
    def seconds():
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return min(seconds() for _ in range(3))


if __name__ == "__main__":
    main()
