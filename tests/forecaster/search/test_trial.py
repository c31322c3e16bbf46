"""A trial knows its errors and its status, and the best of many is a completed one."""

import pytest

from forecaster.search.oracles import BUDGET, PREDECESSOR
from forecaster.search.trial import (
    COMPLETED,
    FAILED,
    PRUNED,
    UNFINISHED,
    Trial,
    best_trial,
    mark_pruned_by_hyperband,
)
from tests.helpers.trials import MASE, make_trial


def test_a_trial_shows_what_was_proposed():
    trial = make_trial(12, [1.0, 2.0], values={"units": 8})
    assert (trial.id, trial.values, trial.score) == ("0012", {"units": 8}, 1.5)
    assert trial.errors(MASE) == [1.0, 2.0]
    assert make_trial(0).errors(MASE) == [] and make_trial(0).score is None


@pytest.mark.parametrize("status", [UNFINISHED, COMPLETED, PRUNED, FAILED])
def test_only_an_unfinished_trial_is_not_over(status):
    assert make_trial(0, status=status).is_over == (status != UNFINISHED)


def test_a_new_trial_is_unfinished_until_it_fails():
    trial = Trial(make_trial(0).proposed)
    assert (trial.status, trial.error, trial.is_over) == (UNFINISHED, None, False)
    trial.fail("ValueError: no")
    assert (trial.status, trial.error, trial.is_over) == (FAILED, "ValueError: no", True)


def test_the_best_is_completed_and_the_first_of_equals():
    first, second = make_trial(2, [1.0, 3.0]), make_trial(3, [2.0, 2.0])
    others = [
        make_trial(0, [0.1], PRUNED),
        make_trial(1, [2.5, 2.5]),
        first,
        second,
        make_trial(4, [0.0], UNFINISHED),
        make_trial(5, [0.0, 0.0], FAILED),
        make_trial(6, [0.0, 0.0], duplicate_of=second),  # its results are those of the other
    ]
    assert best_trial(others, MASE) is first
    assert best_trial([others[0], others[4]], MASE) is None
    assert best_trial([], MASE) is None


def test_hyperband_prunes_those_that_it_left_behind_in_a_round_that_went_on():
    def trial(number, epochs, of_round, predecessor=None, status=COMPLETED):
        values = {BUDGET: epochs, "tuner/round": of_round}
        values |= {} if predecessor is None else {PREDECESSOR: predecessor}
        return make_trial(number, [1.0], status, values=values)

    trials = [
        trial(0, 1, 0),
        trial(1, 1, 0),  # left behind
        trial(2, 1, 0, status=FAILED),  # stays so
        trial(3, 3, 1, "0000"),
        trial(4, 3, 0),  # of another round, from which none went on
        trial(5, 3, 1),  # in the last round nobody is left behind
    ]
    mark_pruned_by_hyperband(trials)
    assert [trial.status for trial in trials] == [
        COMPLETED,
        PRUNED,
        FAILED,
        COMPLETED,
        COMPLETED,
        COMPLETED,
    ]
