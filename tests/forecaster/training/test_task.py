"""Which rows a fit can learn from: gaps and seasons of every kind, and how few are enough."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.inputs.batches import forecast_at
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import WindowSource
from forecaster.network.heads import Quantiles
from forecaster.training.settings import Training
from forecaster.training.task import rows_needed
from tests.helpers.arrays import NAN, walks
from tests.helpers.fits import make_task, train


def gaps(values, *spans):
    """The values without those in the spans (series, first row, last row)."""
    values = np.array(values)
    for series, first, last in spans:
        values[series, first:last] = NAN
    return values


CASES = {
    "a horizon of several seasons": {"horizon": 9, "season_length": 2},
    "a season longer than the input": {"season_length": 20},
    "an input of one step": {"input_length": 1},
    "a season of one step": {"horizon": 1, "input_length": 30, "season_length": 1},
    "one window trains, one is held out": {"values": walks(1, 11)},
    "nothing varies": {"values": np.full((2, 60), 7.0)},
    "a column begins late": {"values": gaps(walks(2), (1, 0, 60))},
    "a column begins late, joint": {"values": gaps(walks(2), (1, 0, 60)), "joint": True},
    "a column begins behind the training rows": {"values": gaps(walks(2), (1, 0, 110))},
    "a column without a value, joint": {"values": gaps(walks(2), (1, 0, 120)), "joint": True},
    "a column ends early": {"values": gaps(walks(2), (0, 90, 120)), "output": Quantiles([0.1])},
    "gaps": {"values": gaps(walks(), (0, 0, 4), (0, 20, 40), (0, 100, 110))},
    "great numbers": {"values": walks() * 1e9 + 1e12, "normalization": "last"},
    "small numbers": {"values": walks() * 1e-9, "normalization": "last"},
    "not normalized": {"normalization": "none", "training": {"loss": "mse"}},
    "all windows in a batch": {"training": {"validation": np.float32(0.4), "batch_size": 999}},
}


@pytest.mark.parametrize("how", CASES.values(), ids=CASES)
def test_whatever_can_be_learned_from_is_learned_from(how):
    """No warning, no NaN: not from gaps, columns that begin late, or seasons that do not fit."""
    how = {"values": walks()} | how
    training = Training(**{"epochs": 1} | how.pop("training", {}))
    task = make_task(**how, training=training)
    model, forward, history = train(task)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert all(map(math.isfinite, [*history.loss, *history.validation_score, history.naive_score]))
    assert history.loss[0] > 0 or np.ptp(how["values"]) == 0
    rows = task.table.num_rows
    forecast = forecast_at(
        forward,
        WindowSource(task.table, joint=task.is_joint),
        task.spec,
        np.array([0]),
        np.array([rows]),
    )
    seen = ~np.isnan(task.table.values[:, -task.spec.input_length :]).all(axis=1)
    np.testing.assert_array_equal(np.isfinite(forecast[0]).all(axis=(1, 2)), seen)


TOO_FEW_TO_TRAIN = "values in its first 96 rows, which train: some to look back on, and some to lea"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (walks(1, 9), r"at least 10 rows: a season of history and a horizon .* Received: 9 rows."),
        (gaps(walks(), (0, 0, 96)), TOO_FEW_TO_TRAIN),
        (gaps(walks(), (0, 4, 96)), TOO_FEW_TO_TRAIN),
        (gaps(walks(), (0, 0, 94)), TOO_FEW_TO_TRAIN),
        (
            gaps(walks(), (0, 96, 120)),
            "values in the last 24 rows, which are held out, and shortly bef",
        ),
    ],
)
def test_nothing_to_learn_from(values, message):
    with pytest.raises(ValueError, match=f"`frame` must have {message}"):
        train(make_task(values))


@given(
    season=st.integers(1, 30),
    input_length=st.integers(1, 30),
    horizon=st.integers(1, 20),
    validation=st.one_of(st.integers(1, 40), st.floats(0.01, 0.95)),
)
def test_the_rows_that_are_needed_are_the_fewest(season, input_length, horizon, validation):
    spec = WindowSpec(input_length, horizon, season_length=season)
    training = Training(validation=validation)

    def windows_that_train(rows):
        held_out = training.validation_rows(rows, horizon)
        assert horizon <= held_out
        return rows - held_out - horizon - min(season, input_length) + 1

    needed = rows_needed(spec, training)
    assert windows_that_train(needed) >= 1
    assert max(windows_that_train(rows) for rows in range(needed)) < 1
