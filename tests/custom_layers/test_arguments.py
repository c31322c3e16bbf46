"""Checks of arguments let good values pass, and name the argument and the value in each error."""

import numpy as np
import pytest

from custom_layers.arguments import (
    check_chrono_lag,
    check_inputs,
    check_mask,
    check_rate,
    check_states,
    check_units,
)

SEQUENCES = np.zeros((3, 5, 2), "float32")


@pytest.mark.parametrize("units", [1, 32, np.int64(7)])
def test_units(units):
    check_units(units)


@pytest.mark.parametrize("units", [0, -1, 2.0, True, "8", None])
def test_bad_units(units):
    message = r"`size` must be a positive int\. Received: size=.*Pass a size, for example size=32"
    with pytest.raises(ValueError, match=message):
        check_units(units, "size")


@pytest.mark.parametrize("rate", [0, 0.0, 0.5, np.float32(0.99)])
def test_rates(rate):
    check_rate("dropout", rate)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan"), "0.5", None])
def test_bad_rates(rate):
    with pytest.raises(ValueError, match=r"`dropout` must be in \[0, 1\)\. Received: dropout="):
        check_rate("dropout", rate)


@pytest.mark.parametrize("lag", [None, 3, 1000, np.int32(9)])
def test_chrono_lags(lag):
    check_chrono_lag(lag)


@pytest.mark.parametrize("lag", [2, 0, 10.0, True, "9"])
def test_bad_chrono_lags(lag):
    with pytest.raises(ValueError, match="`chrono_lag` must be an int above 2"):
        check_chrono_lag(lag)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_inputs(dtype):
    check_inputs(SEQUENCES.astype(dtype))


@pytest.mark.parametrize("dtype", ["int32", "bool", "complex64"])
def test_bad_dtypes(dtype):
    with pytest.raises(TypeError, match=rf"`memory` must be real .*Received: dtype={dtype}\."):
        check_inputs(SEQUENCES.astype(dtype), "memory")


def test_sequences_without_steps():
    with pytest.raises(ValueError, match=r"at least one time step.*shape=\(3, 0, 2\)"):
        check_inputs(SEQUENCES[:, :0])


def test_masks():
    for mask in (None, np.ones((3, 5), bool)):
        check_mask(mask, SEQUENCES)
    for shape in ((3, 4), (2, 5), (3,), (3, 5, 1)):
        with pytest.raises(ValueError, match="`mask` must have the shape"):
            check_mask(np.ones(shape, bool), SEQUENCES)


def test_initial_states():
    h, c = np.zeros((3, 4)), np.zeros((3, 6))
    for states, sizes in ((None, (4, 6)), ([h, c], (4, 6)), ((h, c), (4, 6)), (h, (4,))):
        check_states(states, sizes, 3)
        check_states(states, sizes, None)  # a batch size that is not known yet
    for states in ([h], [c, h], [h, c, c], [h[:2], c], h):
        with pytest.raises(ValueError, match="`initial_state` must be a list of 2 tensors"):
            check_states(states, (4, 6), 3)
