"""Forecasts of a wave at many levels and scales, compared with those of the plain wave.

A fit on ``factor * (level + y)`` should forecast ``factor * (level + forecast of y)``. Printed is
the largest difference of 12 steps, as a share of the standard deviation of y, of a fresh fit and of
the weights of the plain wave. The wave is exact in float64 at every level ("exact"), or has
rounding errors that grow with the level ("rounded"), which a fresh fit learns from.

    python benchmarks/levels.py [--epochs 20]
"""

import argparse

import numpy as np
import pandas as pd

from forecaster import Forecaster, Training

TIMES = pd.date_range("2000-01-01", periods=96, freq="MS")
SINE = 10 * np.sin(2 * np.pi * np.arange(96) / 12)
WAVES = {"exact": np.round(SINE * 8) / 8, "rounded": SINE}
CASES = [(1e3, 1), (1e6, 1), (1e9, 1), (1e12, 1), (0, 1e-25), (0, 3.7), (0, 1e25), (1e6, 1e-12)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    training = Training(epochs=parser.parse_args().epochs)

    def fit(values: np.ndarray) -> Forecaster:
        return Forecaster(horizon=12, training=training).fit(frame(values), verbose=0)

    print(f"{'wave':8} {'level':>7} {'factor':>7} {'fresh fit':>11} {'same weights':>13}")
    for name, wave in WAVES.items():
        plain = fit(wave)
        expected = plain.predict()["y"].to_numpy()
        for level, factor in CASES:
            moved = factor * (level + wave)
            fresh, same = fit(moved).predict(), plain.predict(frame(moved))
            shares = [
                np.abs(found["y"] / factor - level - expected).max() / wave.std()
                for found in (fresh, same)
            ]
            print(f"{name:8} {level:7.0e} {factor:7.0e} {shares[0]:11.1e} {shares[1]:13.1e}")


def frame(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"y": values}, TIMES)


if __name__ == "__main__":
    main()
