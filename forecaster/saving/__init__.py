"""Artifacts: directories that forecast without this package, and load with it.

In comes a Keras model, what its serving graph is made of, and metadata as JSON. Out goes a
SavedModel beside weights and a manifest, and the same back again. Nothing here knows the
`Forecaster`, which translates.
"""
