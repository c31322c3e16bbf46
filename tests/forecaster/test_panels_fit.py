"""Fits on series below each other: as on series side by side; on ids that are hard, or many."""

import time

import numpy as np
import pandas as pd
import pytest

from forecaster import Training
from forecaster.data.frame_checks import FrameWarning
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import WindowSource
from forecaster.network.heads import Point
from forecaster.training.validation import ValidationScorer, series_scales
from tests.helpers.fits import assert_same_weights
from tests.helpers.panel_rows import DAY, KEYS, laid_out
from tests.helpers.panels import LONG, ramp_rows
from tests.helpers.tables import read
from tests.helpers.tiny import (
    HORIZON,
    LENGTH,
    ROWS,
    days,
    equation,
    tiny,
    waves,
    with_random_weights,
)

# The same series side by side and below each other.

WIDE = waves(columns=("a", "b", "c"))
WIDE.iloc[20:24, 1] = np.nan
LATER = waves(days(ROWS + 9), columns=("a", "b", "c"))


def as_long(wide):
    """Columns below each other, as ids with their names; sorted names keep the order of series."""
    long = wide.rename_axis("t").reset_index().melt("t", var_name="id", value_name="y")
    return long[["id", "t", "y"]]


def test_a_long_frame_of_equal_lengths_is_read_as_the_wide_one():
    wide, long = read(WIDE), read(as_long(WIDE), **LONG)
    one, other = WindowSource(wide), WindowSource(long)
    np.testing.assert_array_equal(one.lengths, other.lengths)
    series = np.arange(one.num_series)
    np.testing.assert_array_equal(
        *(source.gather(series, one.lengths, -len(WIDE), 0) for source in (one, other))
    )
    np.testing.assert_array_equal(
        series_scales(wide, wide.lengths - 9, 7).ravel(),
        series_scales(long, long.lengths - 9, 7).ravel(),
    )
    spec = WindowSpec(7, 3, season_length=7)
    scorers = [
        ValidationScorer(table, source, spec, Point(), "mae", table.lengths - 9)
        for table, source in ((wide, one), (long, other))
    ]
    assert scorers[0].naive_score == pytest.approx(scorers[1].naive_score, rel=1e-12)
    assert scorers[0].scored.sum() == scorers[1].scored.sum()


@pytest.mark.slow
def test_fit_predict_and_backtest_do_not_ask_which_layout_it_is():
    training = Training(epochs=2, batch_size=8)
    wide = tiny(training=training).fit(WIDE, verbose=0)
    expected, one = wide.predict(), wide.backtest(LATER, cutoffs=4, stride=2)
    for layout in ("long", "levels"):
        other = tiny(training=training, **KEYS[layout], target="y")
        other.fit(laid_out(as_long(WIDE), layout), verbose=0)
        assert_same_weights(other.model_, wide.model_)
        assert other.history_.loss == wide.history_.loss
        scores = other.history_.validation_score
        assert scores == pytest.approx(wide.history_.validation_score)
        forecast = other.predict()
        forecast = forecast if layout == "levels" else forecast.set_index(["id", "t"])
        for column in WIDE:
            own = forecast.loc[column, "prediction"]
            np.testing.assert_array_equal(own, expected[column])
            assert own.index.tolist() == expected.index.tolist()
        two = other.backtest(laid_out(as_long(LATER), layout), cutoffs=4, stride=2)
        pd.testing.assert_frame_equal(
            two.forecasts, one.forecasts, check_exact=True, check_dtype=False
        )
        for by in ("series", "cutoff", "step", None):
            pd.testing.assert_frame_equal(
                two.scores(by=by), one.scores(by=by), check_index_type=False
            )


# Ids that are hard.


def hard_panel():
    generator = np.random.default_rng(0)
    values = {
        "constant": np.full(30, 5.0),
        "long": generator.normal(size=ROWS),
        "none": np.full(20, np.nan),
        "one row": [3.25],
        "short": generator.normal(size=LENGTH - 2),
        "week": generator.normal(size=6),  # less than a season
    }
    parts = [
        pd.DataFrame({"id": label, "t": days(len(own), f"2024-01-{k + 1:02}"), "y": own})
        for k, (label, own) in enumerate(values.items())
    ]
    return pd.concat(parts, ignore_index=True)


