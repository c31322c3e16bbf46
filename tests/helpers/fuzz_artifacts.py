"""Fuzz of artifacts: thousands of mutations, each refused in one way, or harmless.

    python -m tests.helpers.fuzz_artifacts --count 10000 --seed 0

What counts, for a mutation without new hashes:

* refused: `Forecaster.load` raises an `ArtifactError`, before or after Keras was asked;
* same: it loads, and `predict()` gives the very forecast of the artifact before.

With new hashes (half of the mutations of which the hashes can be made anew) the artifact may be a
whole one of another forecaster, say with another number in a weight. Then there is one more:

* other: it loads, and `predict()` gives a row for each step of the loaded horizon after each id,
  and a finite number for each target. Where its rows or its columns were lost with the change,
  `predict` may ask for them: a ValueError or TypeError that begins with the name of an argument.

Everything else is a fault: another error, a crash, a forecast that is not finite, more than
`SECONDS` of processor time or `WAIT` of time for loading and forecasting, or more than `MEGABYTES`
of memory beyond what was in use before, as the kernel counts its peak (VmHWM).
"""

import argparse
import gc
import json
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np

from forecaster import Forecaster
from forecaster.saving.manifest import ArtifactError
from tests.helpers import artifact_mutations as mutations
from tests.helpers.artifacts import rehash, rewrite
from tests.helpers.serving_cases import CASES, random_forecaster
from tests.helpers.tiny import waves, with_random_weights

SECONDS, WAIT, MEGABYTES = 2.0, 20.0, 200.0
OUTCOMES = ("refused", "same", "other", "fault")


def save_bases(folder):
    """Two artifacts to be mutated: of a custom network, and of ids with covariates and times."""
    panel, parameters = CASES["all independent"]
    roles = {"future_covariates": ()}  # which `predict()` would ask for
    models = {
        "wide": with_random_weights(waves()),
        "long": random_forecaster(panel(is_new=False), **parameters | roles),
    }
    for name, model in models.items():
        model.save(folder / name)
    return {name: (folder / name, model.predict()) for name, model in models.items()}


def kinds():
    """Every kind of mutation by its name, with whether hashes are made anew: `name#`."""
    found = {}
    for group in (mutations.FILES, mutations.ARRAYS):
        for change in group:
            found[change.__name__] = change, None
            found[f"{change.__name__}#"] = change, rehash
    for change in mutations.DOCUMENTS:
        found[change.__name__] = on_document(change), None
        found[f"{change.__name__}#"] = on_document(change), lambda folder: rewrite(folder, dict)
    for change in mutations.TEXTS:
        found[change.__name__] = on_text(change), None
    return found


def on_document(change):
    def mutate(generator, folder):
        file = folder / "manifest.json"
        file.write_text(json.dumps(change(generator, json.loads(file.read_text()))))

    return mutate


def on_text(change):
    def mutate(generator, folder):
        file = folder / "manifest.json"
        file.write_bytes(change(generator, file.read_bytes()))

    return mutate


def memory(field):
    """The memory of this process in MB: VmRSS now, VmHWM at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise AssertionError(field)


def judge(folder, expected, is_hashed):
    """The outcome of one artifact, and what to say of it."""
    try:
        model = Forecaster.load(folder)
    except ArtifactError as error:
        is_clear = str(folder) in str(error) and len(str(error)) < 3000
        return ("refused" if is_clear else "fault"), str(error)
    except Exception as error:
        return "fault", f"load: {type(error).__name__}: {error}"
    try:
        forecast = model.predict()
    except Exception as error:
        is_asked = isinstance(error, ValueError | TypeError) and str(error).startswith("`")
        what = "other" if is_hashed and is_asked else "fault"
        return what, f"predict: {type(error).__name__}: {error}"
    if forecast.equals(expected):
        return "same", ""
    table = model._fitted.last_rows
    values = forecast.iloc[:, -table.num_targets :].to_numpy(float)
    is_right = len(forecast) == model.horizon * table.num_ids and np.isfinite(values).all()
    return ("other" if is_hashed and is_right else "fault"), f"another forecast:\n{forecast}"


def measured(folder, expected, is_hashed):
    """Outcome, message, seconds of processor time, and MB of memory of one artifact."""
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is in use
    started, waited = time.process_time(), time.perf_counter()
    outcome, message = judge(folder, expected, is_hashed)
    seconds, waited = time.process_time() - started, time.perf_counter() - waited
    megabytes = memory("VmHWM") - before
    if min(seconds, waited) > SECONDS or waited > WAIT or megabytes > MEGABYTES:
        outcome = "fault"
        message = f"{seconds:.2f} s, waited {waited:.2f} s, {megabytes:.0f} MB. {message}"
    return outcome, message, min(seconds, waited), megabytes


def fuzz(count, seed, folder, names=None, verbose=False):
    """Run so many mutations; return a row of figures for each kind, and the faults."""
    every, bases = kinds(), save_bases(folder)
    names = names or list(every)
    rows = defaultdict(lambda: {"outcomes": Counter(), "seconds": 0.0, "megabytes": 0.0})
    faults = []
    for number in range(count):
        generator = np.random.default_rng([seed, number])
        name, base = names[number % len(names)], list(bases)[number // len(names) % 2]
        source, expected = bases[base]
        place = Path(shutil.copytree(source, folder / "now" / "artifact"))
        change, hashes = every[name]
        change(generator, place)
        if hashes is not None and (place / "manifest.json").is_file():  # a pipe would wait
            # Where there is no manifest any more, hashes cannot be written to it.
            with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
                hashes(place)
        outcome, message, seconds, megabytes = measured(place, expected, hashes is not None)
        row = rows[name]
        row["outcomes"][outcome] += 1
        row["seconds"] = max(row["seconds"], seconds)
        row["megabytes"] = max(row["megabytes"], megabytes)
        if verbose:
            print(f"{number} {base} {name}: {outcome} {message[:300]}", flush=True)
        if outcome == "fault":
            faults.append(f"{number} {base} {name}: {message[:600]}")
        shutil.rmtree(folder / "now")
        if number % 50 == 0:  # models that were loaded
            keras.backend.clear_session()
            gc.collect()
    return rows, faults


def table(rows):
    """The figures as lines of text."""
    head = f"{'mutation (# hashes made anew)':32}" + "".join(f"{name:>9}" for name in OUTCOMES)
    lines = [f"{head}{'slowest s':>11}{'most MB':>9}"]
    total = {"outcomes": Counter(), "seconds": 0.0, "megabytes": 0.0}
    for name, row in [*sorted(rows.items()), ("all", total)]:
        counts = "".join(f"{row['outcomes'][outcome]:9}" for outcome in OUTCOMES)
        lines.append(f"{name:32}{counts}{row['seconds']:11.2f}{row['megabytes']:9.1f}")
        total["outcomes"] += row["outcomes"]
        for figure in ("seconds", "megabytes"):
            total[figure] = max(total[figure], row[figure])
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of mutations")
    parser.add_argument("--verbose", action="store_true", help="print every outcome")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        rows, faults = fuzz(
            options.count, options.seed, Path(folder), options.only, options.verbose
        )
    print(table(rows), *faults, sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
