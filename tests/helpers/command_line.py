"""Command lines in this process and in others, for tests of `forecaster.cli`."""

import io
import subprocess
import sys
from contextlib import contextmanager, redirect_stdout

import numpy as np
import pytest
import tensorflow as tf

from forecaster import Forecaster, Quantiles, RecurrentNetwork, Training
from forecaster.cli import commands
from forecaster.datasets import load_dataset
from tests.helpers.tiny import days, waves

HORIZON = 6
TINY = ["--horizon", HORIZON, "--units", 4, "--epochs", 2, "--no-refit"]
SIMPLE = ["--cell", "simple_rnn"]
QUANTILES = ["--quantiles", "0.1,0.9"]
IN_OPTIONS = "Add --missing-future for the rows to fill in, and pass them by --future."
AIR = load_dataset("air_passengers")
SALES = ["--id", "store", "--target", "sales", "--weight", "weight"]  # of `sales()`
SALES += ["--static-covariate", "kind", "--future-covariate", "promo", "--future-covariate"]
SALES += ["event", "--time-features", "day_of_week"]


def tiny_forecaster(**parameters):
    """What the options `TINY` and `QUANTILES` mean in Python."""
    return Forecaster(
        HORIZON,
        network=RecurrentNetwork(units=4),
        output=Quantiles([0.1, 0.9]),
        training=Training(epochs=2, refit=False),
        **parameters,
    )


def sales():
    """Two stores, one below the other, one of which ends a day before the other."""
    frame = waves(columns=["N1", "7"]).melt(var_name="store", value_name="sales")
    extra = {"promo": np.arange(120) % 3, "event": np.resize(["None", "2", "Easter"], 120)}
    frame = frame.assign(day=np.tile(days(), 2), weight=1.0, **extra)
    frame.insert(0, "kind", np.where(frame["store"] == "7", "01", "a"))
    return frame.iloc[:-1]


@contextmanager
def settings_of_tensorflow():
    """A command makes TensorFlow silent for the rest of its process; other tests have it back."""
    logger = tf.get_logger()
    level = logger.level
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
        try:
            yield
        finally:
            logger.setLevel(level)


def typed(*words):
    """Standard output of a command line that succeeds, for what tests share."""
    with (
        settings_of_tensorflow(),
        redirect_stdout(io.StringIO()) as out,
        pytest.raises(SystemExit, match="0"),
    ):
        commands.main([str(word) for word in words])
    return out.getvalue()


def spawn(*words, **streams):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | streams
    return subprocess.Popen([sys.executable, "-m", "forecaster", *map(str, words)], **streams)
