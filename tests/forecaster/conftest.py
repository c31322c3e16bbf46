"""Fitted forecasters that tests share; whoever wants to change one takes a copy."""

import pytest

from .tiny import tiny, waves


@pytest.fixture(scope="session")
def fitted():
    """`fitted(**parameters)`: a tiny forecaster fitted on `waves()`, fitted once a session."""
    known = {}

    def fit(**parameters):
        key = repr(parameters)
        if key not in known:
            known[key] = tiny(**parameters).fit(waves(), verbose=0)
        return known[key]

    return fit
