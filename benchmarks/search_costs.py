"""What a search costs beside its fits and forecasts, all on air_passengers.

`overhead`: the wall time of 20 trials in process that is no fit and no forecast. Fits are cut off
after 5 epochs; with longer ones the share is smaller.

`workers`: the time of 16 trials in two processes of one thread each, over that in one of one
thread. The proposals are random, so that both run the same trials.

`memory`: resident memory of the calling process after 100 trials with one worker process, over that
after 10; and the most that a worker had.

    python benchmarks/search_costs.py [overhead workers memory]
"""

import argparse
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

from sklearn.base import clone

from forecaster import Folds, Forecaster, ForecasterSearch, Training, space
from forecaster.datasets import load_dataset
from forecaster.engine import Engine

MIB = 2**20
TEMPLATE = Forecaster(12, training=Training(epochs=20))
SHORT = Forecaster(12, training=Training(epochs=5, refit=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["overhead", "workers", "memory"])
    for what in parser.parse_args().what:
        {"overhead": overhead, "workers": workers, "memory": memory}[what]()


def overhead() -> None:
    air = load_dataset("air_passengers")
    search, seconds = timed(ForecasterSearch(SHORT, max_trials=20), air)
    best = clone(search.best_forecaster_)
    epochs = len(search.best_forecaster_.history_.loss)
    started = time.perf_counter()
    engine = Engine.of(best.get_params(deep=False))
    engine.fit_table(engine.read(air), epochs=epochs)
    last = time.perf_counter() - started
    work = search.trials_["seconds"].sum()
    other = seconds - work - last
    print(
        f"overhead: {seconds:.1f} s, {work:.1f} s for folds, {last:.1f} s for the last fit; "
        f"the rest is {other:.1f} s, {100 * other / seconds:.1f} %",
        flush=True,
    )


def workers() -> None:
    air, cores = load_dataset("air_passengers"), sorted(os.sched_getaffinity(0))
    seconds, scores = {}, {}
    for count in (1, 2):
        os.sched_setaffinity(0, cores[:count])  # workers share what their parent has
        search = ForecasterSearch(TEMPLATE, tuner="random", max_trials=16, workers=count)
        search, seconds[count] = timed(search, air)
        scores[count] = search.trials_["score"].tolist()
    os.sched_setaffinity(0, cores)
    print(
        f"workers: {seconds[1]:.1f} s with one, {seconds[2]:.1f} s with two: "
        f"{seconds[2] / seconds[1]:.2f}; same scores: {scores[1] == scores[2]}",
        flush=True,
    )


def memory() -> None:
    air = load_dataset("air_passengers")
    template = Forecaster(12, training=Training(epochs=2, refit=False))
    small = space(cells=["gru", "simple_rnn", "lstm", "mgu"], units=[8, 16], num_layers=1)
    with tempfile.TemporaryDirectory() as folder:
        search = ForecasterSearch(
            template,
            small,
            tuner="bayesian",
            max_trials=100,
            folds=Folds(1),
            directory=folder,
            workers=1,
        )
        resident = {}
        watch = threading.Thread(target=watched, args=(Path(folder), resident))
        watch.start()
        search.fit(air, verbose=0)
        watch.join()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"memory: {resident[10]:.0f} MiB after 10 trials, {resident[100]:.0f} MiB after 100: "
        f"{resident[100] / resident[10]:.2f}; the largest worker had {most:.0f} MiB",
        flush=True,
    )


def watched(folder: Path, resident: dict[int, float]) -> None:
    """Note the memory of this process when so many trials have been run."""
    for count in (10, 100):
        while len([*folder.glob("trial_*/fold_1.json")]) < count:
            time.sleep(0.02)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        resident[count] = pages * os.sysconf("SC_PAGE_SIZE") / MIB


def timed(search: ForecasterSearch, frame) -> tuple[ForecasterSearch, float]:
    started = time.perf_counter()
    return search.fit(frame, verbose=0), time.perf_counter() - started


if __name__ == "__main__":
    main()
