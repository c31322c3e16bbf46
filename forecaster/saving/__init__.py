"""Artifacts: directories that forecast without this package, and load with it.

In comes a Keras model, a `Serving` with the specification of its graph, and metadata as JSON. Out
goes a SavedModel beside weights and a manifest, and the same back again. Nothing here knows the
`Forecaster`, which translates.

Who owns what:

* serving.py: inputs, outputs and description of the serving graph;
* artifact.py: the files of an artifact, and their replacement in whole.
"""
