"""Spaces, an error to minimize, and what oracles propose for them."""

import numpy as np
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import TrialStatus

from forecaster.search.oracles import AskTellOracle, new_oracle


def small():
    hp = HyperParameters()
    hp.Choice("cell", ["a", "b", "c"], default="b")
    hp.Int("units", 1, 3)
    return hp


def wide():
    hp = small()
    hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-2)
    return hp


def error(values):
    return values["units"] + "abc".index(values["cell"]) + abs(np.log10(values.get("rate", 1)) + 2)


def proposals(oracle, count, ahead=0, error=error):
    """The values of so many trials; so many are open when the next one is asked for."""
    found, waiting = [], []
    while len(found) < count:
        trial = oracle.ask()
        if trial.status == TrialStatus.STOPPED:
            break
        if trial.status == TrialStatus.RUNNING:
            found.append(dict(trial.hyperparameters.values))
            waiting.append(trial)
        if trial.status == TrialStatus.IDLE or len(waiting) > ahead:
            done = waiting.pop(0)
            oracle.tell(done, error(done.hyperparameters.values), None)
    return found


def proposed(tuner, space=wide, count=12, seed=0, ahead=0):
    with AskTellOracle(new_oracle(tuner, space(), seed=seed, max_epochs=9)) as oracle:
        return proposals(oracle, count, ahead)
