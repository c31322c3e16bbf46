"""The synthetic tasks against the definitions of their papers, without the code that draws them."""

import re
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.datasets import long_lag
from tests.helpers.sequences import asked, fields, text

TASKS = {  # draw, (T, F, O)
    "reber": (long_lag.embedded_reber, (44, 7, 7)),
    "reber, possible": (partial(long_lag.embedded_reber, possible=True), (44, 7, 7)),
    "noise-free": (partial(long_lag.noise_free_lag, lag=20), (20, 21, 21)),
    "distractors": (partial(long_lag.distractors, lag=30, symbols=5), (73, 9, 2)),
    "two-sequence": (partial(long_lag.two_sequence, length=40), (44, 1, 1)),
    "adding": (partial(long_lag.adding, length=40), (44, 2, 1)),
    "multiplication": (partial(long_lag.multiplication, length=40), (44, 2, 1)),
    "order of 2": (partial(long_lag.temporal_order, symbols=2), (110, 8, 4)),
    "order of 3": (partial(long_lag.temporal_order, symbols=3), (110, 8, 8)),
    "spikes": (partial(long_lag.timed_spikes, least=7, delays=(0, 2, 5), spikes=4), (48, 1, 1)),
}
task = pytest.mark.parametrize(("draw", "shape"), TASKS.values(), ids=TASKS.keys())
seeds = given(seed=st.integers(0, 2**32 - 1))
few = settings(max_examples=20, deadline=None)


@task
def test_shapes_and_dtypes(draw, shape):
    steps, features, outputs = shape
    inputs, targets, weights = fields(draw(5, seed=0))
    assert inputs.shape == (5, steps, features)
    assert targets.shape == (5, steps, outputs)
    assert weights.shape == (5, steps)
    assert inputs.dtype == targets.dtype == weights.dtype == np.float32
    assert set(np.unique(weights)) <= {0, 1}


