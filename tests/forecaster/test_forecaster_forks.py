"""A process that was forked after a fit gets an error, and never hangs."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from forecaster import Forecaster
from forecaster.utils import processes
from tests.helpers.tiny import ROWS, days, tiny, waves

CHECKOUT = Path(__file__).resolve().parents[2]
REFUSED = "fit, predict, update, backtest, backtest with refits, save, load, search, deepcopy"


@pytest.mark.slow
def test_calls_in_forked_processes():
    words = [sys.executable, "-W", "ignore", "-m", "tests.helpers.forks"]
    done = subprocess.run(
        words, cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=120
    )
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    for name in REFUSED.split(", "):
        assert told[name].startswith("RuntimeError: TensorFlow must start in the process"), name
        assert all(word in told[name] for word in ("'spawn'", "'forkserver'", "'loky'"))
    assert told["fit before TensorFlow starts"] == told["future_frame"] == "3"
    assert (told["pickle"], told["loky"]) == ("True", "2")
    assert told["here"] == "3"


def test_what_needs_tensorflow_is_refused_in_a_forked_process(fitted, monkeypatch, tmp_path):
    model = copy.copy(fitted())
    model.save(tmp_path / "artifact")
    monkeypatch.setattr(processes, "_STARTED_IN", {os.getppid()})
    for call in (
        lambda: tiny().fit(waves(), verbose=0),
        lambda: model.update(waves(days(ROWS + 1))),
        lambda: model.backtest(waves(), cutoffs=1),
        lambda: model.save(tmp_path / "artifact", overwrite=True),
        lambda: Forecaster.load(tmp_path / "artifact"),
        lambda: pickle.loads(pickle.dumps(model)),
        model.predict,
    ):
        with pytest.raises(RuntimeError, match=r"TensorFlow must start .* 'spawn' .* 'loky'"):
            call()
    assert model.missing_future().empty
    monkeypatch.undo()
    assert len(model.predict()) == 3
