"""Folds lie behind each other in time, and no fold is fitted on rows that it is evaluated on."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from forecaster.evaluation.folds import Folds, stride_over_seasons
from tests.helpers.arrays import make_table, ramp


@given(
    rows=st.integers(20, 400),
    horizon=st.integers(1, 12),
    needed=st.integers(2, 40),
    count=st.integers(1, 5),
    cutoffs=st.none() | st.integers(1, 20),
    stride=st.none() | st.integers(1, 7),
    season=st.sampled_from([1, 7, 12, 24]),
)
def test_blocks_lie_behind_each_other(rows, horizon, needed, count, cutoffs, stride, season):
    table = make_table(ramp(1, rows))
    try:
        blocks = Folds(count, cutoffs, stride).blocks(table, horizon, season, needed)
    except ValueError as error:
        least = 1 if cutoffs is None else cutoffs
        assert "`folds` must fit into the frame" in str(error)
        assume(stride is not None or cutoffs is None)
        assert needed + (count * least - 1) * (stride or 1) + horizon > rows
        return
    together = np.concatenate(blocks)
    assert len(blocks) == count
    assert {len(block) for block in blocks} == {len(blocks[0])}
    assert cutoffs in (None, len(blocks[0]))
    steps = np.diff(together)
    assert (steps == (steps[0] if stride is None else stride)).all() if len(steps) else True
    assert together[0] >= needed  # enough rows to fit on
    assert together[-1] == rows - horizon  # the newest rows are held out
    if cutoffs is None:
        span = len(blocks[0]) * (steps[0] if len(steps) else 1)
        assert len(blocks[0]) <= 48
        assert span <= max(horizon, rows // 10) + (stride or 0) + season


def test_too_many_folds_say_how_many_fit():
    table = make_table(ramp(1, 100))
    message = (
        r"Received: 9 folds of 5 cutoffs, stride=2, horizon=10, in 100 rows, of which the first 30 "
        r"are needed to fit on\. 6 such folds fit"
    )
    with pytest.raises(ValueError, match=message):
        Folds(9, 5, 2).blocks(table, 10, 1, 30)
    assert len(Folds(6, 5, 2).blocks(table, 10, 1, 30)) == 6
    with pytest.raises(ValueError, match=r"0 such folds fit"):
        Folds(1).blocks(make_table(ramp(1, 12)), 10, 1, 30)


def test_a_window_must_be_enough_to_fit_on():
    with pytest.raises(
        ValueError, match=r"`train_length` must be at least 30.*Received: train_length=29"
    ):
        Folds(1, train_length=29).blocks(make_table(ramp(1, 100)), 10, 1, 30)


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ({"count": 0}, ValueError, "`folds` must be at least 1. Received: folds=0"),
        ({"count": 1.5}, TypeError, "`folds` must be an integer"),
        ({"cutoffs": 0}, ValueError, "`cutoffs` must be at least 1"),
        ({"stride": 0}, ValueError, "`stride` must be at least 1"),
        ({"train_length": True}, TypeError, "`train_length` must be an integer"),
    ],
)
def test_bad_folds(how, kind, message):
    with pytest.raises(kind, match=message):
        Folds(**how)


def test_the_window_of_before_is_the_train_length():
    with pytest.warns(DeprecationWarning, match=r"`window` is now called `train_length`"):
        folds = Folds(2, window=40)
    assert folds == Folds(2, train_length=40)
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(TypeError, match=r"`train_length` must be given once.*window=40"),
    ):
        Folds(2, window=40, train_length=30)


@pytest.mark.parametrize("least", [1, 5, 24])
@pytest.mark.parametrize(("season", "horizon"), [(1, 1), (24, 6), (12, 1), (7, 3)])
def test_a_stride_meets_every_phase_of_a_season(least, season, horizon):
    stride = stride_over_seasons(least, season, horizon)
    assert stride >= least
    targets = {(k * stride + step) % season for k in range(season) for step in range(horizon)}
    assert targets == {*range(season)}
