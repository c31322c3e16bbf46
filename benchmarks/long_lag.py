"""Which cells bridge long lags and keep time: the tasks that proved the LSTM and its peepholes.

A network of the papers' size, one recurrent layer of a few units and a dense map to the outputs,
learns from fresh random sequences of `forecaster.datasets.long_lag`. Every 400 training sequences
(50 for the periodic functions) the paper's criterion is put to other fresh sequences, as many as
the paper asks for; these are not counted. A run ends where the criterion holds, or at the cap of
its task. Printed are how many seeds got there and the median of their training sequences, beside
the paper's LSTM.

    python benchmarks/long_lag.py [--tasks ...] [--cells ...] [--seeds ...] [--results FILE]
    python benchmarks/long_lag.py --picture FILE.png

Each run is a line of FILE, by default long_lag.jsonl beside this script, and is not repeated, so
that a killed call goes on where it stopped and a call that finds all its runs prints the table at
once. Start a new FILE when a recipe changes. The picture shows how the gradient of the last output
fades with the lag of the input.

The recipes were chosen on seeds from 100 up. For all cells of a task they are the same: Adam,
gradients clipped to norm 1, and chrono initialization of the gates that forget.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from _long_lag_tasks import TASKS, Task

from custom_layers import RECURRENT_LAYERS

RESULTS = Path(__file__).with_suffix(".jsonl")
# For each cell its layer, and the signs with which chrono initialization fills the blocks of its
# bias: by a positive one a gate keeps what there is, by a negative one it keeps out what comes.
CELLS = {
    "simple_rnn": (keras.layers.SimpleRNN, None),
    "lstm_1997": (RECURRENT_LAYERS["lstm_1997"], (-1, 0, 0)),
    "lstm": (keras.layers.LSTM, (-1, 1, 0, 0)),
    "peephole_lstm": (RECURRENT_LAYERS["peephole_lstm"], (-1, 1, 0, 0)),
    "coupled_lstm": (RECURRENT_LAYERS["coupled_lstm"], (-1, 0, 0)),
    "gru": (keras.layers.GRU, (1, 0, 0)),
    "min_lstm": (RECURRENT_LAYERS["min_lstm"], (-1, 1, 0)),
}


ACTIVATIONS = {"linear": tf.identity, "sigmoid": tf.sigmoid, "softmax": tf.nn.softmax}
LOSSES = {  # targets and outputs before their activation, (B, T, O) -> (B, T)
    "linear": lambda y, z: tf.reduce_sum(tf.square(y - z), axis=-1),
    "sigmoid": lambda y, z: tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(y, z), axis=-1),
    "softmax": tf.nn.softmax_cross_entropy_with_logits,
}


class Chrono(keras.initializers.Initializer):
    """A bias with which the cell forgets after u steps, u uniform in [1, lag - 1] for each unit.

    Source: Tallec and Ollivier, "Can Recurrent Neural Networks Warp Time?", ICLR 2018.
    """

    def __init__(self, signs: tuple[int, ...], lag: int, seed: int) -> None:
        self.signs, self.lag, self.seed = signs, lag, seed

    def __call__(self, shape, dtype=None):
        units = shape[-1] // len(self.signs)
        logs = np.log(np.random.default_rng(self.seed).uniform(1, self.lag - 1, size=units))
        bias = np.zeros(shape)
        bias.reshape(-1, shape[-1])[0] = np.kron(self.signs, logs)  # Keras's GRU has a second row
        return keras.ops.convert_to_tensor(bias, dtype=dtype)


def recurrent_layer(cell: str, units: int, lag: int | None, seed: int) -> keras.layers.Layer:
    """Make the layer of a cell, initialized to remember `lag` steps where its bias allows it."""
    make, signs = CELLS[cell]
    options: dict[str, Any] = {}
    if signs is not None and lag is not None:
        options["bias_initializer"] = Chrono(signs, lag, seed)
        if cell != "gru":
            options["unit_forget_bias"] = False
    return make(units, return_sequences=True, **options)


class Learner:
    """The network of a task, compiled once for all seeds."""

    def __init__(self, task: Task, cell: str) -> None:
        self.task, self.cell = task, cell
        self.network = self.build(seed=0)
        self.optimizer = keras.optimizers.Adam(task.learning_rate, clipnorm=1.0)
        self.optimizer.build(self.network.trainable_variables)
        self.fresh_optimizer = [variable.numpy() for variable in self.optimizer.variables]

    def build(self, seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)  # kernels are drawn from it
        sample = self.task.draw(1, seed=0)
        inputs = keras.Input(sample.inputs.shape[1:])
        hidden = recurrent_layer(self.cell, self.task.units, self.task.lag, seed)(inputs)
        if self.task.shortcut:
            hidden = keras.layers.Concatenate()([hidden, self.task.shortcut * inputs])
        return keras.Model(inputs, keras.layers.Dense(sample.targets.shape[-1])(hidden))

    def run(self, seed: int) -> int | None:
        """Return the training sequences until the criterion holds; None at the cap."""
        self.network.set_weights(self.build(seed).get_weights())
        for variable, value in zip(self.optimizer.variables, self.fresh_optimizer, strict=True):
            variable.assign(value)
        learning, checking = (np.random.default_rng([seed, stream]) for stream in range(2))
        task = self.task
        for count in range(task.chunk, task.cap + 1, task.chunk):
            drawn = task.draw(task.chunk, seed=learning)
            arrays = (drawn.inputs, drawn.targets, drawn.weights)
            # (chunk, T, ...) -> (updates, batch, T, ...)
            self.learn(*(a.reshape(-1, task.batch, *a.shape[1:]) for a in arrays))
            if self.has_learned(checking):
                return count
        return None

    @tf.function(jit_compile=True)
    def learn(self, inputs, targets, weights):
        loss_of, variables = LOSSES[self.task.output], self.network.trainable_variables
        for update in tf.range(len(inputs)):
            with tf.GradientTape() as tape:
                losses = loss_of(targets[update], self.network(inputs[update], training=True))
                loss = tf.reduce_sum(weights[update] * losses) / self.task.batch
            self.optimizer.apply(tape.gradient(loss, variables), variables)

    @tf.function(jit_compile=True)
    def predict(self, inputs):
        return ACTIVATIONS[self.task.output](self.network(inputs))

    def has_learned(self, generator: np.random.Generator) -> bool:
        """Check that the criterion holds on fresh sequences."""
        task, draw = self.task, self.task.draw_checks or self.task.draw
        wrong, total = 0, 0.0
        blocks = task.checks // task.block
        for _ in range(blocks):
            fresh = draw(task.block, seed=generator)
            outputs = self.predict(fresh.inputs).numpy()
            wrong += np.count_nonzero(~(task.error(outputs, fresh) < task.limit))  # NaN is wrong
            if wrong > task.wrong:
                return False
            total += np.abs(outputs - fresh.targets)[fresh.weights == 1].mean()
        return total / blocks < task.mean


def read_results(path: Path) -> dict[tuple[str, str, int], int | None]:
    """Read the training sequences by task, cell and seed; None for a run that was given up."""
    lines = path.read_text().splitlines() if path.exists() else []
    runs = map(json.loads, lines)
    return {(run["task"], run["cell"], run["seed"]): run["sequences"] for run in runs}


def run_missing(path: Path, tasks: list[str], cells: list[str], seeds: list[int]) -> None:
    done = read_results(path)
    for task in tasks:
        for cell in cells:
            missing = [seed for seed in seeds if (task, cell, seed) not in done]
            learner = Learner(TASKS[task], cell) if missing else None
            for seed in missing:
                started = time.perf_counter()
                sequences = learner.run(seed)
                seconds = round(time.perf_counter() - started, 1)
                run = dict(task=task, cell=cell, seed=seed, sequences=sequences, seconds=seconds)
                with path.open("a") as file:
                    print(json.dumps(run), file=file)
                print(f"{task}, {cell}, seed {seed}: {sequences} in {seconds} s", flush=True)


def table(path: Path, tasks: list[str], cells: list[str], seeds: list[int]) -> Iterator[str]:
    """Yield the lines of a Markdown table: solved of tried, and the median of the solved."""
    done = read_results(path)
    yield f"| task | paper's LSTM | cap | {' | '.join(cells)} |"
    yield "|---" * (len(cells) + 3) + "|"
    for task in tasks:
        paper = TASKS[task].paper
        entries = ["" if paper is None else f"{paper:,}", f"{TASKS[task].cap:,}"]
        for cell in cells:
            runs = [done[task, cell, seed] for seed in seeds if (task, cell, seed) in done]
            solved = [sequences for sequences in runs if sequences is not None]
            entry = f"{len(solved)}/{len(runs)}" if runs else ""
            entries.append(f"{entry}: {median(solved):,.0f}" if solved else entry)
        yield f"| {task} | {' | '.join(entries)} |"


STEPS = 200  # in the picture
COLORS = {
    "simple_rnn": "#8d99ae",
    "lstm_1997": "#8f5fbf",
    "lstm": "#1d3557",
    "peephole_lstm": "#2a7fba",
    "coupled_lstm": "#2a9d8f",
    "gru": "#e9a21b",
    "min_lstm": "#d1495b",
}


def gradient_norms(cell: str, lag: int | None, seed: int) -> np.ndarray:
    """Compute the gradient of the last output by the input at each lag, before any training.

    It is the norm for a random direction of the output, on average over 32 random sequences and
    relative to lag 0; its shape is (STEPS,).
    """
    keras.utils.set_random_seed(seed)
    generator = np.random.default_rng(seed)
    layer = recurrent_layer(cell, 32, lag, seed)
    inputs = tf.constant(generator.standard_normal((32, STEPS, 8)), tf.float32)
    direction = tf.constant(generator.standard_normal(32), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        last = tf.reduce_sum(layer(inputs)[:, -1] * direction)
    norms = np.linalg.norm(tape.gradient(last, inputs), axis=-1).mean(axis=0)[::-1]
    return norms / norms[0]


def draw_picture(path: Path, cells: list[str], seeds: list[int]) -> None:
    figure, panels = plt.subplots(1, 2, figsize=(12, 5.2), sharey=True, layout="constrained")
    titles = {"as the layers start by default": None, f"chrono start for {STEPS} steps": STEPS}
    for panel, (title, lag) in zip(panels, titles.items(), strict=True):
        for cell in cells:
            norms = np.stack([gradient_norms(cell, lag, seed) for seed in seeds])
            middle = np.exp(np.log(np.maximum(norms, 1e-30)).mean(axis=0))
            # Peepholes start at zero: dashes show the LSTM below them.
            dashes = (0, (4, 4)) if cell == "peephole_lstm" else "-"
            panel.semilogy(middle, linestyle=dashes, color=COLORS[cell], linewidth=2.4, label=cell)
        panel.set_title(title, fontsize=14)
        panel.set_xlabel("lag of the input, steps", fontsize=12)
        panel.grid(color="#e6e6e6", linewidth=0.8)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_xlim(0, STEPS - 1)
    panels[0].set_ylim(1e-12, 1e2)
    panels[0].set_ylabel("gradient of the last output, relative to lag 0", fontsize=12)
    panels[1].legend(frameon=False, fontsize=11, ncols=2, loc="lower left")
    figure.suptitle("How far back an untrained cell can learn from", fontsize=17, weight="bold")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="JSON lines to go on from and to add to"
    )
    parser.add_argument("--picture", type=Path, help="PNG to draw the fading gradients in")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS), metavar="CELL")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)), metavar="SEED")
    options = parser.parse_args()
    if options.picture is not None:
        draw_picture(options.picture, options.cells, options.seeds)
        return
    selection = (options.results, options.tasks, options.cells, options.seeds)
    run_missing(*selection)
    print(*table(*selection), sep="\n")


if __name__ == "__main__":
    main()
