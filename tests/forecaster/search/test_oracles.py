"""keras-tuner's oracles behave: by seed, from the defaults on, quietly, and off the disk."""

import copy
import random
import warnings
from pathlib import Path

import keras_tuner
import numpy as np
import pytest
from keras_tuner import Objective
from keras_tuner.engine.trial import TrialStatus

from forecaster.search.bayesian import INITIAL_POINTS
from forecaster.search.oracles import TUNERS, AskTellOracle, new_oracle, oracle_to_json
from tests.helpers.proposals import proposals, proposed, small, wide


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband"])
def test_a_seed_decides(tuner):
    """Seed 0 is one too, which keras-tuner takes for none."""
    before = random.getstate(), np.random.get_state()[1].tolist()
    by_seed = [proposed(tuner, seed=seed) for seed in (0, 0, 1)]
    assert by_seed[0] == by_seed[1] != by_seed[2]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_defaults_come_first(tuner):
    (first,) = proposed(tuner, count=1)
    own = {name: value for name, value in first.items() if not name.startswith("tuner/")}
    assert own == {"cell": "b", "units": 1, "rate": 1e-2}


@pytest.mark.parametrize("tuner", ["random", "bayesian", "grid"])
def test_a_small_space_is_exhausted_without_repeating(tuner):
    pairs = [tuple(values.values()) for values in proposed(tuner, small, count=50)]
    assert len({*pairs}) == len(pairs)
    assert len(pairs) == 9 if tuner == "grid" else 6 <= len(pairs) <= 9


@pytest.mark.parametrize("ahead", [1, 3])
def test_the_grid_goes_on_while_trials_run(ahead):
    oracle = keras_tuner.oracles.GridSearchOracle(hyperparameters=small())
    with AskTellOracle(oracle) as plain:
        expected = proposals(plain, 50)
    assert proposed("grid", small, 50, ahead=ahead) == expected
    with AskTellOracle(new_oracle("grid", small(), seed=0, max_epochs=9)) as oracle:
        statuses = {oracle.ask().status for _ in range(5)}
    assert statuses == {TrialStatus.RUNNING}


def test_who_needs_results():
    oracles = {name: new_oracle(name, small(), seed=0, max_epochs=9) for name in TUNERS}
    needs = {}
    for name, oracle in oracles.items():
        with AskTellOracle(oracle) as asked:
            needs[name] = asked.needs_results
    assert needs == {"random": False, "bayesian": True, "hyperband": True, "grid": False}


def test_an_oracle_of_the_user_is_copied():
    own = keras_tuner.oracles.BayesianOptimizationOracle(
        objective=Objective("val_loss", "max"), max_trials=5, seed=7
    )
    state = copy.deepcopy(own.get_state())
    oracle = new_oracle(own, wide(), seed=0, max_epochs=9)
    with AskTellOracle(oracle) as asked:
        assert len(proposals(asked, 50)) == 5  # its own number of trials
    assert own.get_state() == state
    assert own.objective.name == "val_loss"
    assert oracle.objective.direction == "min"


def test_the_state_tells_oracles_apart():
    states = [
        oracle_to_json(keras_tuner.oracles.RandomSearchOracle(seed=seed, hyperparameters=space))
        for seed, space in ((1, small()), (1, wide()), (2, small()))
    ]
    assert states[0] == states[1] != states[2]


def test_nothing_is_said_or_written(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with AskTellOracle(new_oracle("bayesian", wide(), seed=0, max_epochs=9)) as oracle:
            proposals(oracle, INITIAL_POINTS + 2)
            for _ in range(4):  # keras-tuner would raise after three
                oracle.tell(oracle.ask(), None, "it failed")
            folder = oracle.tuner_oracle._project_dir
    assert capfd.readouterr() == ("", "")
    assert [*tmp_path.iterdir()] == []
    assert not Path(folder).exists()


def test_a_failed_trial_is_never_the_best():
    with AskTellOracle(new_oracle("random", wide(), seed=0, max_epochs=9)) as oracle:
        first, second = oracle.ask(), oracle.ask()
        oracle.tell(first, None, "ValueError: no")
        oracle.tell(second, 3.0, None)
        assert [trial.trial_id for trial in oracle.tuner_oracle.get_best_trials()] == ["0001"]
        assert oracle.tuner_oracle.trials["0000"].status == TrialStatus.FAILED
        assert oracle.tuner_oracle.trials["0000"].message == "ValueError: no"
