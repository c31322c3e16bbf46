"""Training: one loop from fresh weights to the best ones, with validation on the last rows.

In comes a task: a `SeriesTable`, a network, a head and a `Training`. Out goes the result of a fit:
the model, the fitted covariate coder, and the history. Nothing here knows frames, backtests or
searches.

Who owns what:

* settings.py: the user's settings, without loading Keras;
* loop.py: the fit, from the split of the rows to the refit;
* validation.py: the validation score; callbacks.py: early stopping, checkpoints and progress;
* optimizer.py: Adam with averaged weights.
"""

from forecaster.training.settings import Training

__all__ = ["Training"]
