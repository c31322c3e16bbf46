"""What a schema cannot say: the parts of a manifest and the arrays agree with each other."""

import copy
import json

import numpy as np
import pytest

from forecaster import Forecaster
from forecaster.saving.manifest import (
    ArtifactError,
    check_history,
    check_manifest,
    check_weights,
    read_manifest,
)
from tests.helpers.artifacts import place_in, rewrite
from tests.helpers.serving_cases import CASES, random_forecaster


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """A forecaster with ids, every kind of covariate, and time features."""
    frame, parameters = CASES["all independent"]
    folder = tmp_path_factory.mktemp("manifest") / "artifact"
    random_forecaster(frame(is_new=False), **parameters).save(folder)
    return read_manifest(folder)


def test_it_passes(manifest):
    check_manifest(manifest)


DISAGREEMENTS = {
    "spec/horizon": (4, r"`spec.horizon` is 4, but `parameters.horizon` 3"),
    "spec/channels": (2, "`spec.channels` is 2, but the targets ask for 1"),
    "spec/head_width": (2, "`spec.head_width` is 2, but `parameters.output` asks for 3"),
    "quantiles": ([0.5], r"`quantiles` is \[0.5\], but `parameters.output` has"),
    "parameters/channels": ("joint", "`spec.channels` is 1, but the targets ask for 2"),
    "parameters/output": ([0.5, 2], "`levels` must be probabilities"),
    "parameters/training/loss": ("mse", "`loss` must be"),
    "parameters/network": ("lstn", "`cell` must be one of"),
    "columns": (["sold"], "`columns` is 1, but the number of targets is 2"),
    "freq": ("D", "`freq` is 'D', but `layout.freq` 'h'"),
    "layout/offsets/1": (10**9, "`layout.offsets` must rise from 0"),
    "layout/offsets/0": (1, "`layout.offsets` must rise from 0"),
    "layout/ids": (["a"], "`layout.starts` is 5, but the number of ids is 1"),
    "layout/ids/1": ("id 0", "`layout.ids` must hold each label once"),
    "layout/targets/1": ("sold", "`layout.targets` must hold each label once"),
    "layout/starts": (["2024-03-30"], "`layout.offsets` is 6, but the number of ids asks for 2"),
    "layout/starts/0": (7, "`layout.starts` is .*int.*, but times of kind 'datetime' need .*str"),
    "layout/kind": ("integer", "`layout.freq` is .*str.*, but times of kind 'integer' need .*int"),
    "layout/unit": (None, "`layout.unit` is None for times of kind 'datetime'"),
    "layout/past_covariates/categories": ([], "`layout.past_covariates.categories` is 0"),
    "layout/past_covariates/names/0": ("cold", "`covariates.past` is"),
    "spreads": ([[1.0, 2.0]], "`spreads` is 1, but the number of ids is 5"),
    "spreads/1": ([1.0], "`spreads` is 1, but the number of targets is 2"),
    "spreads/0/0": (-1.0, "`spreads` must not be below 0"),
    "covariates/static": ([], "`covariates.static` is"),
    "covariates/past/1/categories": (["sun", "sun"], "must hold each label once"),
    "parameters/static_covariates": ([], "`covariates.static` is 2, but parameters name 0"),
    "parameters/time_features": (None, r"`covariates.time_features.names` is"),
    "covariates/time_features/names/0": ("our", "`covariates.time_features.names` is"),
    "covariates/time_features/offsets": ([0], "the times of a zone's changes"),
    "covariates/time_features/transitions/0": (2**40, "the times of a zone's changes"),
}


@pytest.mark.parametrize("place", DISAGREEMENTS)
def test_parts_that_disagree_are_named(place, manifest):
    value, words = DISAGREEMENTS[place]
    changed = copy.deepcopy(manifest)
    *path, last = [int(key) if key.isdigit() else key for key in place.split("/")]
    place_in(changed, path)[last] = value
    with pytest.raises(ValueError, match=words):
        check_manifest(changed)


