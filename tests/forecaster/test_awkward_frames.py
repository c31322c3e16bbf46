"""Awkward frames, each read right or refused with the next step; helpers/awkward_frames.py."""

import pandas as pd
import pytest

from tests.helpers.awkward_frames import FRAMES


@pytest.mark.parametrize(
    ("make", "options", "outcome"),
    [case[1:] for case in FRAMES],
    ids=[case[0] for case in FRAMES],
)
def test_awkward_frames(make, options, outcome):
    frame = make()
    before = frame.copy(deep=True)
    outcome(frame, options)
    pd.testing.assert_frame_equal(frame, before)


def test_every_frame_has_a_name_of_its_own():
    assert len({name for name, *_ in FRAMES}) == len(FRAMES) >= 40
