"""Model inputs: windows, coded covariates and time features, for training and forecasts alike.

In comes a `SeriesTable` and the shapes of a `WindowSpec`. Out go batches of unscaled windows.
Nothing here knows which network reads them, or why.

Who owns what:

* spec.py: the shapes that all later stages agree on, and the names of the inputs;
* windows.py: where a window is cut, and how;
* batches.py: the shuffled stream for training, and forecasts batch by batch;
* covariate_coder.py: columns and categories of the covariates, as fitted;
* time_features.py: calendar features and holidays of the times.
"""
