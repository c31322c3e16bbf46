"""Trials of a search that were never run, and their table."""

import numpy as np
import pandas as pd
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial as TunerTrial

from forecaster.search.fold_task import FoldResult
from forecaster.search.objective import Objective
from forecaster.search.trial import COMPLETED, Trial

MASE = Objective(("MASE",), ())


def make_trial(number, errors=(), status=COMPLETED, values=None, **how):
    """A trial with these errors fold by fold; its score is their mean."""
    hp = HyperParameters()
    hp.values = dict(values or {})
    proposed = TunerTrial(hp, trial_id=f"{number:04}")
    proposed.score = float(np.mean(errors)) if len(errors) else None
    how = {"parameters": dict(values or {})} | how
    folds = [
        FoldResult({"MASE": error}, {"MASE": 1.5}, epochs=5 + fold, num_parameters=10, seconds=0.5)
        for fold, error in enumerate(errors)
    ]
    return Trial(proposed, folds=folds, status=status, **how)


def make_trials_frame(scores, status=COMPLETED, **parameters):
    """A table as `trials_frame` gives it, with columns of parameters."""
    scores = np.asarray(scores, float)
    index = pd.RangeIndex(len(scores), name="trial")
    frame = pd.DataFrame({"status": status, "score": scores, "spread": 0.1}, index)
    frame = frame.assign(naive=2.0, fold_1=scores, fold_2=scores)
    frame = frame.assign(epochs=5.0, num_parameters=10.0, seconds=1.5)
    for name, values in parameters.items():
        frame[name] = pd.Series(values, index, dtype=object)
    return frame.assign(error=None)
