"""Forecasts at any level and scale of the data, and after windows that do not vary."""

import warnings

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from forecaster import Forecaster, RecurrentNetwork, Training
from forecaster.data.frame_checks import FrameWarning
from tests.helpers.tiny import engine, tiny

MONTHS = pd.date_range("2015-01-01", periods=48, freq="MS")
WAVE = np.round(64 * np.sin(np.arange(48) / 12 * 2 * np.pi)) / 8  # exact at levels up to 1e14
SPREAD = WAVE.std()


def months(level=0.0, factor=1.0):
    return pd.DataFrame({"y": factor * (level + WAVE)}, MONTHS)


def fitted(frame, **parameters):
    model = tiny(training=Training(epochs=4), **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # four epochs do not make a good fit
        return model.fit(frame, verbose=0)


@pytest.fixture(scope="module")
def at_zero():
    return fitted(months())


@pytest.mark.slow
@pytest.mark.parametrize("level", [-1e9, 5e11])
def test_a_fit_moves_with_the_level(at_zero, level):
    expected = at_zero.predict() + level
    for model in (fitted(months(level)), at_zero):
        found = model.predict(months(level))
        np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-5 * SPREAD)
    result = at_zero.backtest(months(level), cutoffs=3)
    before = at_zero.backtest(months(), cutoffs=3)
    moved = result.forecasts["prediction"] - level
    np.testing.assert_allclose(
        moved, before.forecasts["prediction"], rtol=0, atol=max(1e-5 * SPREAD, 4e-16 * abs(level))
    )
    np.testing.assert_allclose(result.scores()["MASE"], before.scores()["MASE"], rtol=1e-3)


@pytest.mark.parametrize("factor", [3.7e-25, 1e90])
def test_a_fit_stretches_with_the_scale(at_zero, factor):
    expected = at_zero.predict() * factor
    for model in (fitted(months(factor=factor)), at_zero):
        found = model.predict(months(factor=factor))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-5 * SPREAD * factor)


@pytest.mark.slow
def test_an_update_at_a_high_level(at_zero):
    low = fitted(months()[:36]).update(months()).predict()
    high = fitted(months(1e10)[:36]).update(months(1e10)).predict()
    np.testing.assert_allclose(high - 1e10, low, rtol=0, atol=1e-5 * SPREAD)


@pytest.mark.slow
def test_a_covariate_far_from_zero():
    def rows(level, factor):
        heat = factor * (level + np.roll(WAVE, 3) + np.arange(48) % 5)
        return months().assign(heat=heat)

    near, far, small = (
        fitted(
            rows(*how),
            target="y",
            past_covariates=["heat"],
            network=RecurrentNetwork("simple_rnn", units=2),
        ).predict()
        for how in ((0, 1), (1e9, 1), (0, 2.0**-90))
    )
    np.testing.assert_allclose(far, near, rtol=0, atol=1e-4 * SPREAD)
    np.testing.assert_array_equal(small, near)


def test_a_saved_model_in_float64(tmp_path):
    frame = months(1e9)
    model = fitted(frame, time_features=None)
    model.save(tmp_path / "model")
    serve = tf.saved_model.load(tmp_path / "model").signatures["serving_float64"]
    known = tf.constant([[np.nan]], tf.float64)
    values = tf.constant(frame.to_numpy()[None])
    (answer,) = serve(past_values=values, spread=known)["prediction"].numpy()
    np.testing.assert_allclose(answer, model.predict(), rtol=1e-15, atol=1e-5 * SPREAD)
    again = Forecaster.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(), model.predict())
    # After equal values, the spread that was learned, or the one that is given.
    flat = frame * 0 + 5.0
    expected = again.predict(flat) - 5
    answers = [
        serve(past_values=tf.constant(flat.to_numpy()[None]), spread=tf.constant([[spread]]))
        for spread in (np.float64(np.nan), 2 * SPREAD)
    ]
    for answer, factor in zip(answers, (1, 2), strict=True):
        found = answer["prediction"].numpy()[0] - 5
        np.testing.assert_allclose(found, factor * expected, rtol=1e-6)
    assert np.abs(expected).to_numpy().max() > 0


def test_lost_digits_and_huge_values_are_told():
    with pytest.warns(FrameWarning, match="float64 keeps fewer than 5 digits .*'y'.*Subtract"):
        engine(tiny()).read(months(1e12).assign(x=WAVE))
    with (
        pytest.warns(FrameWarning, match="float32 keeps fewer than 4 digits"),
        pytest.raises(ValueError, match=r"fit diverged.*a smaller one, or normalization='last'"),
    ):
        tiny(normalization="none").fit(months(1e6), verbose=0)
    with pytest.raises(
        ValueError, match=r"up to 1e\+18 with normalization=\"none\".* 8e\+20 in 'y'"
    ):
        tiny(normalization="none").fit(months(factor=1e20), verbose=0)


def promoted(rows=160, usual=0.0, seed=0):
    """A price cut on some days, which sells 8 more; nothing else happens."""
    promo = (np.random.default_rng(seed).random(rows) < 0.4).astype(float)
    days = pd.date_range("2024-01-01", periods=rows)
    return pd.DataFrame({"t": days, "id": "a", "y": usual + 8 * promo, "promo": promo})


def effect_of_promotion(model, history, rows=1):
    """Forecast with the promotion minus forecast without."""
    answers = []
    for promo in (1.0, 0.0):
        future = model.future_frame(history).assign(promo=promo)
        answers.append(model.predict(history, future=future)["prediction"].to_numpy())
    return answers[0] - answers[1]


@pytest.fixture(scope="module")
def seller():
    """A fit whose windows of one row never vary."""
    model = Forecaster(
        horizon=1,
        input_length=1,
        target="y",
        id_column="id",
        time_column="t",
        future_covariates=["promo"],
        season_length=1,
        time_features=None,
        network=RecurrentNetwork("simple_rnn", units=4),
        training=Training(epochs=30, learning_rate=0.03, loss="mse", refit=False),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(promoted(), verbose=0)


def test_a_window_of_one_row_does_not_switch_covariates_off(seller):
    for last in (0.0, 1.0):
        history = promoted(8)
        history.loc[7, ["y", "promo"]] = [8 * last, last]
        assert effect_of_promotion(seller, history) == pytest.approx([8], abs=1.5)


def test_an_all_zero_window_and_a_new_id_of_one_row(seller):
    quiet = promoted(8).assign(y=0.0, promo=0.0)
    assert effect_of_promotion(seller, quiet) == pytest.approx([8], abs=1.5)
    new = quiet[-1:].assign(id="new")
    assert effect_of_promotion(seller, new) == pytest.approx([8], abs=1.5)
