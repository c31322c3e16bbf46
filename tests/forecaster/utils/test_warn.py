"""Warnings are those of the user's line, and all are given in one place."""

import ast
from contextlib import suppress
from functools import wraps

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster, ForecasterSearch, FrameWarning
from forecaster.data.quality import warn_of_constants
from forecaster.utils import warn as module
from forecaster.utils.warn import warn
from tests.helpers.arrays import CHECKOUT
from tests.helpers.tiny import ROWS, days, tiny, waves, with_random_weights


def lines_of(recorded):
    return {warning.filename for warning in recorded}


def test_the_first_line_outside_the_package_is_meant():
    with pytest.warns(UserWarning, match="^said$") as seen:
        warn("said", UserWarning)
    assert lines_of(seen) == {__file__}
    with pytest.warns(FrameWarning) as seen:  # through a function of ours
        warn_of_constants(np.ones((1, 3)), pd.Index(["a"]))
    assert lines_of(seen) == {__file__}


def test_where_nothing_is_outside_the_outermost_line_is_meant():
    """As in a worker, or in a thread that the package started."""
    source = "from forecaster.utils.warn import warn\nwarn('said', UserWarning)\n"
    code = compile(source, module.__file__, "exec")
    with pytest.warns(UserWarning, match="^said$"):
        exec(code, {})


def gappy(rows=ROWS):
    return waves(days(rows)).drop(days(rows)[3]).assign(constant=1.0, text="x")


def user_of(function):
    """A decorator of the user's own, which counts as his line too."""

    @wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def test_every_call_warns_of_its_own_line():
    frame = gappy()
    for call in (
        lambda: tiny().fit(frame, verbose=0),
        lambda: with_random_weights(waves()).update(gappy(ROWS + 9)[["a", "b"]]),
        lambda: tiny().backtest(frame, cutoffs=1),
        lambda: with_random_weights(waves()).predict(gappy()[["a", "b"]]),
        lambda: with_random_weights(waves()).predict(waves().assign(a=np.nan)),
        lambda: Forecaster(horizon=2).backtest(waves(), window=1),
        lambda: ForecasterSearch(tiny(), max_trials=1, folds=999).fit(frame, verbose=0),
        lambda: user_of(with_random_weights(waves()).predict)(gappy()[["a", "b"]]),
    ):
        with pytest.warns((FrameWarning, DeprecationWarning)) as seen, suppress(ValueError):
            call()
        assert lines_of(seen) == {__file__}, [str(warning.message) for warning in seen]


def test_no_other_module_counts_lines():
    """A number of frames is right for one way through the package only."""
    for path in (CHECKOUT / "forecaster").rglob("*.py"):
        names = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        assert "warnings.warn" not in names or path.name == "warn.py", path
