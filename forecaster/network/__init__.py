"""Networks: from raw windows to forecasts in the targets' units.

In comes a `WindowSpec`, a core network and a head. Out goes a Keras model that normalizes each
window, encodes covariates, runs the core and undoes the normalization. Nothing here knows tables,
frames, or how a network is trained.
"""

from forecaster.network.recurrent import RecurrentNetwork

__all__ = ["RecurrentNetwork"]
