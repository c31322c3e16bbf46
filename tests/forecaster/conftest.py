"""What tests share: fitted forecasters, of which one is changed in a copy, and the command line."""

import pytest

from forecaster import cli


@pytest.fixture(scope="session")
def fitted():
    """`fitted(**parameters)`: a tiny forecaster fitted on `waves()`, fitted once a session."""
    from tests.helpers.tiny import tiny, waves  # loads Keras, which not every test needs

    known = {}

    def fit(**parameters):
        key = repr(parameters)
        if key not in known:
            known[key] = tiny(**parameters).fit(waves(), verbose=0)
        return known[key]

    return fit


@pytest.fixture
def run(capsys):
    """`run(*words)`: exit code, standard output and standard error of a command line."""

    def run(*words):
        with pytest.raises(SystemExit) as left:
            cli.main([str(word) for word in words])
        return left.value.code, *capsys.readouterr()

    return run
