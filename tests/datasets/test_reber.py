"""Strings of the embedded Reber grammar against a regular expression."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.datasets.reber import REBER_SYMBOLS, embedded_reber
from tests.helpers.sequences import text

# The grammar as one regular expression, by elimination of the nodes of its picture.
LOWER = "T*V(?:PXT*V)*(?:V|PS)"  # from the node of the loop T to the last but one
EMBEDDED = re.compile(f"B([TP])B(?:TS*X(?:S|X{LOWER})|P{LOWER})E\\1E")


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_reber_strings_are_of_the_grammar(seed):
    sequences = embedded_reber(20, seed=seed)
    for number, one_hot in enumerate(sequences.inputs):
        string = text(one_hot, REBER_SYMBOLS)
        assert EMBEDDED.fullmatch(string), string
        assert text(sequences.targets[number], REBER_SYMBOLS) == string[1:]
        assert sequences.weights[number].sum() == len(string) - 1


def test_possible_symbols_are_those_that_come():
    drawn = embedded_reber(2000, seed=7)
    possible = embedded_reber(2000, possible=True, seed=7)
    assert np.array_equal(drawn.inputs, possible.inputs)
    assert np.array_equal(drawn.weights, possible.weights)
    strings = [text(one_hot, REBER_SYMBOLS) for one_hot in drawn.inputs]
    followers = {}
    for string in strings:
        for step in range(len(string) - 1):
            followers.setdefault(string[: step + 1], set()).add(string[step + 1])
    for string, marked in zip(strings, possible.targets, strict=True):
        for step in range(len(string) - 1):
            symbols = {REBER_SYMBOLS[k] for k in marked[step].nonzero()[0]}
            assert string[step + 1] in symbols
            if step < 5:  # so short a beginning is common enough for all that may follow
                assert symbols == followers[string[: step + 1]]
    # The last but one symbol repeats the second, and nothing else may come there.
    assert all(
        text(marked[len(string) - 3 : len(string) - 2], REBER_SYMBOLS) == string[1]
        for string, marked in zip(strings, possible.targets, strict=True)
    )
