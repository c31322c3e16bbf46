"""The schema of the manifest: every artifact passes, and every key is held to its kind."""

import copy
import json

import pytest

from forecaster.saving.schema import SCHEMA
from tests.helpers.artifacts import every_place, place_in

OTHERS = (None, True, -1, 0, 1.5, 2**62, "\0", "", [], {}, [[]], {"x": []})


def manifest_of(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["manifest_sha256"]
    return manifest


def test_a_key_that_is_missing_is_named(two):
    manifest = manifest_of(two[1][0])
    SCHEMA.check("", manifest)
    for name in manifest.keys() - SCHEMA.optional.keys():
        rest = {key: value for key, value in manifest.items() if key != name}
        with pytest.raises(ValueError, match=f"the key '{name}' is missing"):
            SCHEMA.check("", rest)


def test_a_key_that_is_not_known_is_named(two):
    with pytest.raises(ValueError, match="the key 'more' is not known to this version"):
        SCHEMA.check("", manifest_of(two[1][0]) | {"more": 1})


def test_every_value_is_held_to_its_kind(two):
    """At every place of a manifest at least half of the other values are refused."""
    manifest = manifest_of(two[1][0])
    labels = ("target", "column", "label", "names", "name")  # which may be nearly anything
    for place in every_place(manifest):
        if any(word in str(place[-2:]) for word in labels):
            continue
        refused = 0
        for other in OTHERS:
            changed = copy.deepcopy(manifest)
            place_in(changed, place[:-1])[place[-1]] = other
            try:
                SCHEMA.check("", changed)
            except ValueError as error:
                assert str(place[0]) in str(error) or len(place) == 1
                refused += 1
        assert refused >= len(OTHERS) / 2, place
