"""Models from files: what their configs may name, how large they may be, and their dtypes."""

import json
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from forecaster.network.guards import (
    at_most_weights,
    core_from_json,
    dtype_policy,
    policy_of,
    set_saved_weights,
)


def network(units=3, **options):
    """Every kind of part: layers, an operation, a nested model, initializers, a regularizer."""
    given = keras.Input((4,), name="past")
    hidden = keras.layers.Dense(
        units, "tanh", kernel_regularizer=keras.regularizers.L2(0.1), **options
    )(given)
    inner = keras.Sequential([keras.Input((units,)), keras.layers.Dense(2), keras.layers.ReLU()])
    return keras.Model(given, keras.ops.stack([inner(hidden)[:, 0], inner(hidden)[:, 1]], axis=-1))


def config(**layer):
    """The config of a network whose dense layer was changed."""
    described = json.loads(network().to_json())
    described["config"]["layers"][1] |= layer
    return json.dumps(described)


def test_a_network_comes_back():
    before = network()
    again = core_from_json(before.to_json())
    again.set_weights(before.get_weights())
    values = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(again(values), before(values))


ATTACKS = {
    "a module": {"module": "os", "class_name": "system", "registered_name": None},
    "a module under a known name": {"module": "os.path", "registered_name": "Dense"},
    "a name like Keras's": {"module": "keras_evil.layers"},
    "a function of Keras": {"module": "keras.utils", "class_name": "get_file"},
    "a switch of Keras": {
        "module": "keras.config",
        "class_name": "function",
        "config": "enable_unsafe_deserialization",
    },
    "no module": {"module": None, "class_name": "Dense2", "registered_name": "x>Dense2"},
    "code": {"class_name": "__lambda__", "config": {"value": ["4wEA", None, None]}},
    "a type": {"class_name": "__typespec__", "module": "os", "spec_name": "x"},
    "a class of another type": {"class_name": ["Dense"]},
    "a graph elsewhere": {
        "class_name": "TFSMLayer",
        "registered_name": None,
        "config": {"filepath": "/tmp/x", "call_endpoint": "serve"},
    },
    "a pickle of torch": {"class_name": "TorchModuleWrapper", "config": {"module": "gASVIA=="}},
    "a file to read": {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    "a lambda": {
        "class_name": "Lambda",
        "config": {"function": {"class_name": "__lambda__", "config": {"value": "4wEA"}}},
    },
    "a function by name": {
        "class_name": "Lambda",
        "config": {"function": {"class_name": "function", "config": "run", "module": "subprocess"}},
    },
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("is_nested", [False, True])
def test_only_layers_of_keras_and_registered_ones_are_made(attack, is_nested):
    changed = ATTACKS[attack]
    if is_nested:
        inner = {"module": "keras.layers", "class_name": "Dense", "config": {}} | changed
        changed = {"config": {"units": 3, "kernel_initializer": inner}}
    with pytest.raises(ValueError, match=r"`network` must be made of Keras's own layers"):
        core_from_json(config(**changed))


def test_the_switch_of_keras_makes_no_difference():
    def attack():
        keras.config.enable_unsafe_deserialization()  # in this thread alone
        for changed in ATTACKS.values():
            with pytest.raises(ValueError, match="`network` must be made of"):
                core_from_json(config(**changed))

    with ThreadPoolExecutor(1) as pool:
        pool.submit(attack).result()


@pytest.mark.parametrize("text", ["[" * 10**5, "", "{}", "3", '{"class_name": 1e999}', "null"])
def test_what_is_no_network(text):
    with pytest.raises((ValueError, TypeError)):
        core_from_json(text)


def test_a_registered_layer_is_made():
    @keras.saving.register_keras_serializable(package="guards")
    class Thrice(keras.layers.Layer):
        def call(self, values):
            return 3 * values

    given = keras.Input((2,))
    again = core_from_json(keras.Model(given, Thrice()(given)).to_json())
    np.testing.assert_array_equal(again(np.ones((1, 2))), [[3, 3]])


def test_a_model_may_have_the_weights_that_are_saved():
    count = network().count_params()
    with at_most_weights(count):
        network()
    for units in (10**6, 10**9, 10**12):
        words = f"more weights than the {count} saved"
        with pytest.raises(ValueError, match=words), at_most_weights(count):
            network(units)
    outer, inner = at_most_weights(count), at_most_weights(10**7)
    with pytest.raises(ValueError, match="more weights"), outer, inner:
        network(10**6)
    network(10**4)  # afterwards there is no bound


def test_seeds_of_every_kind_can_be_counted():
    for seed in (None, 1, keras.random.SeedGenerator(1)):
        with at_most_weights(100):
            network(kernel_initializer=keras.initializers.Orthogonal(seed=seed))


def test_a_policy_holds_for_layers_made_meanwhile():
    before = keras.config.dtype_policy().name
    with dtype_policy("mixed_bfloat16"):
        layer = keras.layers.Dense(1)
        wrapped = keras.Sequential([network()])
    assert (layer.compute_dtype, policy_of(wrapped)) == ("bfloat16", "mixed_bfloat16")
    with pytest.raises(RuntimeError, match="meanwhile"), dtype_policy("float64"):
        raise RuntimeError("meanwhile")
    with dtype_policy(None):
        assert keras.layers.Dense(1).compute_dtype == "float32"
    assert keras.config.dtype_policy().name == before


def test_weights_of_every_dtype_are_set(tmp_path):
    for policy in ("float32", "float64", "float16", "bfloat16"):
        with dtype_policy(policy):
            model, other = network(), network()
        np.savez(tmp_path / "weights.npz", *model.get_weights())
        with np.load(tmp_path / "weights.npz", allow_pickle=False) as file:
            set_saved_weights(other, list(file.values()))
        for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
            assert one.dtype == two.dtype
            np.testing.assert_array_equal(one, two)


def test_weights_that_do_not_fit_are_refused():
    model = network()
    good = model.get_weights()
    for bad, words in [
        (good[:-1], "has 4 weights where 3 are saved"),
        ([*good, good[0]], "has 4 weights where 5 are saved"),
        ([good[0].T, *good[1:]], r"has weights \(4, 3\) float32 where \(3, 4\) float32 are saved"),
        ([good[0].astype(np.float64), *good[1:]], r"float32 where \(4, 3\) float64 are saved"),
        ([good[0].view(np.int32), *good[1:]], r"float32 where \(4, 3\) int32 are saved"),
        ([good[0].astype(np.float16).view("V2"), *good[1:]], r"where \(4, 3\) \|V2 are saved"),
    ]:
        with pytest.raises(ValueError, match=words):
            set_saved_weights(model, bad)
    for kept, weight in zip(model.get_weights(), good, strict=True):
        np.testing.assert_array_equal(kept, weight)
