"""How a network is fitted: what a `Training` refuses, and how long its epochs are."""

import numpy as np
import pytest

from forecaster.network.heads import Point, Quantiles
from forecaster.training.settings import Training


@pytest.mark.parametrize(
    ("field", "wrong", "kind", "message"),
    [
        ("epochs", 0, ValueError, "`epochs` must be at least 1. Received: epochs=0."),
        ("batch_size", 1.5, TypeError, "`batch_size` must be an integer."),
        ("learning_rate", 0, ValueError, "`learning_rate` must be finite and above 0."),
        ("learning_rate", float("inf"), ValueError, "`learning_rate` must be finite and above 0."),
        ("learning_rate", "1e-3", TypeError, "`learning_rate` must be a number."),
        ("loss", "rmse", ValueError, "`loss` must be one of 'auto', 'mae', 'mse', 'pinball'."),
        ("patience", 0, ValueError, "`patience` must be at least 1."),
        ("validation", 0, ValueError, "`validation` must be at least 1."),
        ("validation", 1.0, ValueError, "`validation` must be a fraction between 0 and 1, or an"),
        ("validation", "a fifth", TypeError, "`validation` must be an integer."),
        ("refit", "no", ValueError, "`refit` must be one of True, False."),
    ],
)
def test_bad_training(field, wrong, kind, message):
    with pytest.raises(kind, match=message):
        Training(**{field: wrong})


def test_the_loss_must_fit_the_output():
    quantiles = Quantiles([0.1])
    assert Training().loss_for(Point()) == "mae"
    assert Training().loss_for(quantiles) == "pinball"
    assert Training(loss="mse").loss_for(Point()) == "mse"
    with pytest.raises(ValueError, match=r"`loss` must be one of mae, mse for output=Point\(\)"):
        Training(loss="pinball").loss_for(Point())
    with pytest.raises(ValueError, match="`loss` must be one of pinball for output=Quantiles"):
        Training(loss="mae").loss_for(quantiles)


def test_validation_is_a_number_of_steps_or_a_fraction():
    for validation, rows in ((0.25, 25), (np.float32(0.25), 25), (30, 30), (np.int64(30), 30)):
        assert Training(validation=validation).validation_rows(100, 7) == rows
        assert Training(validation=validation).validation_rows(100, 40) == 40
