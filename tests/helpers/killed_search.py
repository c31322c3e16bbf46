"""A search in a process of its own, to be killed: `python -m tests.helpers.killed_search`.

The argument is the folder of the search. "begun" is printed when the search begins, and in the end
what it found.
"""

import json
import sys

from forecaster import ForecasterSearch, Training
from tests.helpers.tiny import tiny, waves


def space(hp):
    return {
        "training__learning_rate": hp.Float("rate", 1e-4, 1e-1, sampling="log", default=0.05),
        "training__batch_size": hp.Choice("batch", [8, 16, 32]),
        "normalization": hp.Choice("normalization", ["last", "standard", "none"]),
    }


def new_search(folder, **how):
    """Ten trials of a small network, two of them proposed by the Gaussian process."""
    template = tiny(training=Training(epochs=3, refit=False))
    how = {"max_trials": 10, "folds": 2, "directory": folder} | how
    return ForecasterSearch(template, space, **how)


def outcome(search):
    """What was found, without times."""
    trials = search.trials_.drop(columns="seconds")
    return {
        "trials": json.loads(trials.to_json(double_precision=15)),
        "best": search.best_params_,
        "forecast": search.best_forecaster_.predict().to_numpy().tolist(),
    }


if __name__ == "__main__":
    print("begun", flush=True)
    found = new_search(sys.argv[1]).fit(waves(), verbose=0)
    print(json.dumps(outcome(found)), flush=True)