def test_a_history_must_be_that_of_the_layout(manifest):
    rows = manifest["layout"]["offsets"][-1]
    history = {
        "values": np.zeros((2, rows)),
        "past_covariates": np.zeros((2, rows)),
        "future_covariates": np.zeros((3, rows)),
        "static_covariates": np.full((2, 5), np.nan),
    }
    check_history(manifest, history)
    check_history(manifest, history | {"weights": np.ones(rows)})
    for name, array, words in [
        ("values", np.zeros((2, rows + 1)), "holds arrays of shapes"),
        ("values", np.zeros((2, rows), np.float32), "holds arrays of shapes"),
        ("values", np.full((2, rows), np.inf), "holds infinite values"),
        ("weights", np.ones(rows - 1), "holds arrays of shapes"),
        ("more", np.ones(rows), "holds arrays of shapes"),
        ("past_covariates", np.full((2, rows), 99.0), "none of their categories"),
        ("past_covariates", np.full((2, rows), 0.5), "none of their categories"),
        ("static_covariates", np.full((2, 5), -1.0), "none of their categories"),
    ]:
        with pytest.raises(ValueError, match=words):
            check_history(manifest, history | {name: array})
    with pytest.raises(ValueError, match="rows, but there is no history"):
        check_history(manifest, None)
    long = manifest | {"spec": manifest["spec"] | {"input_length": 2**18}}
    with pytest.raises(ValueError, match="has 10 rows for windows of 262144 steps"):
        check_history(long, history)


def test_weights_must_be_numbered_finite_and_enough(manifest):
    good = {"00000": np.ones(2, np.float32), "00001": np.ones(2, np.float32)}
    check_weights(manifest, good | {"00002": np.full(2, 0x3F80, np.uint16).view("V2")})
    for bad, words in [
        ({"00000": good["00000"], "00002": good["00001"]}, "other arrays than numbered"),
        ({"00001": good["00001"], "00000": good["00000"]}, "other arrays than numbered"),
        (good | {"00001": np.full(2, np.nan, np.float32)}, "no finite numbers"),
        (good | {"00001": np.full(2, np.inf)}, "no finite numbers"),
        (good | {"00001": np.full(2, np.inf, np.float16)}, "no finite numbers"),
        (good | {"00001": np.full(2, 0x7F80, np.uint16).view("V2")}, "no finite numbers"),
        (good | {"00001": np.ones(2, np.int32)}, "no finite numbers"),
    ]:
        with pytest.raises(ValueError, match=words):
            check_weights(manifest, bad)
    network = manifest["parameters"]["network"] | {"num_layers": 10**9}
    many = manifest | {"parameters": manifest["parameters"] | {"network": network}}
    with pytest.raises(ValueError, match="has 2 arrays for 1000000000 layers"):
        check_weights(many, good)


TEXTS = {
    "deep lists": "[" * 10**6,
    "deep tables": '{"a":' * 10**6,
    "a key twice": '{"format_version": 2, "format_version": 2}',
    "huge": '{"format_version": 1e400}',
    "long": '{"format_version": ' + "9" * 10**6 + "}",
    "NUL": "\0" * 1000,
    "latin": b'{"\xe4": 1}',
    "half": '{"format_version": 2, "versions": {"keras-forecaster": ',
    "empty": "",
    "a list": "[]",
    "another program's": '{"versions": {"keras": 1}, "files": {}, "format_version": 2}',
    "UTF-16": '{"format_version": 2}'.encode("utf-16"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_manifest(text, saved):
    _, folder = saved
    content = TEXTS[text]
    (folder / "manifest.json").write_bytes(content if type(content) is bytes else content.encode())
    with pytest.raises(ArtifactError, match=r"'manifest.json' is missing or damaged: "):
        Forecaster.load(folder)


def test_a_later_format_says_to_upgrade(saved):
    _, folder = saved
    for later in (3, 10**15):
        rewrite(folder, lambda m, later=later: m | {"format_version": later})
        with pytest.raises(ArtifactError, match=r"of format 2 or earlier\..* or with a later one"):
            Forecaster.load(folder)
    for other in ("2", None, [2], True, 2.5, 0, -1):
        rewrite(folder, lambda m, other=other: m | {"format_version": other})
        with pytest.raises(ArtifactError, match=r"which is damaged: .*`format_version` must be an"):
            Forecaster.load(folder)


def test_a_key_of_a_later_version_is_told(saved):
    _, folder = saved
    rewrite(folder, lambda m: m | {"more": [1.0]})
    with pytest.raises(
        ArtifactError, match=r"fit: the key 'more' is not known to this version; upgrade"
    ):
        Forecaster.load(folder)


def test_a_manifest_that_lacks_parts_of_format_1(saved):
    _, folder = saved
    whole = (folder / "manifest.json").read_text()
    for change in ({"layout": [1]}, {"parameters": None}, {"parameters": {"training": 3}}):
        (folder / "manifest.json").write_text(whole)
        rewrite(folder, lambda m, change=change: m | {"format_version": 1} | change)
        with pytest.raises(
            ArtifactError, match=r"its file 'manifest.json' holds what does not fit: the"
        ):
            Forecaster.load(folder)


def test_everything_that_is_saved_can_be_read(manifest):
    assert json.loads(json.dumps(manifest)) == manifest
