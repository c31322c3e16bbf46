"""Updates of fitted weights by windows with new rows."""

import numpy as np
import pytest

from forecaster.inputs.batches import TrainingCut, training_batches
from forecaster.inputs.windows import Cutoffs, WindowSource
from forecaster.network.heads import Point
from forecaster.training.losses import OutputError
from forecaster.training.optimizer import AveragedAdam
from forecaster.training.settings import Training
from forecaster.training.validation import series_scales
from tests.helpers.arrays import walks
from tests.helpers.fits import assert_same_weights, make_task, new_model, update


def test_an_update_goes_on_from_the_weights_at_hand():
    """Keras alone, on every window from the first on, once."""
    task = make_task(walks(2), training=Training(epochs=1, batch_size=5, refit=False))
    model, expected = new_model(task), new_model(task)
    noise = [np.random.default_rng(0).normal(size=w.shape) for w in model.get_weights()]
    model.set_weights(noise)
    expected.set_weights(noise)
    update(task, model, 110)
    assert int(model.optimizer.iterations) == 4  # 16 windows of two series

    expected.compile(AveragedAdam(1e-3), OutputError(Point(), "mae"), jit_compile=False)
    weights = (1 / series_scales(task.table, np.array([120]), 4)).astype(np.float32)
    cutoffs = Cutoffs.between(110, np.array([117, 117]))
    cut = TrainingCut(WindowSource(task.table), cutoffs, task.spec, weights)
    batches = training_batches(cut, 5)
    expected.fit(batches, steps_per_epoch=4, shuffle=False, verbose=0)
    assert_same_weights(model, expected)


def test_an_update_without_a_window():
    task = make_task(walks(1, 12))
    model = new_model(task)
    with pytest.raises(ValueError, match="`frame` must have at least 13 rows: history, then"):
        update(task, model, 10)


def test_an_update_that_diverges_changes_nothing():
    task = make_task(walks(), training=Training(learning_rate=1e30, loss="mse", batch_size=4))
    model = new_model(task)
    with pytest.raises(ValueError, match="The fit diverged: its loss or its validation score"):
        update(task, model, 20)
    assert_same_weights(model, new_model(task))
