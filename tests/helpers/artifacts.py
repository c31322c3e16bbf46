"""Artifacts on disk: their files, their graphs, and where the scripts lie that use them."""

import json
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from forecaster.saving.manifest import MANIFEST, digest
from forecaster.utils.files import sha256

HELPERS = Path(__file__).parent
LEVELS = [0.1, 0.5, 0.9]


def contents(folder):
    """Every file below a folder by its path, with its content."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def every_node(folder):
    """Every node of a SavedModel's graph, those of its functions too."""
    saved = SavedModel()
    saved.ParseFromString((folder / "artifact" / "saved_model.pb").read_bytes())
    for meta in saved.meta_graphs:
        yield from meta.graph_def.node
        for function in meta.graph_def.library.function:
            yield from function.node_def
            yield function  # it has attributes too


def operations_for_every_server(folder):
    """TensorFlow Serving refuses functions only XLA can run, and has no operations of Python."""
    operations = set()
    for node in every_node(folder):
        assert not [name for name in node.attr if "xla" in name.lower()]
        operations.add(getattr(node, "op", "NoOp"))
    assert operations <= set(dir(tf.raw_ops)) | {"Const", "Placeholder", "NoOp"}
    strange = ("Xla", "PyFunc", "EagerPyFunc", "Cudnn", "Collective", "TPU", "_")
    assert not [operation for operation in operations if operation.startswith(strange)]
    return operations


def every_place(document, path=()):
    """The place of every value in a JSON document, as a tuple of keys and positions."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in inner if isinstance(document, dict | list) else ():
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from every_place(value, (*path, key))


def place_in(document, path):
    """The value at a place."""
    for key in path:
        document = document[key]
    return document


def rewrite(folder, change):
    """Change the manifest of an artifact, and give it the hashes of what is there."""
    file = folder / MANIFEST
    manifest = json.loads(file.read_text())
    manifest = change(manifest) or manifest
    del manifest["manifest_sha256"]
    file.write_text(json.dumps(manifest | {"manifest_sha256": digest(manifest)}))


def rehash(folder):
    """Give the manifest of an artifact the hashes of the files that are there, and not enormous."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    hashes = {
        file.relative_to(folder).as_posix(): sha256(file)
        for file in files
        if file.name != MANIFEST and file.stat().st_size < 10**8
    }
    sizes = {name: (folder / name).stat().st_size for name in hashes}
    rewrite(folder, lambda manifest: manifest | {"files": hashes, "sizes": sizes})
