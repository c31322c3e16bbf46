"""Panels with everything that a Forecaster takes, and fits so cheap that properties can run many.

A cheap fit is a digest: its weights are a hash of all that it was shown, and its forecast of a
window is a hash of those and of every input of the window. Whatever a forecast depends on moves it.
"""

import hashlib
import json
from contextlib import contextmanager
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from hypothesis import strategies as st

from forecaster import Forecaster, Training
from forecaster.fitted import Fitted, untrained
from forecaster.inputs.spec import NUMBER
from forecaster.network.model import set_scaling
from forecaster.training import loop as training_module
from forecaster.training.callbacks import FitHistory
from forecaster.training.loop import Part, Trained
from forecaster.training.task import Run
from forecaster.training.validation import series_scales
from tests.helpers.panel_rows import (
    DAY,
    KEYS,
    ROLES,
    TARGETS,
    one_id,
    quiet,
    random_columns,
    random_rows,
)
from tests.helpers.panel_rows import laid_out as laid_out  # for those who import from here
from tests.helpers.tiny import engine

LENGTH, HORIZON, SEASON, VALIDATION = 4, 2, 3, 3
FEWEST = SEASON + HORIZON + VALIDATION  # rows that can be fitted on
TRAINING = Training(epochs=2, batch_size=8, validation=VALIDATION, refit=False)
LONG = {"id_column": "id", "time_column": "t", "target": "y"}  # of one target, as options

seeds = st.integers(0, 2**16)


def everything(spec):
    """A network that takes all inputs there are: one matrix from all of them to the horizon."""
    shapes = {
        "past": (spec.input_length, spec.channels),
        "observed": (spec.input_length, spec.channels),
        "past_covariates": (spec.input_length, spec.past_covariates),
        "future_covariates": (spec.horizon, spec.future_covariates),
        "static": (spec.static,),
    }
    inputs = {name: keras.Input(s, name=name) for name, s in shapes.items() if s[-1]}
    flat = keras.layers.Concatenate()([keras.layers.Flatten()(part) for part in inputs.values()])
    initializer = keras.initializers.GlorotUniform(spec.seed)
    answer = keras.layers.Dense(spec.horizon * spec.width, kernel_initializer=initializer)(flat)
    return keras.Model(inputs, keras.layers.Reshape((spec.horizon, spec.width))(answer))


def new_forecaster(layout="long", **parameters):
    """A forecaster of daily panels as `random_rows` makes them, not fitted yet."""
    defaults = {"horizon": HORIZON, "input_length": LENGTH, "season_length": SEASON, "freq": "D"}
    defaults |= {"network": everything, "training": TRAINING, "target": TARGETS}
    defaults |= {"time_features": ["day_of_week"], "weight_column": "w"}
    return Forecaster(**defaults | ROLES | KEYS[layout] | parameters)


def forecaster_without_covariates(layout="long", **parameters):
    """A forecaster of the column "y" alone."""
    how = {name: () for name in ("past_covariates", "future_covariates", "static_covariates")}
    how |= {"target": "y", "weight_column": None, "time_features": None}
    return new_forecaster(layout, **how | parameters)


def with_noise(model, frame, seed=0):
    """`model` as if it were fitted on `frame`, but with trained weights that are distinct noise."""
    driver = engine(model)
    table = driver.read(frame)
    spec = driver.window_spec(table)
    part = Part.of(driver._task(table, spec, Run()), table.lengths)
    trained = replace(
        untrained(driver.config, spec, part.coder, part.spreads), history=FitHistory([1.0])
    )
    generator = np.random.default_rng(seed)
    for variable in trained.model.trainable_variables:
        variable.assign(generator.normal(0, 0.3, variable.shape))
    set_scaling(trained.model, part.coder.scaling())
    return model._adopt(Fitted.on(table, driver.config, spec, trained))


def ramp_rows(lengths, starts, freq="D", column="y"):
    """Ids "A", "B", ...: every value is 1000 * id + row, and so names both."""
    parts = []
    for position, (length, start) in enumerate(zip(lengths, starts, strict=True)):
        if isinstance(start, int):
            times = start + np.arange(length)
        elif isinstance(start, pd.Period):
            times = pd.period_range(start, periods=length)
        else:
            times = pd.date_range(start, periods=length, freq=freq)
        values = 1000.0 * (position + 1) + np.arange(length)
        parts.append(pd.DataFrame({"id": "ABCDEFGH"[position], "t": times, column: values}))
    return pd.concat(parts, ignore_index=True)


# Random panels.

PANEL = random_rows(0, [(0, 26), (75, 20), (240, 9)], gaps=0.3)  # from days 0, 3 and 10 on


