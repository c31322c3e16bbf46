"""Weights of rows in a Forecaster's batches and fits."""

import numpy as np
import pytest

from forecaster import Training
from forecaster.training.loop import Part, _batches
from forecaster.training.task import Run
from tests.helpers.fits import Recorder
from tests.helpers.panels import (
    HORIZON,
    TARGETS,
    new_forecaster,
    quiet,
    random_rows,
)
from tests.helpers.tiny import engine

NAN = np.nan


def task_of(rows, **parameters):
    model = new_forecaster(**parameters)
    with quiet():
        table = engine(model).read(rows)
    return engine(model)._task(table, engine(model).window_spec(table), Run())


def drawn(rows, count=40, **parameters):
    """The first batches that are learned from: inputs, targets and weights of so many windows."""
    how = {"training": Training(batch_size=count), "normalization": "none"}  # targets as they are
    task = task_of(rows, **how, **parameters)
    part = Part.of(task, task.table.lengths)
    cutoffs = part.cutoffs(task.first_cutoff, HORIZON)
    return next(iter(_batches(task, part, cutoffs).as_numpy_iterator())), len(cutoffs)


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_the_weight_of_a_value_is_that_of_its_row(channels):
    """Weights that name their row; what a value counts without them is another test's."""
    rows = random_rows(0, [(0, 16), (75, 12)], gaps=0.3)
    rows["w"] = 1.0 + np.arange(len(rows))
    count = 4 * (13 + 9) // (1 if channels == "independent" else 2)
    (_, target, weight), windows = drawn(rows, count, channels=channels)
    (_, same_target, plain), _ = drawn(rows, count, channels=channels, weight_column=None)
    assert windows == (40 if channels == "independent" else 20)
    np.testing.assert_array_equal(same_target, target)
    ratio = np.divide(weight, plain, out=np.full_like(weight, NAN), where=plain > 0)
    assert (weight[plain == 0] == 0).all()
    of_value = {
        np.float32(own[name].iloc[row]): own["w"].iloc[row]
        for _, own in rows.groupby("id")
        for name in TARGETS
        for row in range(len(own))
    }
    expected = np.array([of_value.get(value, NAN) for value in target.ravel()])
    known = plain.ravel() > 0
    ratio = ratio.ravel()[known] / expected[known]
    assert not np.isnan(ratio).any()
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)  # up to a factor of all of them


def learned(rows, **parameters):
    """The weights after each epoch, and the history of a fit."""
    model, recorder = new_forecaster(**parameters), Recorder()
    with quiet():
        model.fit(rows, callbacks=[recorder], verbose=0)
    return recorder.weights, model.history_


def test_a_row_of_weight_0_has_no_part_in_the_loss():
    """In the batches it is as if its target were missing, and the others count as they did."""
    rows = random_rows(0, [(0, 16), (75, 12)], gaps=0.3)
    rows["w"] = np.where(rows.index % 3 == 1, 0.0, 1.0)
    (_, target, weight), _ = drawn(rows)
    (_, _, plain), _ = drawn(rows, weight_column=None)
    idle = rows.loc[rows["w"] == 0, TARGETS].to_numpy(np.float32)
    is_idle = np.isin(target, idle[~np.isnan(idle)])
    assert 0.2 < is_idle.mean() < 0.5
    np.testing.assert_array_equal(weight[is_idle], 0)
    np.testing.assert_array_equal(weight[~is_idle] > 0, plain[~is_idle] > 0)


@pytest.mark.slow
@pytest.mark.parametrize("newest", ["rows that train", "rows held out"])
def test_a_row_of_weight_0_may_hold_anything(newest):
    """An outlier behind every past there is moves no weight, and no score.

    The newest target of each window that trains is in no past of one, and that of those held out
    in none at all. What is left is the loss, the score, and the unit that both count in.
    """
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.0)
    place = rows.groupby("id").cumcount(ascending=False) == (
        3 if newest == "rows that train" else 0
    )
    rows.loc[place, "w"] = 0.0
    outlier = rows.copy()
    outlier.loc[place, "y"] = 1e5
    (one, history), (other, again) = learned(rows), learned(outlier)
    for before, after in zip(one, other, strict=True):
        for a, b in zip(before, after, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)
    if newest == "rows held out":
        assert again.validation_score == pytest.approx(history.validation_score, rel=1e-6)


@pytest.mark.slow
def test_only_the_ratios_of_weights_matter():
    """Weights in cents or billions, and all alike, which are as good as none."""
    rows = random_rows(0, [(0, 26), (75, 20)], gaps=0.3)
    weights = np.random.default_rng(0).integers(1, 5, len(rows))
    how = {"training": Training(epochs=1, batch_size=8, validation=3)}  # fits and refits

    def with_weights(weights):
        return learned(rows.assign(w=weights), **how)

    pairs = [
        (learned(rows, weight_column=None, **how), with_weights(2.0**40)),
        (with_weights(1.0 * weights), with_weights(2.0**-40 * weights)),
    ]
    for (one, history), (other, again) in pairs:
        for before, after in zip(one, other, strict=True):
            for a, b in zip(before, after, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)
        assert again.loss == pytest.approx(history.loss, rel=1e-4)
    assert pairs[1][0][1].loss != pytest.approx(pairs[0][0][1].loss, rel=1e-4)
