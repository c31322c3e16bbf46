"""MGU against its formula in NumPy."""

import numpy as np

from custom_layers import MGU, MGUCell
from tests.helpers.gated_formulas import described, s, stepping, tanh


def mgu():
    def values(w, x, states):
        (h,) = states
        (r_f, r_g), (z_f, z_g) = (
            np.split(fused, 2, axis=-1) for fused in (w.recurrent_kernel, x @ w.kernel + w.bias)
        )
        f = s(z_f + h @ r_f)
        g = tanh(z_g + (f * h) @ r_g)
        return {"input": f, "candidate": g, "hidden": (1 - f) * h + f * g}

    return stepping(described(None, "fg")["weights"], values, ("hidden",))


def test_layer(check_layer):
    check_layer(MGU, **mgu())


def test_cell(check_cell):
    check_cell(MGUCell, **mgu())
