"""Networks and fits so small that a test can afford them."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from forecaster.inputs.covariate_coder import CovariateCoder
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.time_features import TimeFeatures
from forecaster.network.heads import Point
from forecaster.network.model import build_model, compile_forward
from forecaster.training import loop as training_module
from forecaster.training.callbacks import FitHistory
from forecaster.training.loop import Trained, train_further
from forecaster.training.optimizer import averaged_weights
from forecaster.training.settings import Training
from forecaster.training.task import Run, Task
from tests.helpers.arrays import make_table


def dense_core(dropout=0.0):
    """A network of two dense layers, which XLA compiles quickly."""

    def network(spec):
        shape = (spec.input_length, spec.channels)
        inputs = {name: keras.Input(shape, name=name) for name in ("past", "observed")}
        hidden = keras.layers.Flatten()(keras.layers.Concatenate()(list(inputs.values())))
        for seed, (units, activation) in enumerate(
            ((8, "tanh"), (spec.horizon * spec.width, None))
        ):
            initializer = keras.initializers.GlorotUniform(spec.seed + seed)
            hidden = keras.layers.Dense(units, activation, kernel_initializer=initializer)(hidden)
            if seed == 0:
                hidden = keras.layers.Dropout(dropout, seed=spec.seed)(hidden)
        return keras.Model(inputs, keras.layers.Reshape((spec.horizon, spec.width))(hidden))

    return network


def make_task(
    values,
    *,
    lengths=None,
    input_length=8,
    horizon=3,
    season_length=4,
    seed=0,
    network=None,
    output=None,
    normalization="standard",
    joint=False,
    training=None,
    resume_dir=None,
    **how,
):
    """A fit of `dense_core` on the table with these values."""
    table, output = make_table(values, lengths), output or Point()
    channels = table.num_targets if joint else 1
    spec = WindowSpec(input_length, horizon, channels, output.width, season_length, seed)

    return Task(
        table=table,
        time_features=TimeFeatures(),
        spec=spec,
        network=network or dense_core(),
        normalization=normalization,
        output=output,
        training=training or Training(epochs=2, refit=False),
        is_joint=joint,
        run=Run(resume_dir=None if resume_dir is None else Path(resume_dir), **how),
    )


def with_run(task, **changes):
    """The same task, watched or kept in another way."""
    return replace(task, run=replace(task.run, **changes))


def new_model(task):
    """The model of a task with fresh weights, as no covariates ask for."""
    return build_model(task.network, task.spec, task.normalization, task.output)


def update(task, model, first):
    """Train a model without covariates further, from the cutoff `first` on."""
    trained = Trained(CovariateCoder(), model, compile_forward(model), FitHistory())
    train_further(task, trained, np.array([first]))


def train(task):
    """Model, forward pass and history of a fit without covariates."""
    trained = training_module.train(task)
    assert trained.coder == CovariateCoder()
    return trained.model, trained.forward, trained.history


class Recorder(keras.callbacks.Callback):
    """What a callback sees after each epoch: logs, gradient steps, and the averaged weights."""

    def __init__(self):
        super().__init__()
        self.weights, self.logs, self.steps, self.runs = [], [], [], 0

    def on_train_begin(self, logs=None):
        self.runs += 1

    def on_epoch_end(self, epoch, logs=None):
        with averaged_weights(self.model):
            self.weights.append(self.model.get_weights())
        self.logs.append(dict(logs))
        self.steps.append(int(self.model.optimizer.iterations))


def assert_same_weights(found, expected):
    """Bit for bit; each a model or a list of arrays."""
    sides = found, expected
    found, expected = (m.get_weights() if isinstance(m, keras.Model) else m for m in sides)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def same_weights(one, other):
    """Whether two models have the same weights, bit for bit."""
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)
