"""Arguments by their old names: taken with a warning, and never beside the new one."""

import inspect
import warnings

import pytest

from forecaster.utils.deprecation import renamed_argument


@renamed_argument(window="train_length", count="num")
def function(rows, train_length=None, num=1):
    """A function of three arguments."""
    return rows, train_length, num


@renamed_argument(window="train_length")
class Settings:
    """A class of one argument."""

    def __init__(self, train_length=None):
        self.train_length = train_length


def test_new_names_are_taken_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert function(1, 2, num=3) == (1, 2, 3)
        assert Settings(5).train_length == Settings(train_length=5).train_length == 5


def test_old_names_are_taken_with_a_warning_that_names_the_new_one():
    message = (
        r"^`window` is now called `train_length`, and will be gone in a later version\. Received: "
        r"window=7\. Write train_length=7\.$"
    )
    with pytest.warns(DeprecationWarning, match=message) as caught:
        assert function(1, window=7) == (1, 7, 1)
    assert caught[0].filename == __file__  # where the call is
    with pytest.warns(DeprecationWarning, match=message) as caught:
        assert Settings(window=7).train_length == 7
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning) as caught:
        assert function(1, window=None, count=0) == (1, None, 0)
    assert len(caught) == 2


def test_both_names_are_refused():
    message = (
        r"^`train_length` must be given once\. Received: window=7 and train_length=None\. Leave "
        r"`window` out, its old name\.$"
    )
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(TypeError, match=message),
    ):
        function(1, window=7, train_length=None)


def test_unknown_names_are_refused_as_ever():
    with pytest.raises(TypeError, match="unexpected keyword argument 'windw'"):
        function(1, windw=7)


def test_a_decorated_target_looks_as_before():
    assert inspect.isclass(Settings)
    assert function.__doc__ == "A function of three arguments."
    assert [*inspect.signature(function).parameters] == ["rows", "train_length", "num"]
    assert [*inspect.signature(Settings).parameters] == ["train_length"]
