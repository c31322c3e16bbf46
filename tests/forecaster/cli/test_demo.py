"""The demo compares cells, and leaves a model and a picture."""

import sys

import pandas as pd
import pytest

from forecaster import Forecaster, RecurrentNetwork, Training
from forecaster.cli import demo


@pytest.mark.slow
def test_demo_chooses_by_validation_and_leaves_a_model_and_a_picture(capsys, tmp_path):
    networks = [RecurrentNetwork(cell, units=2) for cell in ("simple_rnn", "gru")]
    demo.run_demo(tmp_path, networks=networks, training=Training(epochs=1), seed=1, program="fc")
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("2 recurrent cells forecast airline passengers, 12 months ahead.")
    assert "on the 109 months up to January 1958" in out
    table = [line.split() for line in out.splitlines() if line.startswith("  ") and line.strip()]
    rows = {words[0]: words for words in table}
    validation = {cell: float(rows[cell][1]) for cell in ("simple_rnn", "gru")}
    best = min(validation, key=validation.get)
    assert f"\n{best} is chosen for its validation score" in out
    assert out.endswith(f"  fc predict {tmp_path / 'model'} --quantiles 0.1,0.9\n")

    again = Forecaster.load(tmp_path / "model")
    assert (again.network.cell, again.seed) == (best, 1)
    assert again.predict(quantiles=[0.1, 0.9]).index[0] == pd.Timestamp("1961-01-01")
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")


def test_demo_from_the_command_line(run, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(demo, "run_demo", lambda *args, **kwargs: asked.append((args, kwargs)))
    monkeypatch.setattr(sys, "argv", ["here/forecaster"])
    (tmp_path / "taken" / "model").mkdir(parents=True)
    assert run("demo", "--directory", tmp_path / "taken")[0] == 1
    assert run("demo", "--directory", tmp_path, "--seed", 3) == (0, "", "")
    assert asked == [((tmp_path,), {"seed": 3, "program": "here/forecaster"})]
    assert demo.CELLS == ("simple_rnn", "lstm", "gru", "peephole_lstm", "coupled_lstm")
