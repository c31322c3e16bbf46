"""Several who save to one path at once: what is there is one of them, never a mix."""

import copy
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from forecaster import Forecaster, Quantiles, RecurrentNetwork
from forecaster.fitted import Fitted
from forecaster.network.guards import dtype_policy
from forecaster.saving import artifact
from tests.helpers.artifacts import HELPERS, LEVELS
from tests.helpers.tiny import waves, with_random_weights


def test_threads_that_save_to_one_path(two, tmp_path, monkeypatch):
    """Whoever comes second waits: the files of one are all there before the other begins."""
    models, _ = two
    write, inside = artifact._write, []

    def watched(*arguments):
        inside.append(1)
        write(*arguments)
        assert len(inside) == 1
        inside.clear()

    monkeypatch.setattr(artifact, "_write", watched)

    def save(number):
        models[number % 2].save(tmp_path / "artifact", overwrite=True)
        return artifact.load(tmp_path / "artifact")[1][0]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(save, range(4)))
    firsts = [model.model_.get_weights()[0] for model in models]
    assert all(any(np.array_equal(weight, first) for first in firsts) for weight in found)
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


def test_one_of_two_that_do_not_overwrite_is_told(two, tmp_path):
    models, _ = two

    def save(model):
        try:
            model.save(tmp_path / "artifact")
        except FileExistsError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(save, models))
    assert told.count(None) == 1
    assert "Call save(path, overwrite=True)" in (told[0] or told[1])
    kept = Forecaster.load(tmp_path / "artifact").predict()
    assert kept.equals(models[told.index(None)].predict())


@pytest.mark.slow
def test_processes_that_save_to_one_path(two, saved):
    models, folders = two
    _, folder = saved
    answers, seen = [model.predict() for model in models], []
    commands = [[sys.executable, HELPERS / "save_forever.py", own, own, folder] for own in folders]
    savers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        for saver in savers:
            assert saver.stdout.readline() == "saved\n"
        for _ in range(20):
            forecast = Forecaster.load(folder).predict()
            seen.append([forecast.equals(answer) for answer in answers].index(True))
    finally:
        for saver in savers:
            saver.kill()
            saver.communicate()
    assert {*seen} == {0, 1}
    forecast = Forecaster.load(folder).predict()
    assert any(forecast.equals(answer) for answer in answers)
    models[0].save(folder, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]


POLICIES = {"mixed_bfloat16": "gru", "mixed_float16": "peephole_lstm", "float64": "simple_rnn"}


def built_under(policy):
    """A forecaster whose network follows a policy; under the default one it forecasts otherwise."""
    cell = POLICIES.get(policy)
    own = {"network": RecurrentNetwork(cell, units=3), "output": Quantiles(LEVELS)} if cell else {}
    with dtype_policy(policy):
        return with_random_weights(waves(), **own)


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16"])
def test_the_dtype_policy_goes_along(policy):
    """What was built under another policy forecasts the same where the default one is set."""
    fitted = built_under(policy)._fitted
    metadata, history = fitted.to_metadata(keep_history=True)
    assert metadata["dtype_policy"] == policy
    metadata = json.loads(json.dumps(metadata))
    again = Fitted.from_metadata(metadata, fitted.trained.model.get_weights(), history)
    expected = Forecaster._from_fitted(fitted).predict()
    assert Forecaster._from_fitted(again).predict().equals(expected)
    assert again.to_metadata(keep_history=False)[0]["dtype_policy"] == policy
    del metadata["dtype_policy"]  # as older artifacts are: what is set holds
    other = Fitted.from_metadata(metadata, fitted.trained.model.get_weights(), history)
    assert policy == "bfloat16" or not Forecaster._from_fitted(other).predict().equals(expected)
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("policy", [*POLICIES, "bfloat16"])
def test_artifacts_of_every_dtype_policy(policy, tmp_path):
    model = built_under(policy)
    with dtype_policy(policy):
        model.save(tmp_path / "artifact")
    again = Forecaster.load(tmp_path / "artifact")
    again.save(tmp_path / "again")
    for path in ("artifact", "again"):
        with dtype_policy("float64"):
            assert Forecaster.load(tmp_path / path).predict().equals(model.predict())
    assert copy.deepcopy(again).predict().equals(model.predict())


def test_a_forecaster_without_finite_weights_is_not_saved(tmp_path):
    model = with_random_weights(waves())
    weights = model.model_.get_weights()
    model.model_.set_weights([weights[0] * np.nan, *weights[1:]])
    with pytest.raises(ValueError, match=r"must have finite weights to be saved.*Fit it again"):
        model.save(tmp_path / "artifact")
    assert not list(tmp_path.iterdir())
