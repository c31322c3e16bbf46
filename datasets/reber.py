"""Strings of the embedded Reber grammar, to be predicted symbol by symbol."""

import numpy as np

from .sequences import Seed, Sequences

REBER_SYMBOLS = "BTSXPVE"
# The Reber grammar: for each node the symbols that may come next, and the node each leads to.
_REBER = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
)
_REBER_LONGEST = 40  # one string in 50,000 is longer


def embedded_reber(count: int, *, possible: bool = False, seed: Seed) -> Sequences:
    """Draw strings of the embedded Reber grammar: predict the next symbol.

    A string is B, then T or P, then a string of the Reber grammar, then the T or P of its second
    place again, then E. The last but one symbol can only be predicted by who remembers the second.

    Args:
        count: Number of strings.
        possible: Whether the targets mark every symbol that may come next, for evaluation, instead
            of the one that does come next, for training. Default: False.
        seed: An int, or the generator to draw from.

    Returns:
        Inputs and targets (count, 44, 7), one-hot in the order of `REBER_SYMBOLS`; weights are 1
        up to the last but one symbol of a string.

    Source:
        HS97, experiment 1, after Fahlman (1991). Difference: a string of more than 44 symbols, one
        in 50,000, is drawn again.
    """
    rng = np.random.default_rng(seed)
    width = _REBER_LONGEST + 4
    inputs = np.zeros((count, width, len(REBER_SYMBOLS)), np.float32)
    targets, weights = np.zeros_like(inputs), np.zeros((count, width), np.float32)
    for number in range(count):
        outer = "TP"[rng.integers(2)]
        inner, choices = _reber_string(rng)
        symbols = ["B", outer, *inner, outer, "E"]
        followers = ["TP", "B", *choices[1:], outer, "E"] if possible else symbols[1:]
        for step, (symbol, next_ones) in enumerate(zip(symbols, followers, strict=False)):
            inputs[number, step, REBER_SYMBOLS.index(symbol)] = 1
            targets[number, step, [REBER_SYMBOLS.index(one) for one in next_ones]] = 1
            weights[number, step] = 1
        inputs[number, len(symbols) - 1, REBER_SYMBOLS.index("E")] = 1
    return Sequences(inputs, targets, weights)


def _reber_string(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Draw a string of the Reber grammar, and for each symbol all that could stand there."""
    while True:
        node, symbols, choices = 0, [], []
        while node < len(_REBER):
            choices.append("".join(_REBER[node]))
            symbols.append(choices[-1][rng.integers(len(choices[-1]))])
            node = _REBER[node][symbols[-1]]
        if len(symbols) <= _REBER_LONGEST:
            return symbols, choices
