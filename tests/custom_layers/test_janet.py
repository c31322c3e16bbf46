"""JANET against its formula in NumPy."""

import pytest

from custom_layers import JANET, JANETCell
from tests.helpers.gated_formulas import described, s, tanh


def janet(z, p, h, beta=1.0):
    f, g = s(z.f), tanh(z.g)
    return {"forget": f, "candidate": g, "hidden": f * h + (1 - s(z.f - beta)) * g}


DESCRIPTION = described(janet, "fg", states=("hidden",)) | {"config": {"beta": 0.5}}


def test_layer(check_layer):
    check_layer(JANET, **DESCRIPTION)


def test_cell(check_cell):
    check_cell(JANETCell, **DESCRIPTION)


def test_bad_beta():
    for beta in ("1", None, True):
        with pytest.raises(TypeError, match=r"`beta` must be a number. Received: beta="):
            JANET(4, beta=beta)