@task
def test_same_seed_same_bits(draw, shape):
    first, second, other = (fields(draw(20, seed=seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


@task
def test_a_generator_goes_on(draw, shape):
    generator = np.random.default_rng(3)
    first, second = draw(20, seed=generator), draw(20, seed=generator)
    assert np.array_equal(first.inputs, draw(20, seed=3).inputs)
    assert not np.array_equal(first.inputs, second.inputs)


@task
def test_nothing_is_asked_of_padding_and_nothing_but_zero_where_nothing_is_asked(draw, shape):
    inputs, targets, weights = fields(draw(50, seed=5))
    assert not targets[weights == 0].any()
    for values, weight in zip(inputs, weights, strict=True):
        last = weight.nonzero()[0][-1]
        assert not values[last + 2 :].any()  # Reber strings end one after the last prediction


def test_noise_free_lag_has_two_sequences_that_differ_at_their_ends():
    inputs, targets, weights = fields(long_lag.noise_free_lag(50, lag=9, seed=1))
    strings = {
        text(np.vstack([one, other[-1:]]), "abcdefghxy")
        for one, other in zip(inputs, targets, strict=True)
    }
    assert strings == {"xabcdefghx", "yabcdefghy"}
    assert np.array_equal(inputs[:, 1:], targets[:, :-1])
    assert weights.all()


@few
@seeds
def test_distractors_recall_the_second_symbol(seed):
    sequences = long_lag.distractors(20, lag=30, symbols=5, seed=seed)
    for number, one_hot in enumerate(sequences.inputs):
        string = text(one_hot, "01234ebxy")
        found = re.fullmatch("b([xy])([0-4]{30,70})e", string)
        assert found, string
        step, target = asked(sequences, number)
        assert step == len(string) - 1
        assert target.tolist() == {"x": [1, 0], "y": [0, 1]}[found[1]]


def test_the_end_of_distractors_is_geometric():
    _, _, weights = fields(long_lag.distractors(20_000, lag=10, symbols=2, seed=2))
    extra = weights.argmax(axis=1) - 12
    assert extra.min() == 0
    assert extra.max() == 40
    for k in (0, 1, 5, 20):
        assert np.mean(extra >= k) == pytest.approx(0.9**k, abs=0.015)


@few
@seeds
def test_two_sequences_tell_their_class_first(seed):
    sequences = long_lag.two_sequence(20, length=40, informative=3, seed=seed)
    for number, values in enumerate(sequences.inputs[..., 0]):
        step, target = asked(sequences, number)
        assert 40 <= step + 1 <= 44
        assert values[:3].tolist() == [2 * target[0] - 1] * 3


def test_the_rest_of_two_sequences_is_noise_of_variance_a_fifth():
    noise = long_lag.two_sequence(2000, length=50, informative=1, seed=0).inputs[:, 1:50]
    assert noise.mean() == pytest.approx(0.0, abs=0.01)
    assert noise.var() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("draw", "low", "answer"),
    [
        (long_lag.adding, -1, lambda a, b: 0.5 + (a + b) / 4.0),
        (long_lag.multiplication, 0, lambda a, b: a * b),
    ],
    ids=["adding", "multiplication"],
)
@few
@seeds
def test_the_answer_comes_from_the_two_marked_values(draw, low, answer, seed):
    sequences = draw(20, length=40, seed=seed)
    for number, (values, markers) in enumerate(sequences.inputs.transpose(0, 2, 1)):
        step, target = asked(sequences, number)
        first, second = np.flatnonzero(markers == 1)
        assert 40 <= step + 1 <= 44
        assert first < 10
        assert second < 19  # of the first T / 2 - 1
        assert set(np.flatnonzero(markers == -1)) == {0, step} - {first}
        assert values.min() >= low
        assert values.max() <= 1
        assert target[0] == pytest.approx(answer(values[first], values[second]), abs=1e-6)
        if first == 0:
            assert values[0] == (0 if draw is long_lag.adding else 1)


def test_every_pair_of_places_may_be_marked():
    markers = long_lag.adding(20_000, length=22, seed=0).inputs[..., 1]
    pairs = {tuple(np.flatnonzero(row == 1)) for row in markers}
    assert pairs == set(combinations(range(10), 2))


@pytest.mark.parametrize(
    ("symbols", "earliest"), [(2, (10, 50)), (3, (10, 33, 66))], ids=["two", "three"]
)
@few
@seeds
def test_temporal_order_is_the_word_of_x_and_y(symbols, earliest, seed):
    sequences = long_lag.temporal_order(20, symbols=symbols, seed=seed)
    for number, one_hot in enumerate(sequences.inputs):
        string = text(one_hot, "abcdXYEB")
        step, target = asked(sequences, number)
        assert 100 <= len(string) == step + 1 <= 110
        places = [found.start() + 1 for found in re.finditer("[XY]", string)]
        assert all(0 <= at - least <= 10 for at, least in zip(places, earliest, strict=True))
        assert re.fullmatch("E[abcdXY]+B", string)
        word = "".join(re.findall("[XY]", string)).replace("X", "0").replace("Y", "1")
        assert target.sum() == target[int(word, base=2)] == 1


def test_temporal_order_asks_for_two_or_three_symbols():
    with pytest.raises(ValueError, match=r"`symbols` must be 2 or 3. Received: symbols=4"):
        long_lag.temporal_order(1, symbols=4, seed=0)


@few
@seeds
def test_spikes_come_when_they_are_asked_for(seed):
    sequences = long_lag.timed_spikes(20, least=7, delays=(0, 2, 5), spikes=4, seed=seed)
    for inputs, targets, weights in zip(*fields(sequences), strict=True):
        spikes = np.flatnonzero(targets)
        starts = np.array([0, *(spikes[:-1] + 1)])
        delays = inputs[starts, 0]
        assert len(spikes) == 4
        assert set(delays) <= {0, 2, 5}
        assert np.array_equal(np.diff([-1, *spikes]), 7 + delays)
        assert inputs.sum() == delays.sum()  # silent elsewhere
        assert np.array_equal(np.flatnonzero(weights), np.arange(spikes[-1] + 1))


@pytest.mark.parametrize(
    ("wave", "expected"),
    [
        ("cosine", [0.5, 1.0, 0.5, 0.0]),
        ("triangle", [0.5, 1.0, 0.5, 0.0]),
        ("rectangle", [0.0, 0.0, 1.0, 0.0]),
    ],
)
def test_periodic_functions(wave, expected):
    inputs, targets, weights = fields(long_lag.periodic(3, wave=wave, period=4, periods=5))
    assert inputs.shape == targets.shape == (3, 20, 1)
    assert not inputs.any()
    assert weights.all()
    assert targets.reshape(3, 5, 4) == pytest.approx(np.broadcast_to(expected, (3, 5, 4)), abs=1e-7)


def test_a_wave_must_be_known():
    with pytest.raises(ValueError, match="`wave` must be one of cosine, triangle, rectangle"):
        long_lag.periodic(1, wave="saw")
