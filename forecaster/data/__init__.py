"""Data: the only package that reads and writes a user's frames and Parquet files.

In comes a pandas, polars or Arrow frame, or a folder of Parquet files, in any layout and order. Out
goes a `SeriesTable`, arrays on regular grids of time, and later forecasts in the layout of the
input. Nothing here knows networks, Keras or TensorFlow.
"""
