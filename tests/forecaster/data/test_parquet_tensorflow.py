"""Forecasters on a folder of Parquet files: the same as on the frame of its rows."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.helpers.arrays import CHECKOUT
from tests.helpers.panel_rows import TARGETS, quiet, random_rows
from tests.helpers.panels import new_forecaster, with_noise
from tests.helpers.small_memory import small_memory, write_files


def test_forecasts_updates_and_backtests_from_a_folder(tmp_path):
    rows = random_rows(0, [(0, 26), (24, 20), (48, 18), (72, 30)], 0.3)
    model = with_noise(new_forecaster(), rows)
    future = model.future_frame(rows).assign(f=1.0, g="a")
    expected = model.predict(rows, future=future)
    folder = write_files(rows, tmp_path / "rows")
    with small_memory():
        found = model.predict(folder, future=future)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        pd.testing.assert_frame_equal(model.future_frame(folder), model.future_frame(rows))
        without_weights = write_files(rows.drop(columns="w"), tmp_path / "no weights")
        found = model.predict(without_weights, future=future)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.slow
def test_a_fit_on_a_folder_is_a_fit_on_its_rows(tmp_path):
    rows = random_rows(0, [(0, 40), (24, 30), (48, 38), (72, 44)], 0.2)
    rows["w"] = 1.0 + rows["w"]
    folder = write_files(rows, tmp_path / "rows")
    later = rows.assign(t=rows["t"] + pd.Timedelta(days=44))
    later_folder = write_files(later, tmp_path / "later")
    answers = []
    for frame, more, values in ((rows, later, 10**6), (folder, later_folder, 90)):
        with small_memory(values), quiet():
            model = new_forecaster(normalization="last").fit(frame, verbose=0)
            result = model.backtest(frame, cutoffs=3, refit=True, train_length=20)
            model.update(more)
            future = model.future_frame().assign(f=1.0, g="a")
            answers.append((result, model.predict(future=future)))
    (expected, forecast), (found, other_forecast) = answers
    # Means over many rows are summed in another order.
    np.testing.assert_allclose(found.prediction, expected.prediction, rtol=1e-4)
    np.testing.assert_array_equal(found.naive, expected.naive)
    np.testing.assert_allclose(found.absolute_scale, expected.absolute_scale, rtol=1e-12)
    np.testing.assert_allclose(other_forecast[TARGETS], forecast[TARGETS], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("what", ["forecaster", "control"])
def test_what_is_larger_than_memory(what):
    script = [sys.executable, "-m", "tests.helpers.larger_than_memory", what]
    run = subprocess.run(script, cwd=CHECKOUT, capture_output=True, text=True)
    assert run.stdout.splitlines()[-1:] == ["ok"], run.stderr
