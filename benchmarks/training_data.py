"""What the data cost: time of a training step's batch, and memory of a long frame.

Time: cutting one batch out of the stream ("data"), a training step of Keras's compiled `fit` on a
batch that is already there ("step", and the share of the one in the other), and a step of a fit on
the stream ("both", which overlap); windows of one long series, and 100 million of 100,000 series.
Memory: how much the process grows at most while a frame of 10 million rows is fitted, over the
frame itself and over what a fit of 10,000 rows takes, in units of the frame's float32 data.

    python benchmarks/training_data.py [--rows 10000000]
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster import Forecaster, RecurrentNetwork, Training
from forecaster.data.covariates import Covariates
from forecaster.data.reading import read_frame
from forecaster.data.series_table import SeriesTable
from forecaster.inputs.batches import TrainingCut, training_batches
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import Cutoffs, WindowSource

MIB = 2**20
STEPS = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows

    print(
        f"{'network':<20}{'windows':>13}{'length':>8}{'batch':>7}{'data ms':>9}{'step ms':>9}"
        f"{'both ms':>9}{'share':>8}"
    )
    default = RecurrentNetwork()
    lstm = RecurrentNetwork("lstm", units=32, encoder="steps", decoder="dense")
    one, many = read_frame(hours(20_000)), panel(100_000, 1_119)
    time_shares("default", default, one, input_length=288, horizon=96, batch_size=32)
    time_shares("default", default, many, input_length=288, horizon=96, batch_size=32)
    time_shares("lstm, step by step", lstm, one, input_length=96, horizon=24, batch_size=64)
    time_shares("lstm, step by step", lstm, many, input_length=96, horizon=24, batch_size=64)
    memory(rows)


def hours(rows: int) -> pd.DataFrame:
    """Repeat a noisy day, over and over."""
    noise = np.random.default_rng(0).normal(size=rows)
    index = pd.date_range("1900-01-01", periods=rows, freq="h", unit="s")
    return pd.DataFrame({"y": np.sin(np.arange(rows) * np.pi / 12) + noise}, index=index)


def panel(ids: int, rows: int) -> SeriesTable:
    """Noise, so many hours of each id."""
    starts = pd.DatetimeIndex(["2000-01-01"]).repeat(ids)
    return SeriesTable(
        values=np.random.default_rng(0).normal(size=(1, ids * rows)),
        offsets=np.arange(ids + 1) * rows,
        starts=starts,
        freq=pd.offsets.Hour(),
        targets=pd.Index(["y"]),
        past_covariates=Covariates.none(ids * rows),
        future_covariates=Covariates.none(ids * rows),
        static_covariates=Covariates.none(ids),
        ids=pd.RangeIndex(ids),
    )


def time_shares(name, network, table, *, input_length, horizon, batch_size) -> None:
    training = Training(epochs=1, batch_size=batch_size, refit=False)
    model = Forecaster(
        horizon, input_length, network=network, training=training, time_features=None
    )
    keras_model = model.fit(hours(20_000), verbose=0).model_

    source = WindowSource(table)
    cutoffs = Cutoffs.between(24, source.lengths - horizon)
    spec = WindowSpec(input_length, horizon, season_length=24)
    weights = np.ones((source.num_series, 1), np.float32)
    batches = training_batches(TrainingCut(source, cutoffs, spec, weights), batch_size)
    ready = batches.take(1).cache().repeat()

    def cut():
        batches.take(STEPS).reduce(0, lambda count, *_: count + 1)

    def step(stream):
        keras_model.fit(stream, steps_per_epoch=STEPS, shuffle=False, verbose=0)

    tasks = (cut, partial(step, ready), partial(step, batches))
    data, alone, both = (best_of_three(task) / STEPS * 1e3 for task in tasks)
    print(
        f"{name:<20}{len(cutoffs):>13,}{input_length:>8}{batch_size:>7}{data:>9.2f}{alone:>9.2f}"
        f"{both:>9.2f}{data / alone:>8.1%}",
        flush=True,
    )


def best_of_three(task) -> float:
    """Seconds."""
    times = []
    for _ in range(4):  # the first compiles
        started = time.perf_counter()
        task()
        times.append(time.perf_counter() - started)
    return min(times[1:])


def memory(rows: int) -> None:
    growth_of_fit(hours(10_000))  # TensorFlow starts up
    small, large = growth_of_fit(hours(10_000)), growth_of_fit(hours(rows))
    data = rows * 4
    print(
        f"\n{rows:,} rows: {data / MIB:.0f} MiB of float32 data; the fit grew the process by "
        f"{large / MIB:.0f} MiB, one of 10,000 rows by {small / MIB:.0f} MiB: the difference is "
        f"{(large - small) / data:.2f} times the data"
    )


def growth_of_fit(frame: pd.DataFrame) -> int:
    """How many bytes more than now, with the frame, the process has at most during a fit."""
    before = forget_peak()
    training = Training(epochs=1, refit=False)
    Forecaster(24, time_features=None, training=training).fit(frame, verbose=0)
    return status("VmHWM") - before


def forget_peak() -> int:
    """Let the peak of memory start from now (on Linux); what this process has now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def status(name: str) -> int:
    """Bytes that the kernel counts for this process under a name."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
