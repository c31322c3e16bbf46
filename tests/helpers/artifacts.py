"""Artifacts on disk: their files, their graphs, and where the scripts lie that use them."""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

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
