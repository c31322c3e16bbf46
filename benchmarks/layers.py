"""How long a training step of each layer takes, as a ratio to `keras.layers.LSTM`.

    python benchmarks/layers.py
    python benchmarks/layers.py --layers peephole_lstm min_lstm --shapes 64,96,1,32 --rounds 15
    python benchmarks/layers.py --chosen --rounds 25

What is timed is a step of `Model.fit` on TensorFlow: layer, one dense unit, mean squared error,
Adam, several steps an execution, as the `Forecaster` trains. For each shape (batch, steps,
features, units) all models live in one fresh process and take turns; a ratio is the median
over rounds of a layer's time over that of `keras.layers.LSTM` in the faster of its two regimes,
without and with XLA. Every layer is timed in both, too; a star marks the regime that the
`Forecaster` chooses, and `--chosen` leaves out the other. torch's `nn.LSTM`, run eagerly as torch
does, joins if torch is installed.
"""

import argparse
import importlib.util
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import keras
import numpy as np
import tensorflow as tf

from custom_layers import RECURRENT_LAYERS

SHAPES = (
    "32,24,4,32",
    "64,96,1,32",
    "32,96,8,64",
    "32,168,8,128",
    "128,336,7,64",
    "256,96,16,128",
    "64,15,48,128",
)
KERAS, TORCH = "keras lstm", "torch lstm"
STEPS = 8  # in an execution
REGIMES = {"without XLA": False, "with XLA": True}


def main():
    arguments = parsed()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # for the processes to come
    print(f"{len(os.sched_getaffinity(0))} cores, {arguments.rounds} rounds; ratios to {KERAS!r}")
    for shape in arguments.shapes:
        # XLA never gives back what it compiled, so every shape has a process of its own.
        with ProcessPoolExecutor(1, get_context("spawn")) as executor:
            times, chosen = executor.submit(
                measured, shape, arguments.layers, arguments.rounds, arguments.chosen
            ).result()
        show(shape, times, chosen)


def parsed():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--layers",
        nargs="+",
        choices=RECURRENT_LAYERS,
        default=list(RECURRENT_LAYERS),
        metavar="LAYER",
        help="names; default: all",
    )
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="batch,steps,features,units")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--chosen", action="store_true", help="only the regime of the Forecaster")
    return parser.parse_args()


def measured(shape, names, rounds, only_chosen):
    """Milliseconds a step by (layer, regime), a list over rounds; and the regimes chosen."""
    tf.get_logger().setLevel("ERROR")  # many models in one process: it warns of retracing
    batch, steps, features, units = map(int, shape.split(","))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, steps, features)).astype("float32")
    y = x.mean(axis=1)[:, :1]
    layers = {KERAS: keras.layers.LSTM} | {name: RECURRENT_LAYERS[name] for name in names}

    runs, chosen = {}, {}
    for name, layer in layers.items():
        built = layer(units)
        built.build(x.shape)
        chosen[name] = "without XLA" if getattr(built, "compiles_itself", False) else "with XLA"
        regimes = [chosen[name]] if only_chosen and name != KERAS else REGIMES
        for regime in regimes:
            runs[name, regime] = keras_run(layer(units), x, y, jit=REGIMES[regime])
    if importlib.util.find_spec("torch"):
        runs[TORCH, "without XLA"] = torch_run(x, y, units)

    times = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            start = time.perf_counter()
            run()
            times[key].append((time.perf_counter() - start) / STEPS * 1e3)
    return times, chosen


def keras_run(layer, x, y, jit):
    """Return a function that makes `STEPS` steps, compiled and warm."""
    model = keras.Sequential([keras.Input(x.shape[1:]), layer, keras.layers.Dense(1)])
    model.compile(
        optimizer=keras.optimizers.Adam(), loss="mse", jit_compile=jit, steps_per_execution=STEPS
    )
    batches = tf.data.Dataset.from_tensors((x, y)).repeat()
    model.fit(batches, steps_per_epoch=STEPS, shuffle=False, verbose=0)
    iterator = iter(batches)
    step = model.train_function  # what `fit` calls for each execution

    def run():
        float(step(iterator)["loss"])  # waits until it is done

    run()
    return run


def torch_run(x, y, units):
    """Do the same with torch."""
    import torch

    x, y = torch.from_numpy(x), torch.from_numpy(y)
    lstm = torch.nn.LSTM(x.shape[2], units, batch_first=True)
    dense = torch.nn.Linear(units, 1)
    optimizer = torch.optim.Adam([*lstm.parameters(), *dense.parameters()])

    def run():
        for _ in range(STEPS):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(dense(lstm(x)[0][:, -1]), y).backward()
            optimizer.step()

    run()
    return run


def show(shape, times, chosen):
    medians = {key: np.median(values) for key, values in times.items()}
    fastest = min(((KERAS, regime) for regime in REGIMES), key=medians.get)
    print(f"\n({shape.replace(',', ', ')})  {KERAS}: {medians[fastest]:.2f} ms a step {fastest[1]}")
    print(f"{'':24}{'without XLA':>14}{'with XLA':>14}")
    for name in dict.fromkeys(name for name, _ in times):
        cells = []
        for regime in REGIMES:
            if (name, regime) not in times:
                cells.append("")
                continue
            ratio = np.median(np.divide(times[name, regime], times[fastest]))
            cells.append(f"{ratio:.2f}{'*' if chosen.get(name) == regime else ' '}")
        print(f"{name:24}{cells[0]:>14}{cells[1]:>14}", flush=True)


if __name__ == "__main__":
    main()
