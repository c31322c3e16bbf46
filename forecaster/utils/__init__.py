"""Utilities: executors and processes, files, and checks of single arguments.

In come calls to run, data to write and values to check. Out come results in order, files that are
complete at every moment, and errors that name the next step. Nothing here knows time series.
"""
