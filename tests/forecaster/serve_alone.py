"""Answers from SavedModels in a process where none of our packages, nor Keras, can be imported.

The arguments are folders: each holds a SavedModel `artifact` and inputs `asked.npz`, and gets the
answers as `answered.npz`, with names `<question>/<output>`.
"""

import sys

for package in ("forecaster", "custom_layers", "keras"):
    sys.modules[package] = None

import numpy as np  # noqa: E402, after the packages are blocked
import tensorflow as tf  # noqa: E402


def main(folders):
    for folder in folders:
        serve = tf.saved_model.load(f"{folder}/artifact").signatures["serving_default"]
        with np.load(f"{folder}/asked.npz") as asked:
            answers = {
                f"{question}/{output}": answer.numpy()
                for question in asked.files
                for output, answer in serve(past_values=tf.constant(asked[question])).items()
            }
        np.savez(f"{folder}/answered.npz", **answers)


if __name__ == "__main__":
    main(sys.argv[1:])
