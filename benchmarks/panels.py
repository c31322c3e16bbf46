"""What many short series cost: fit on up to 100,000 series of 100 steps, and forecast them all.

The fit is an epoch of the default network, which has 256 gradient steps in each line; seconds, and
how much the process grows at most, the frame included. Seconds more than for 1,000 series, divided
by the rows that are more, stay the same if the cost is linear.

    python benchmarks/panels.py [--series 10000 30000 100000]
"""

import argparse
import time

import numpy as np
import pandas as pd
from training_data import MIB, forget_peak, status

from forecaster import Forecaster, Training

STEPS, HORIZON = 100, 12
FEW = 1_000  # series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    counts = parser.parse_args().series

    cost(FEW)  # TensorFlow starts up
    few = cost(FEW)
    print(f"{'series':>8}{'rows':>12}{'fit s':>8}{'predict s':>11}{'MiB':>8}{'s a million':>13}")
    for count in [FEW, *counts]:
        fit, predict, grown = few if count == FEW else cost(count)
        more = fit + predict - few[0] - few[1]
        slope = f"{more / (count - FEW) / STEPS * 1e6:.2f}" if count > FEW else ""
        print(
            f"{count:>8,}{count * STEPS:>12,}{fit:>8.1f}{predict:>11.1f}{grown / MIB:>8.0f}"
            f"{slope:>13}",
            flush=True,
        )


def cost(count: int) -> tuple[float, float, int]:
    """Seconds of fit and forecast, and bytes that the process has more at most."""
    before = forget_peak()
    frame = months(count)
    model = Forecaster(
        HORIZON,
        id_column="id",
        time_column="month",
        season_length=12,
        training=Training(epochs=1, refit=False),
    )
    started = time.perf_counter()
    model.fit(frame, verbose=0)
    fitted = time.perf_counter()
    forecast = model.predict()
    finished = time.perf_counter()
    assert len(forecast) == count * HORIZON and forecast["prediction"].notna().all()
    return fitted - started, finished - fitted, status("VmHWM") - before


def months(count: int) -> pd.DataFrame:
    """Noisy years of so many series, in a long frame."""
    rng = np.random.default_rng(0)
    season = np.sin(np.arange(STEPS) * np.pi / 6)
    values = rng.uniform(0, 3, (count, 1)) * season + rng.normal(size=(count, STEPS))
    times = pd.date_range("2010-01-01", periods=STEPS, freq="MS")
    return pd.DataFrame(
        {
            "id": np.arange(count).repeat(STEPS),
            "month": np.tile(times, count),
            "y": values.ravel(),
        }
    )


if __name__ == "__main__":
    main()
