"""Files: the reader of tables as they lie on disks, told apart by looking at them.

In comes a path, of text in any common shape, or of Parquet, Feather, Excel, JSON or TSF. Out go a
frame that a `Forecaster` can be fitted on, and one line that says what was understood. Nothing
here knows networks, Keras or TensorFlow.
"""
