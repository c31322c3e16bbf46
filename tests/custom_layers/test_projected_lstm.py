"""ProjectedLSTM against its formula in NumPy."""

import numpy as np
import pytest

from custom_layers import ProjectedLSTM, ProjectedLSTMCell
from tests.helpers.gated_formulas import PEEPHOLE, stepping


def projected(width=3):
    def weights(rng, units, features):
        arrays = PEEPHOLE["weights"](rng, units, features)
        arrays["recurrent_kernel"] = rng.normal(size=(width, 4 * units)) / np.sqrt(width)
        return arrays | {"projection_kernel": rng.normal(size=(units, width))}

    def values(w, x, states):
        after = PEEPHOLE["values"](w, x, states)
        return after | {"hidden": after["hidden"] @ w.projection_kernel}

    description = stepping(weights, values, sizes=lambda units: (width, units))
    return description | {"arguments": {"projection_units": width}}


def test_layer(check_layer):
    check_layer(ProjectedLSTM, **projected())


def test_cell(check_cell):
    check_cell(ProjectedLSTMCell, **projected())


def test_projection_is_half_as_wide_by_default():
    assert ProjectedLSTM(5).cell.projection_units == 3
    assert ProjectedLSTM(5, projection_units=np.int64(7)).get_config()["projection_units"] == 7


def test_bad_projection_units():
    for width in (0, 2.0, True):
        with pytest.raises(ValueError, match=r"`projection_units` must be a positive int. Rec"):
            ProjectedLSTM(4, projection_units=width)
