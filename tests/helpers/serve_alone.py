"""Answers from SavedModels in a process where none of our packages, nor Keras, can be imported.

The arguments are folders: each holds a SavedModel `artifact` and inputs `asked.npz`, with names
`<question>/<input>`, and gets the answers as `answered.npz`, with names `<question>/<output>`.
"""

import sys
from collections import defaultdict

for package in ("forecaster", "custom_layers", "keras"):
    sys.modules[package] = None

import numpy as np  # noqa: E402, after the packages are blocked
import tensorflow as tf  # noqa: E402


def main(folders):
    for folder in folders:
        serve = tf.saved_model.load(f"{folder}/artifact").signatures["serving_default"]
        answers = {
            f"{question}/{output}": answer.numpy()
            for question, inputs in questions(f"{folder}/asked.npz").items()
            for output, answer in serve(**inputs).items()
        }
        np.savez(f"{folder}/answered.npz", **answers)


def questions(path):
    """The inputs of each question by name."""
    found = defaultdict(dict)
    with np.load(path) as asked:
        for name, array in asked.items():
            question, _, given = name.rpartition("/")
            found[question][given] = array
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
