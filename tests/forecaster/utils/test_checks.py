"""Single arguments: which values are allowed, and what the errors of the others say."""

import numpy as np
import pytest

from forecaster.utils.checks import (
    check_choice,
    check_integer,
    check_positive,
    check_share,
    check_steps_or_fraction,
)


def at_least_2(name, value):
    check_integer(name, value, minimum=2)


def one_of_two(name, value):
    check_choice(name, value, ("a", None))


ALLOWED = {
    at_least_2: [2, 10**30, np.int64(2), np.uint8(200)],
    check_positive: [1, 5e-324, 0.5, np.float32(2), 10**30],
    check_share: [0, 0.0, 0.999, np.float32(0.5)],
    check_steps_or_fraction: [1, 7, 0.5, np.int32(3), np.float64(0.999)],
    one_of_two: ["a", None],
}
INTEGER = "must be an integer"
FRACTION = r"must be a fraction between 0 and 1, or an integer number of steps"
REFUSED = [
    (at_least_2, 1, ValueError, "must be at least 2"),
    (at_least_2, -3, ValueError, "must be at least 2"),
    (at_least_2, True, TypeError, INTEGER),
    (at_least_2, 2.0, TypeError, INTEGER),
    (at_least_2, "2", TypeError, INTEGER),
    (at_least_2, None, TypeError, INTEGER),
    (check_positive, 0, ValueError, "must be finite and above 0"),
    (check_positive, -0.5, ValueError, "must be finite and above 0"),
    (check_positive, float("inf"), ValueError, "must be finite and above 0"),
    (check_positive, float("nan"), ValueError, "must be finite and above 0"),
    (check_positive, True, TypeError, "must be a number"),
    (check_positive, "1", TypeError, "must be a number"),
    (check_share, 1, ValueError, "must be at least 0 and below 1"),
    (check_share, -0.1, ValueError, "must be at least 0 and below 1"),
    (check_share, float("nan"), ValueError, "must be at least 0 and below 1"),
    (check_share, False, TypeError, "must be a number"),
    (check_share, None, TypeError, "must be a number"),
    (check_steps_or_fraction, 0, ValueError, "must be at least 1"),
    (check_steps_or_fraction, 0.0, ValueError, FRACTION),
    (check_steps_or_fraction, 1.0, ValueError, FRACTION),
    (check_steps_or_fraction, 2.5, ValueError, FRACTION),
    (check_steps_or_fraction, float("nan"), ValueError, FRACTION),
    (check_steps_or_fraction, True, TypeError, INTEGER),
    (check_steps_or_fraction, "3", TypeError, INTEGER),
    (one_of_two, "b", ValueError, "must be one of 'a', None"),
]


@pytest.mark.parametrize(
    ("check", "value"), [(check, value) for check, values in ALLOWED.items() for value in values]
)
def test_values_that_are_allowed(check, value):
    assert check("units", value) is None


@pytest.mark.parametrize(("check", "value", "error", "message"), REFUSED)
def test_values_that_are_refused(check, value, error, message):
    with pytest.raises(error) as caught:
        check("units", value)
    assert str(caught.value) == f"`units` {message}. Received: units={value!r}."
