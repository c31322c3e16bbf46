"""A fit of Parquet files that memory cannot hold: `python -m tests.helpers.larger_than_memory`.

A process of its own, because a limit of its memory cannot be lifted again. It prints "ok" at its
end. Files that are mapped and shared do not count for the limit, and all else does.
"""

import resource
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow

from forecaster import Forecaster, Training
from tests.helpers.panels import everything

IDS, ROWS, FILES = 2000, 7000, 10  # rows of each id
LEFT = 400 << 20  # bytes; the frame has 427 MiB
HORIZON = 6
COLUMNS = {"id_column": "shop", "time_column": "hour", "target": "sold"}


def shops(count, rows):
    """Rows of all ids, in the order of time: of every id in every file."""
    hours = pd.date_range("2020-01-01", periods=rows, freq="h")
    sold = np.random.default_rng(0).normal(size=(rows, count)) + np.arange(count)
    return pd.DataFrame(
        {
            "shop": np.tile(np.arange(count), rows),
            "hour": hours.repeat(count),
            "sold": sold.ravel(),
            "price": 5.0 + sold.ravel(),
        }
    )


def write(folder):
    for file in range(FILES):
        rows = shops(IDS, ROWS // FILES)
        rows["hour"] += file * pd.Timedelta(hours=ROWS // FILES)
        rows.to_parquet(folder / f"{file}.parquet", row_group_size=1 << 17)


def forecaster():
    training = Training(epochs=1, batch_size=256, refit=False)
    shape = {"horizon": HORIZON, "input_length": 24, "season_length": 24}
    return Forecaster(
        **shape,
        **COLUMNS,
        past_covariates=["price"],
        time_features=None,
        network=everything,
        training=training,
    )


def in_use():
    """Bytes that count for the limit."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))


def limit_memory():
    most = in_use() + LEFT
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def use(model, data):
    """All that reads a frame."""
    model.fit(data, verbose=0)
    forecast = model.predict(data)
    result = model.backtest(data, cutoffs=3, stride=HORIZON)
    return forecast, result.scores()


def main():
    warnings.simplefilter("error")
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())  # others take theirs in advance
    use(forecaster(), shops(20, 2000))  # TensorFlow starts its threads, and compiles
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        limit_memory()
        if sys.argv[1:] == ["control"]:
            try:
                pd.read_parquet(folder)
            except MemoryError:
                print("ok")
            return
        forecast, scores = use(forecaster(), folder)
    assert len(forecast) == IDS * HORIZON
    assert np.isfinite(forecast["prediction"]).all()
    assert scores["MAE"].between(0.5, 1.5).all()  # of noise with a deviation of 1
    print("ok")


if __name__ == "__main__":
    main()