def test_ids_that_are_short_constant_or_empty():
    rows = hard_panel()
    with pytest.warns(FrameWarning) as warned:
        model = with_random_weights(rows, **LONG)
    about = " ".join(str(warning.message) for warning in warned)
    assert "one value only, from which nothing can be learned: constant, one row." in about
    assert "no value at all, so that their forecasts are NaN: none." in about
    with pytest.warns(
        FrameWarning, match=r"^The forecasts of none are NaN, because their newest 7"
    ):
        forecast = model.predict(rows).set_index("id")
    spreads = rows.groupby("id")["y"].std(ddof=0)
    own_spread = {"one row": spreads[spreads > 0].median()}  # as is typical of the others
    for label, own in rows.groupby("id"):
        found = forecast.loc[label]
        assert found["t"].tolist() == [own["t"].iloc[-1] + k * DAY for k in (1, 2, 3)]
        if label == "none":
            assert found["prediction"].isna().all()
        else:
            expected = equation(model, own["y"].to_numpy()[-LENGTH:], own_spread.get(label, 0))
            np.testing.assert_allclose(found["prediction"], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(forecast.loc["constant", "prediction"], 5.0)


def test_a_fit_on_hard_ids_learns_from_the_long_one_alone():
    """The others have no window that trains: they are there, and change nothing."""
    rows = hard_panel()
    alone = rows[rows["id"] == "long"]
    training = Training(epochs=2, batch_size=8, validation=10, refit=False)
    expected = tiny(training=training, **LONG).fit(alone, verbose=0)
    others = rows[~rows["id"].isin(["constant", "none"])]
    with pytest.warns(FrameWarning):
        found = tiny(training=training, **LONG).fit(others, verbose=0)
    assert_same_weights(found.model_, expected.model_)
    assert found.history_.loss == expected.history_.loss
    scores = found.history_.validation_score, expected.history_.validation_score
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)  # other batches
    with pytest.warns(FrameWarning):
        result = found.backtest(others, cutoffs=2)
    assert result.series.unique().tolist() == ["long"]
    np.testing.assert_array_equal(result.prediction, expected.backtest(alone, cutoffs=2).prediction)


def test_ids_that_are_all_too_short_are_named():
    rows = ramp_rows([9, 11], ["2024-01-01", "2024-01-05"])
    with pytest.raises(ValueError, match=r"at least 13 rows.* Received: 11 rows of the longest id"):
        tiny(**LONG).fit(rows)
    with pytest.raises(ValueError, match=r"leave at least 13 rows to fit on"):
        tiny(**LONG).backtest(rows, cutoffs=1)


# Many.


def test_two_thousand_ids_take_seconds():
    """A fit, a forecast and a backtest; and each id is answered by the equation."""
    generator, ids, length = np.random.default_rng(0), 2000, 30
    values = generator.normal(size=(ids, length + 12)).cumsum(axis=1)
    times = np.tile(days(length + 12), ids)
    labels = np.repeat([f"id{i:04}" for i in range(ids)], length + 12)
    rows = pd.DataFrame({"id": labels, "t": times, "y": values.ravel()})
    known = rows[rows["t"] < rows["t"].iloc[length]]
    begin = time.process_time()
    training = Training(epochs=1, batch_size=1024, refit=False)
    model = tiny(training=training, **LONG).fit(known, verbose=0)
    forecast = model.predict()["prediction"].to_numpy().reshape(ids, HORIZON)
    result = model.backtest(rows, cutoffs=10)
    scores = result.scores(by="series")
    assert time.process_time() - begin < 40
    assert len(scores) == 2 * ids
    assert len(result) == 10 * ids
    first = result.prediction[:ids]
    np.testing.assert_allclose(first, forecast, rtol=1e-4, atol=1e-5)
    for position in (0, 1, 999, ids - 1):
        expected = equation(model, values[position, length - LENGTH : length])
        np.testing.assert_allclose(forecast[position], expected, rtol=1e-4, atol=1e-4)
    assert not np.isclose(forecast[1:], forecast[:-1]).all(axis=1).any()
    naive = values[:, length + 12 - HORIZON - 7 : length + 12 - 7]
    np.testing.assert_array_equal(result.naive[-ids:], naive)
