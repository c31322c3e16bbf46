"""Air quality 24 hours ahead, with and without weather and calendar.

Hourly PM2.5 of Beijing, 2010 to 2014, of which 2,067 values are missing. The weather is known up to
the moment of the forecast only, so it enters as past covariates; one of them, the wind direction,
is a category. Years 2010 to 2013 are fitted on; every hour of 2014 is forecast from.

Mean of three seeds, each fitted in a minute or two on two CPU cores:

                             MAE     RMSE   MASE  skill
    seasonal naive        68.028  100.142  0.976  0.000
    target alone          47.029   72.698  0.675  0.309
    weather and calendar  44.372   68.599  0.637  0.348

    python examples/beijing_pm25.py [SEEDS]

The data are downloaded, or taken from the folder in KERAS_FORECASTER_DATA.
"""

import sys

import pandas as pd

from forecaster import Forecaster
from forecaster.datasets import load_dataset

WEATHER = ["DEWP", "TEMP", "PRES", "cbwd", "Iws", "Is", "Ir"]
KNOWN = {
    "target alone": {"time_features": None},
    "weather and calendar": {"past_covariates": WEATHER, "time_features": "auto"},
}

frame = load_dataset("beijing_pm25")
known = frame[:"2013"]
cutoffs = frame["2014":].index[:-24]
seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

scores = {}
for name, parameters in KNOWN.items():
    for seed in seeds:
        model = Forecaster(horizon=24, target="pm2.5", seed=seed, **parameters)
        model.fit(known, verbose=0)
        result = model.backtest(frame, cutoffs=cutoffs)  # by these weights: they end before
        scores[name, seed] = result.scores().loc["prediction"]
        scores["seasonal naive", seed] = result.scores().loc["naive"]
        print(f"{name}, seed {seed}: MAE {scores[name, seed]['MAE']:.2f} micrograms", flush=True)

table = pd.DataFrame(scores).T.groupby(level=0).mean()
print(table[["MAE", "RMSE", "MASE", "skill"]].round(3).to_string())
