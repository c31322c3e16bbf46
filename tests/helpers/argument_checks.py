"""Checks of the arguments of constructors and calls, their config and their errors."""

import json
import re

import keras
import numpy as np
import pytest

from tests.helpers.reference_cells import BATCH, TIME, UNITS, assert_close, inputs


def check_config(reference):
    """Check that every argument is in the config, comes back, and is in the docstring."""
    default = reference.tested(5, **reference.arguments).get_config()
    arguments = {name: _other_value(name, value) for name, value in default.items()}
    arguments |= {"units": 5, "name": "mine", **reference.config}
    layer = reference.tested(**arguments)
    config = json.loads(json.dumps(layer.get_config()))
    assert set(config) == set(arguments)
    for name, value in arguments.items():
        assert config[name] == value or config[name]["config"] == _config(value)
        assert re.search(rf"\b{name}\b", reference.tested.__doc__), name
    again = reference.tested.from_config(config)
    assert again.get_config() == layer.get_config()
    assert again.dtype == "float64"


def _other_value(name, value):
    """Return another value for an argument than its default, which `get_config` gave."""
    kinds = {
        "initializer": keras.initializers.RandomNormal(seed=4),
        "regularizer": keras.regularizers.L2(0.5),
        "constraint": keras.constraints.MaxNorm(3),
    }
    if name.rpartition("_")[2] in kinds:
        return kinds[name.rpartition("_")[2]]
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return value[-1:]
    others = {
        "dtype": keras.DTypePolicy("float64"),
        "seed": 3,
        "chrono_lag": 9,
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "activation": "softsign",
        "output_activation": "relu",
        "recurrent_activation": "hard_sigmoid",
    }
    return others.get(name, value)


def _config(value):
    return {"name": value.name} if isinstance(value, keras.DTypePolicy) else value.get_config()


def check_regularizers_and_constraints(reference):
    """Give one of each to every weight whose name is that of an argument, and check them."""
    weights = reference.random_weights(16)
    kinds = [name.removesuffix("_kernel") for name in vars(weights)]
    config = reference.tested(UNITS, **reference.arguments).get_config()
    assert "kernel_regularizer" in config
    kinds = [kind if f"{kind}_regularizer" in config else None for kind in kinds]
    arguments, losses = {}, []
    for k, (kind, values) in enumerate(zip(kinds, vars(weights).values(), strict=True)):
        if kind is not None:
            arguments[f"{kind}_regularizer"] = keras.regularizers.L2(k)
            arguments[f"{kind}_constraint"] = keras.constraints.MaxNorm(k)
            losses.append(k * (values**2).sum())
    layer = reference.loaded(weights, **arguments)
    assert_close(layer.losses, losses, 1e-6)
    for k, (kind, variable) in enumerate(zip(kinds, layer.trainable_variables, strict=True)):
        assert kind is None or variable.constraint.max_value == k


def check_bad_arguments(reference):
    for units in (0, -1, 2.0, True, "8", None):
        with pytest.raises(ValueError, match=r"`units` must be a positive int. Received: units="):
            reference.tested(units, **reference.arguments)
    config = reference.tested(UNITS, **reference.arguments).get_config()
    for name in {"dropout", "recurrent_dropout"} & set(config):
        for rate in (-0.1, 1.0, 20, float("nan"), "0.5"):
            with pytest.raises(ValueError, match=rf"`{name}` must be in \[0, 1\). Received"):
                reference.tested(4, **reference.arguments, **{name: rate})
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        reference.tested(4, **reference.arguments, use_cudnn=True)


def check_bad_calls(reference):
    """Check that each error names the argument, the expected value and the received one."""
    layer, x, states = (
        reference.tested(UNITS, **reference.arguments),
        inputs(),
        reference.random_states(2),
    )
    for shape in ((BATCH, TIME + 1), (BATCH + 1, TIME), (BATCH,), (BATCH, TIME, 1)):
        received = re.escape(f"Received: mask.shape={shape}")
        with pytest.raises(
            ValueError, match=rf"`mask` must have the shape .*\(3, 5\)\. {received}"
        ):
            layer(x, mask=np.ones(shape, bool))
    shapes = [(BATCH, size) for size in reference.state_sizes(UNITS)]
    message = re.escape(f"`initial_state` must be a list of {len(shapes)} tensors with the shapes ")
    others = (
        [*states, states[0]],
        states[:-1],
        [states[0][:-1], *states[1:]],
        [*states[:-1], states[-1][:, :-1]],
        [states[0][0], *states[1:]],
    )
    for other in others:
        if other:  # no state at all is no `initial_state` for Keras
            received = re.escape(f"{shapes}. Received: {len(other)} with the shapes ")
            with pytest.raises(ValueError, match=message + received):
                layer(x, initial_state=other)
    for dtype in ("int32", "bool", "complex64"):
        with pytest.raises(TypeError, match=rf"`sequences` must be real.* Received: dtype={dtype}"):
            layer(x.astype(dtype))
    with pytest.raises(ValueError, match=r"at least one time step.* Received: shape=\(3, 0, 2\)"):
        layer(x[:, :0])
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer(x[0])
