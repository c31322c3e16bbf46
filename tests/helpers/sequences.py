"""Synthetic sequences in the form in which tests read them."""

import numpy as np


def fields(sequences):
    return sequences.inputs, sequences.targets, sequences.weights


def asked(sequences, number):
    """Return the one step of sequence `number` that has a target, and the target."""
    (step,) = np.flatnonzero(sequences.weights[number])
    return step, sequences.targets[number, step]


def text(one_hot, alphabet):
    """Return a one-hot sequence (T, F) as a string, without padding."""
    assert set(one_hot.sum(axis=1)) <= {0, 1}
    return "".join(alphabet[row.argmax()] for row in one_hot if row.any())
