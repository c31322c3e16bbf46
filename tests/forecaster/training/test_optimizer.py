"""The running averages of weights, beside a mean with the weights that they should have."""

import functools
import gc

import keras
import numpy as np
import pytest

from forecaster.training.optimizer import AveragedAdam, averaged_weights


def line(optimizer, **how):
    """A line through noise, with weights that never come to rest."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile(optimizer, "mse", **how)
    return model, rng.normal(size=(40, 3)), rng.normal(size=(40, 2))


@functools.cache
def trajectory(steps):
    """The weights of Keras's own Adam after each step."""
    model, x, y = line(keras.optimizers.Adam(0.1))
    weights = []
    for _ in range(steps):
        model.train_on_batch(x, y)
        weights.append(model.get_weights())
    return weights


def shares(steps):
    """What the weights after each step count in the average of all, by its formula."""
    shares = np.zeros(steps)
    for step in range(1, steps + 1):
        new = 10 / (step + 9)
        shares *= 1 - new
        shares[step - 1] = new
    return shares


def test_the_first_steps_are_forgotten():
    assert shares(1).tolist() == [1]
    assert shares(300).sum() == pytest.approx(1)
    assert shares(300)[-60:].sum() > 0.85
    assert shares(300)[:150].sum() < 0.01


@pytest.mark.parametrize(
    ("steps", "how"), [(1, {}), (2, {}), (37, {}), (37, {"jit_compile": True})]
)
def test_a_fit_ends_with_the_averages(steps, how):
    model, x, y = line(AveragedAdam(0.1), **how)
    model.fit(x, y, batch_size=40, epochs=steps, shuffle=False, verbose=0)
    for found, *each in zip(model.get_weights(), *trajectory(steps), strict=True):
        expected = np.tensordot(shares(steps), np.array(each), 1)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_averages_are_inside_and_the_weights_back_afterwards():
    model, x, y = line(AveragedAdam(0.1))
    for _ in range(5):
        model.train_on_batch(x, y)
    before, averages = model.get_weights(), [a.numpy() for a in model.optimizer.averages]
    with pytest.raises(KeyboardInterrupt), averaged_weights(model):
        inside = model.get_weights()
        raise KeyboardInterrupt
    assert_same(inside, averages)
    assert_same(model.get_weights(), before)
    assert not np.array_equal(inside[0], before[0])
    for expected, found in zip(trajectory(5)[-1], before, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def assert_same(these, those):
    for this, that in zip(these, those, strict=True):
        np.testing.assert_array_equal(this, that)


@pytest.mark.slow
def test_a_fit_leaves_no_graph_behind():
    """Keras's own optimizers do: TensorFlow keeps the graph of every custom gradient."""

    def graphs_left():
        model, x, y = line(AveragedAdam(0.1), jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        model.fit(x, y, verbose=0)
        del model
        gc.collect()
        return sum("FuncGraph" in str(type(part)) for part in gc.get_objects())

    assert graphs_left() == graphs_left()
