"""Networks: from unscaled windows to forecasts in the targets' units.

In comes a `WindowSpec`, a core network and a head. Out goes a Keras model that normalizes each
window, encodes covariates, runs the core and undoes the normalization. Nothing here knows tables,
frames, or how a network is trained.

Who owns what:

* recurrent.py: the fields of the usual core, without loading Keras; core.py: its layers;
* cells.py: the recurrent layers by name;
* normalization.py: location and scale of each window; missing values;
* covariate_encoder.py: scale of numeric covariates, embeddings of categories;
* heads.py: what the core's outputs mean, and their error;
* model.py: the assembly of all four.
"""

from forecaster.network.recurrent import RecurrentNetwork

__all__ = ["RecurrentNetwork"]
