"""Evaluation: metrics, baselines and backtests of anything that can be fitted and can forecast.

In comes a `SeriesTable` and a model with a few methods, `TableForecaster`. Out goes a
`BacktestResult`: forecasts from many cutoffs with the actual values and the seasonal naive. Nothing
here knows networks, Keras or TensorFlow.
"""
