"""The layout of synthetic sequences, on numbers that name their own index."""

import numpy as np

from forecaster.datasets.sequences import PADDING, ask_once, one_hot, random_ends


def test_one_hot_leaves_padding_at_zero():
    found = one_hot(np.array([[2, PADDING], [0, 1]]), 3)
    assert found.dtype == np.float32
    assert found.tolist() == [[[0, 0, 1], [0, 0, 0]], [[1, 0, 0], [0, 1, 0]]]


def test_every_length_up_to_a_tenth_more_is_drawn():
    ends, steps = random_ends(np.random.default_rng(0), 2000, 30)
    assert steps.tolist() == list(range(33))
    lengths, counts = np.unique(ends + 1, return_counts=True)
    assert lengths.tolist() == [30, 31, 32, 33]
    assert abs(counts - 500).max() < 80  # four standard deviations


def test_one_step_of_each_sequence_has_a_target():
    inputs = np.arange(24.0).reshape(2, 4, 3)
    sequences = ask_once(inputs, np.array([3, 1]), np.array([[5, 6], [7, 8]]))
    assert sequences.inputs.tolist() == inputs.tolist()
    assert sequences.weights.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]
    assert sequences.targets.tolist() == [
        [[0, 0], [0, 0], [0, 0], [5, 6]],
        [[0, 0], [7, 8], [0, 0], [0, 0]],
    ]
    arrays = (sequences.inputs, sequences.targets, sequences.weights)
    assert {array.dtype for array in arrays} == {np.dtype("float32")}
