"""Windows: what a network is fed, for training, validation, backtests and forecasts alike.

In comes a `SeriesTable` and the shapes of a `WindowSpec`. Out go batches of raw windows with coded
covariates and features of time. Nothing here knows which network reads them, or why.
"""
