"""Frames and arrays: the only place that reads and writes a user's tables.

In comes a pandas, polars or Arrow frame, or a folder of Parquet files, in any layout and order. Out
goes a `SeriesTable`, arrays on regular grids of time, and later forecasts in the layout that came
in. Nothing here knows networks, Keras or TensorFlow.
"""