def altered_after(rows, moment, seed, new_rows=True, new_ids=True):
    """The same rows up to a moment, and after it nothing as it was but the known future.

    Targets, past covariates and weights after the moment are others, with categories that were not
    there; so are future covariates after the horizon. With `new_rows` some of those rows are
    missing, and others are new; with `new_ids` there is one id more.
    """
    generator, parts = np.random.default_rng(seed), []
    for label, own in rows.groupby("id", sort=False):
        own = own.reset_index(drop=True)
        row, known = np.arange(len(own)), int((own["t"] <= moment).sum())
        after, beyond = row >= known, row >= known + HORIZON if known else row >= 0
        other = random_columns(generator, len(own), 0.5, "abxy")
        other[[*TARGETS, "p", "f"]] *= 1e3
        for name in other:
            own.loc[beyond if name in "fg" else after, name] = other[name]
        if not known:
            own["s"], own["c"] = 99.0, "new"
        if new_rows:
            kept = ~beyond | (generator.random(len(own)) < 0.7)
            kept[-1] |= label == "id0"  # the timeline must not end before the cutoffs
            own = own[kept]
            if len(own) and own["t"].iloc[-1] > moment - DAY and generator.random() < 0.5:
                last, s, c = own.iloc[-1][["t", "s", "c"]]
                more = one_id(generator, label, last + DAY, 3, 0.5, "axy")
                own = pd.concat([own, more.assign(s=s, c=c)])
        parts.append(own)
    if new_ids:
        later = moment + pd.Timedelta(hours=int(generator.integers(1, 99)))
        parts.append(one_id(generator, "id_new", later, 5, 0.5, "xy"))
    return pd.concat(parts, ignore_index=True)


# Fits that are digests.


def digest(*arrays):
    """(8,) uint32."""
    sha = hashlib.sha256()
    for array in arrays:
        array = np.array(array)
        if array.dtype.kind == "f":
            array[np.isnan(array)] = 0  # as code 0 is; no number here is 0
        sha.update(repr((array.shape, array.dtype)).encode())
        sha.update(array.tobytes())
    return np.frombuffer(sha.digest(), np.uint32)


def hashed_forward(seen, spec):
    """A forward pass: the digest of what was `seen` and of all inputs, 0 to 1, of each window."""

    def forward(inputs):
        parts = [np.asarray(inputs[name]) for name in sorted(inputs)]
        windows = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        hashes = np.array([digest(seen, window)[0] for window in windows], np.float32)
        shape = (len(hashes), spec.horizon, spec.channels, spec.head_width)
        return tf.constant(np.broadcast_to(hashes[:, None, None, None] / 2**32, shape))

    return forward


def shown(task, part):
    """The digest of all that a fit on a part of the rows is shown: windows, scales, categories."""
    spec, cutoffs = task.spec, part.cutoffs(task.first_cutoff, task.spec.horizon)
    series, cutoff = cutoffs.locate(np.arange(len(cutoffs)))
    inputs = part.source.windows(series, cutoff, spec).inputs
    scales = series_scales(task.table, part.rows, spec.season_length)  # (S, I)
    scales = scales[:, series] if task.is_joint else scales.ravel()[series]
    scaling = [  # of numbers alone: what stands beside categories is never used
        numbers[np.equal(getattr(part.coder.kinds, group), NUMBER)]
        for group, pair in part.coder.scaling().items()
        for numbers in pair
    ]
    return digest(
        *(inputs[name] for name in sorted(inputs)),
        part.source.gather(series, cutoff, 0, spec.horizon),
        part.source.weights(series, cutoff, spec.horizon),
        scales,
        *scaling,
        [] if part.spreads is None else part.spreads.values[part.rows > 0],
        json.dumps(part.coder.to_json()),
    )


def _hashed_fit(task, name, part, epochs, history, scorer=None, rates=()):
    seen = shown(task, part)
    history.loss.append(0.0)
    if scorer:
        history.validation_score.append(scorer(hashed_forward(seen, task.spec)))
        seen = digest(seen, scorer.naive_score, history.validation_score)
    return Trained(part.coder, None, hashed_forward(seen, task.spec), history, part.spreads)


@contextmanager
def hashed_fits():
    """Every fit is a digest meanwhile: nothing is trained, all else is as it is."""
    trained, training_module._fit = training_module._fit, _hashed_fit
    try:
        with quiet():
            yield
    finally:
        training_module._fit = trained


# Calculations that anyone can check, of one series alone.


def slow_naive(known, horizon, season):
    """The seasonal naive forecast after all values of a list."""
    observed = [value for value in known if not np.isnan(value)]
    forecast = []
    for step in range(horizon):
        same_step = [
            v for v in known[::-1][season - 1 - step % season :: season] if not np.isnan(v)
        ]
        forecast.append((same_step + observed[::-1] + [np.nan])[0])
    return forecast


def slow_scales(known, season):
    """Mean difference from one season before, and mean squared one; NaN where there is none."""
    pairs = [abs(b - a) for a, b in zip(known, known[season:], strict=False)]
    pairs = [pair for pair in pairs if not np.isnan(pair)]
    return (np.mean(pairs), np.mean(np.square(pairs))) if pairs else (np.nan, np.nan)


def slow_unit(known, season):
    """What errors of a series count in: the naive's mean error, else the spread, else NaN."""
    observed = [value for value in known if not np.isnan(value)]
    for unit in (slow_scales(known, season)[0], np.std(observed) if observed else np.nan):
        if unit > 0:
            return unit
    return np.nan


def listed_windows(rows, moments, horizon, season, targets):
    """Every window of a backtest: (id, target, cutoff, times, actual, naive, two scales)."""
    windows = []
    for moment in moments:
        for label, own in rows.groupby("id"):
            known = int((own["t"] <= moment).sum())
            if not known or known + horizon > len(own):
                continue
            ahead = own.iloc[known : known + horizon]
            for target in targets:
                past = own[target].iloc[:known].tolist()
                expected = slow_naive(past, horizon, season), slow_scales(past, season)
                label_of = label if len(targets) == 1 else (label, target)
                cutoff = own["t"].iloc[known - 1]
                windows.append((label_of, cutoff, ahead["t"].tolist(), ahead[target], *expected))
    return windows
