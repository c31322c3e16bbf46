"""From a DataFrame to a forecast, a backtest, a picture, and an artifact that needs no package.

python examples/air_passengers.py [FOLDER]
"""

import sys
from pathlib import Path

import tensorflow as tf

from forecaster import Forecaster, Quantiles
from forecaster.datasets import load_dataset
from forecaster.evaluation.plots import plot_forecast

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "air_example")
air = load_dataset("air_passengers")

# Fit on all but the last year, and forecast that year.
known, year = air.iloc[:-12], air.iloc[-12:]
levels = [0.1, 0.5, 0.9]
model = Forecaster(horizon=12, output=Quantiles(levels)).fit(known)
forecast = model.predict(quantiles=levels)
print(forecast["passengers"].round().assign(actual=year["passengers"]))

# Twelve cutoffs in the past, none of them seen by the weights that are scored.
result = model.backtest(known, cutoffs=12)
print(result.scores().round(3))
print(result.scores(by="step")["MASE"].unstack("forecast").round(3))

# The picture: history, forecast, what happened, and the seasonal naive forecast.
naive = air.shift(12).iloc[-12:]
folder.mkdir(exist_ok=True)
axes = plot_forecast(
    known.iloc[-48:], forecast, actual=year, naive=naive, title="Airline passengers"
)
axes.figure.savefig(folder / "forecast.png", dpi=150)

# The artifact: TensorFlow alone reads it. A later month is a longer history, not a new model.
model.save(folder / "model", overwrite=True)
serve = tf.saved_model.load(folder / "model").signatures["serving_default"]
history = tf.constant(air.to_numpy("float32")[None])  # (batch, time, targets)
print(serve(past_values=history)["quantiles"].numpy().round().squeeze())
