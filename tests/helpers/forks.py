"""Calls in forked processes: `python -m tests.helpers.forks`.

Prints a line for each call: its name, and its result or the type and text of its error. Calls that
do not end in time are told as "hangs".
"""

import copy
import multiprocessing
import pickle
import sys
import tempfile
from pathlib import Path

from joblib import Parallel, delayed

from forecaster import Folds, Forecaster, ForecasterSearch
from tests.helpers.tiny import ROWS, days, tiny, waves

NEW = waves(days(ROWS + 5))
CONTEXT = multiprocessing.get_context("fork")


def tell(name, call):
    """Run a call in a forked process."""
    reader, writer = CONTEXT.Pipe(duplex=False)

    def run():
        sys.stdin.close()
        try:
            answer = call()
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        writer.send(answer)

    process = CONTEXT.Process(target=run)
    process.start()
    answer = reader.recv() if reader.poll(10) else "hangs"
    process.kill()
    process.join()
    print(f"{name}: {answer}", flush=True)


def main(artifact):
    tell("fit before TensorFlow starts", lambda: len(tiny().fit(waves(), verbose=0).predict()))
    model = tiny().fit(waves(), verbose=0)
    model.save(artifact)
    search = ForecasterSearch(tiny(), tuner="random", max_trials=1, folds=Folds(1, cutoffs=1))
    for name, call in {
        "fit": lambda: tiny().fit(waves(), verbose=0),
        "predict": model.predict,
        "update": lambda: model.update(NEW),
        "backtest": lambda: model.backtest(NEW, cutoffs=1),
        "backtest with refits": lambda: model.backtest(NEW, cutoffs=1, refit=True, workers=1),
        "save": lambda: model.save(artifact, overwrite=True),
        "load": lambda: Forecaster.load(artifact),
        "search": lambda: search.fit(waves(), verbose=0),
        "deepcopy": lambda: copy.deepcopy(model),
        # What needs no thread of TensorFlow.
        "future_frame": lambda: len(model.future_frame(waves())),
        "pickle": lambda: pickle.loads(pickle.dumps(model.history_)) == model.history_,
    }.items():
        tell(name, call)
    forecasts = Parallel(2, backend="loky")([delayed(model.predict)(waves())] * 2)
    print(f"loky: {len(forecasts)}")
    print(f"here: {len(model.predict())}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder) / "artifact")
