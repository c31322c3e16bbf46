"""The form of synthetic tasks: sequences with targets, and helpers that lay them out."""

from dataclasses import dataclass

import numpy as np

Seed = int | np.random.Generator


@dataclass(frozen=True)
class Sequences:
    """Sequences with targets, and the steps at which a target counts.

    Args:
        inputs: (N, T, F), float32.
        targets: (N, T, O), float32; zero where no target counts.
        weights: (N, T), float32: 1 at the steps whose target counts, 0 elsewhere.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def random_ends(rng: np.random.Generator, count: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the last step of each sequence, of lengths T, ..., T + T // 10; return all steps too."""
    width = length + length // 10
    return rng.integers(length - 1, width, size=count), np.arange(width)


PADDING = -1  # the symbol that `one_hot` turns to zeros


def one_hot(symbols: np.ndarray, size: int) -> np.ndarray:
    """Encode ints from 0 to `size` - 1 one-hot, `PADDING` as zeros: (...,) -> (..., size)."""
    return np.eye(size + 1, size, dtype=np.float32)[symbols]


def ask_once(inputs: np.ndarray, ends: np.ndarray, answers: np.ndarray) -> Sequences:
    """Make sequences (N, T, F) with targets `answers` (N, O) at the steps `ends` (N,) alone."""
    count, width = inputs.shape[:2]
    targets = np.zeros((count, width, answers.shape[1]), np.float32)
    weights = np.zeros((count, width), np.float32)
    targets[np.arange(count), ends] = answers
    weights[np.arange(count), ends] = 1
    return Sequences(inputs.astype(np.float32, copy=False), targets, weights)
