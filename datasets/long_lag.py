"""Seeded synthetic tasks that need a long memory or a sense of time, in NumPy alone.

They are the tasks with which the LSTM (Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural
Computation 9, 1997; "HS97" below) and its peepholes (Gers, Schraudolph and Schmidhuber, "Learning
Precise Timing with LSTM Recurrent Networks", JMLR 3, 2002; "GSS02" below) were proven. Each
function draws `count` sequences; the papers draw them one at a time without end, so draw as many
as needed, from one `np.random.Generator`.

Sequences of different lengths are padded with zeros at their end to a width that depends on the
arguments alone, so that every call with the same arguments gives the same shape.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .reber import REBER_SYMBOLS, embedded_reber
from .sequences import PADDING, Seed, Sequences, ask_once, one_hot, random_ends

__all__ = [
    "REBER_SYMBOLS",
    "Seed",
    "Sequences",
    "adding",
    "distractors",
    "embedded_reber",
    "multiplication",
    "noise_free_lag",
    "periodic",
    "temporal_order",
    "timed_spikes",
    "two_sequence",
]


def noise_free_lag(count: int, *, lag: int = 100, seed: Seed) -> Sequences:
    """Draw one of two sequences that differ in first and last symbol: predict the next symbol.

    They are y, a_1, ..., a_(lag-1), y and x, a_1, ..., a_(lag-1), x. Each is drawn with
    probability 1/2.

    Args:
        count: Number of sequences.
        lag: Steps between the first symbol and the last, an int above 1. Default: 100.
        seed: An int, or the generator to draw from.

    Returns:
        Inputs and targets (count, lag, lag + 1), one-hot: a_1, ..., a_(lag-1), x, y; weights are 1
        everywhere.

    Source:
        HS97, experiment 2a, with p = `lag`.
    """
    rng = np.random.default_rng(seed)
    symbols = np.empty((count, lag + 1), int)
    symbols[:, 1:-1] = np.arange(lag - 1)
    symbols[:, 0] = symbols[:, -1] = lag - 1 + rng.integers(2, size=count)
    hot = one_hot(symbols, lag + 1)
    return Sequences(hot[:, :-1], hot[:, 1:], np.ones((count, lag), np.float32))


_MOST_EXTRA = 40  # distractors beyond the lag


def distractors(count: int, *, lag: int = 100, symbols: int | None = None, seed: Seed) -> Sequences:
    """Recall a symbol after many random distractors.

    A sequence is b, then x or y, then `lag` + k distractors, then e; then the x or y of its second
    place is asked for. k is random: after the first `lag` distractors each step is the e with
    probability 1/10.

    Args:
        count: Number of sequences.
        lag: Least number of distractors. Default: 100.
        symbols: Number of different distractors. Default: None, `lag`.
        seed: An int, or the generator to draw from.

    Returns:
        Inputs (count, lag + 43, symbols + 4), one-hot: the distractors, e, b, x, y; targets
        (count, lag + 43, 2), one-hot: x or y; weights are 1 at the e.

    Source:
        HS97, experiment 2c, with q = `lag` and p = `symbols`. Difference: k is at most 40, which
        cuts 1.5 % of the sequences shorter.
    """
    rng = np.random.default_rng(seed)
    symbols = lag if symbols is None else symbols
    e, b, x = symbols, symbols + 1, symbols + 2
    ends = lag + 1 + np.minimum(rng.geometric(0.1, size=count), _MOST_EXTRA + 1)  # where e stands
    steps = np.arange(lag + 3 + _MOST_EXTRA)
    drawn = rng.integers(symbols, size=(count, len(steps)))
    classes = rng.integers(2, size=count)
    drawn[:, 0], drawn[:, 1] = b, x + classes
    drawn[np.arange(count), ends] = e
    drawn[steps > ends[:, None]] = PADDING
    return ask_once(one_hot(drawn, symbols + 4), ends, one_hot(classes, 2))


def two_sequence(count: int, *, length: int = 100, informative: int = 3, seed: Seed) -> Sequences:
    """Tell two classes by the first values; the rest of the sequence is noise on the same channel.

    The first `informative` values are all 1 for class 1 and all -1 for class 2; every later value
    is Gaussian with mean 0 and variance .2. At the end 1 is asked for class 1 and 0 for class 2.

    Args:
        count: Number of sequences.
        length: Least length T; lengths are drawn evenly from T, ..., T + T / 10. Default: 100.
        informative: How many values carry the class. Default: 3.
        seed: An int, or the generator to draw from.

    Returns:
        Inputs and targets (count, length + length // 10, 1); weights are 1 at the last step of a
        sequence.

    Source:
        HS97, experiment 3a, after Bengio et al. (1994).
    """
    rng = np.random.default_rng(seed)
    ends, steps = random_ends(rng, count, length)
    classes = rng.integers(2, size=(count, 1))
    values = np.sqrt(0.2) * rng.standard_normal((count, len(steps)))
    values = np.where(steps < informative, 2 * classes - 1, values) * (steps <= ends[:, None])
    return ask_once(values[..., None], ends, classes)


def adding(count: int, *, length: int = 100, seed: Seed) -> Sequences:
    """Add two marked values among many: the answer is .5 + (X1 + X2) / 4.

    Each step has a value, drawn evenly from [-1, 1], and a marker: 1 at two steps, -1 at the first
    and the last step (which may not be marked), 0 elsewhere. One of the first ten steps is marked,
    then another of the first T / 2 - 1. If the first step is marked, its X counts as 0 and its
    marker is 1.

    Args:
        count: Number of sequences.
        length: Least length T, 22 or more; lengths are drawn evenly from T, ..., T + T / 10.
            Default: 100.
        seed: An int, or the generator to draw from.

    Returns:
        Inputs (count, length + length // 10, 2): value and marker; targets of 1 feature; weights
        are 1 at the last step of a sequence.

    Source:
        HS97, experiment 4. Difference: where the first step is marked, which the paper calls rare,
        its value is set to 0 in the inputs, so that the rule holds for every sequence.
    """
    return _two_marked(count, length, (-1.0, 1.0), 0.0, lambda a, b: 0.5 + (a + b) / 4, seed)


def multiplication(count: int, *, length: int = 100, seed: Seed) -> Sequences:
    """Multiply two marked values among many: the answer is X1 X2.

    As `adding`, with values drawn evenly from [0, 1], and an X of 1 where the first step is marked.

    Args:
        count: Number of sequences.
        length: Least length T, as for `adding`. Default: 100.
        seed: An int, or the generator to draw from.

    Returns:
        As `adding`.

    Source:
        HS97, experiment 5, with the same difference as `adding`.
    """
    return _two_marked(count, length, (0.0, 1.0), 1.0, np.multiply, seed)


def _two_marked(
    count: int,
    length: int,
    bounds: tuple[float, float],
    neutral: float,
    answer: Callable[[np.ndarray, np.ndarray], np.ndarray],
    seed: Seed,
) -> Sequences:
    """Draw sequences with two marked values; `neutral` is the value of a marked first step."""
    rng = np.random.default_rng(seed)
    ends, steps = random_ends(rng, count, length)
    rows = np.arange(count)
    values = rng.uniform(*bounds, size=(count, len(steps)))
    first = rng.integers(10, size=count)
    second = rng.integers(length // 2 - 2, size=count)  # one of the T / 2 - 1 but `first`:
    second += second >= first  # those after `first` move up by one
    markers = np.zeros_like(values)
    markers[:, 0] = markers[rows, ends] = -1
    markers[rows, first] = markers[rows, second] = 1
    values[markers[:, 0] == 1, 0] = neutral
    inputs = np.stack([values * (steps <= ends[:, None]), markers], axis=-1)
    return ask_once(inputs, ends, answer(values[rows, first], values[rows, second])[:, None])


_PLACES = {2: (10, 50), 3: (10, 33, 66)}  # the first step, from 1, at which each X or Y may stand


def temporal_order(count: int, *, symbols: Literal[2, 3] = 2, seed: Seed) -> Sequences:
    """Tell in which order two or three symbols came, far apart among distractors.

    A sequence is E, then distractors out of a, b, c, d, then B; its length is drawn evenly from
    100, ..., 110. Two places (between 10 and 20, and 50 and 60), or three (between 10 and 20, 33
    and 43, and 66 and 76), hold an X or a Y instead. At the B the class is asked for: one of the 4
    (or 8) words that X and Y make there.

    Args:
        count: Number of sequences.
        symbols: How many places hold an X or Y, 2 or 3. Default: 2.
        seed: An int, or the generator to draw from.

    Returns:
        Inputs (count, 110, 8), one-hot: a, b, c, d, X, Y, E, B; targets (count, 110, 2 ** symbols),
        one-hot, the first place being the highest binary digit and Y being 1; weights are 1 at
        the B.

    Raises:
        ValueError: `symbols` is neither 2 nor 3.

    Source:
        HS97, experiments 6a and 6b. Places are counted from 1, and both bounds may be drawn.
    """
    if symbols not in _PLACES:
        raise ValueError(
            f"`symbols` must be 2 or 3. Received: symbols={symbols!r}. "
            "These are the tasks that the paper defines."
        )
    rng = np.random.default_rng(seed)
    ends, steps = random_ends(rng, count, 100)
    drawn = rng.integers(4, size=(count, len(steps)))
    classes = np.zeros(count, int)
    for earliest in _PLACES[symbols]:
        bit = rng.integers(2, size=count)
        drawn[np.arange(count), earliest - 1 + rng.integers(11, size=count)] = 4 + bit
        classes = 2 * classes + bit
    drawn[:, 0] = 6
    drawn[np.arange(count), ends] = 7
    drawn[steps > ends[:, None]] = PADDING
    return ask_once(one_hot(drawn, 8), ends, one_hot(classes, 2**symbols))


def timed_spikes(
    count: int, *, least: int = 10, delays: ArrayLike = (0, 1), spikes: int = 10, seed: Seed
) -> Sequences:
    """Generate spikes whose distance is asked for: spike n comes F + I(n) steps after the last.

    The first interval starts before the first step. The delay I(n) is the input at the first step
    of the interval that it asks for, 0 is the input elsewhere; the target is 1 at a spike and 0
    elsewhere.

    Args:
        count: Number of sequences.
        least: Least distance F. Default: 10.
        delays: The delays, ints of 0 or more, from which each I(n) is drawn. Default: 0 and 1.
        spikes: Spikes in a sequence. Default: 10.
        seed: An int, or the generator to draw from.

    Returns:
        Inputs and targets (count, spikes * (least + largest delay), 1); weights are 1 up to the
        last spike.

    Source:
        GSS02, "Generating Timed Spikes" (GTS). Differences: sequences end after `spikes` spikes,
        where the paper goes on until the network errs; where in its interval a delay is shown.
    """
    rng = np.random.default_rng(seed)
    delays = np.asarray(delays)
    drawn = rng.choice(delays, size=(count, spikes))
    ends = np.cumsum(least + drawn, axis=1)  # one past each spike: the next interval's first step
    width = spikes * (least + delays.max())
    inputs, targets = np.zeros((2, count, width, 1), np.float32)
    rows = np.arange(count)[:, None]
    inputs[rows, np.hstack([np.zeros((count, 1), int), ends[:, :-1]]), 0] = drawn
    targets[rows, ends - 1, 0] = 1
    weights = (np.arange(width) < ends[:, -1:]).astype(np.float32)
    return Sequences(inputs, targets, weights)


Wave = Literal["cosine", "triangle", "rectangle"]
_WAVES: dict[Wave, Callable[[np.ndarray], np.ndarray]] = {  # over the phase in [0, 1)
    "cosine": lambda phase: (1 - np.cos(2 * np.pi * phase)) / 2,
    "triangle": lambda phase: 1 - np.abs(2 * phase - 1),
    "rectangle": lambda phase: (phase > 0.5).astype(float),
}


def periodic(
    count: int, *, wave: Wave = "cosine", period: int = 10, periods: int = 10
) -> Sequences:
    """Generate a periodic function from nothing: the input is zero at every step.

    With the phase u = t / F - floor(t / F) at step t = 1, 2, ..., the function is
    (1 - cos(2 pi u)) / 2 for the cosine, 1 - |2 u - 1| for the triangle, and for the rectangle 1
    where u > 1/2 and 0 elsewhere. Nothing is random: all sequences are equal.

    Args:
        count: Number of sequences.
        wave: "cosine", "triangle" or "rectangle". Default: "cosine".
        period: The period F in steps. Default: 10.
        periods: Length of a sequence in periods. Default: 10.

    Returns:
        Inputs and targets (count, periods * period, 1); weights are 1 everywhere.

    Raises:
        ValueError: `wave` is another name.

    Source:
        GSS02, "Periodic Function Generation" (PFG). Difference: sequences end after `periods`
        periods, where the paper goes on until the network errs.
    """
    if wave not in _WAVES:
        raise ValueError(
            f"`wave` must be one of {', '.join(_WAVES)}. Received: wave={wave!r}. "
            "Leave it out for the cosine."
        )
    phases = np.arange(1, periods * period + 1) % period / period
    targets = np.tile(_WAVES[wave](phases).astype(np.float32)[:, None], (count, 1, 1))
    return Sequences(np.zeros_like(targets), targets, np.ones(targets.shape[:2], np.float32))
