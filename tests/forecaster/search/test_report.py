"""The table of trials, its text, and which parameters mattered."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.search.report import (
    OUTCOMES,
    cell_table,
    fold_columns,
    free_columns,
    importance,
    parameter_columns,
    report,
    trials_frame,
    value_text,
)
from forecaster.search.trial import COMPLETED, FAILED, PRUNED
from tests.helpers.trials import MASE, make_trial, make_trials_frame


def test_a_report(finished_search):
    text = finished_search.report()
    best = finished_search.trials_["score"].idxmin()
    assert text.startswith("10 trials (")
    assert f"best, trial {best} " in text
    assert f"{finished_search.best_score_:.4g}" in text
    naive = finished_search.trials_["naive"].iloc[0]
    assert ["seasonal", "naive", f"{naive:.4g}"] in [line.split() for line in text.splitlines()]
    assert "training__learning_rate" in text
    assert "What mattered" in text


def test_importance_finds_what_mattered():
    generator = np.random.default_rng(0)
    cells = generator.choice(["a", "b"], 40)
    rates, units = generator.random(40), generator.integers(1, 9, 40)
    errors = 1 + 2 * (cells == "b") + 0.5 * rates
    trials = pd.DataFrame(
        {
            "status": "completed",
            "score": errors,
            "naive": 3.0,
            "fold_1": errors,
            "fold_2": errors,
            "seconds": 1.0,
            "cell": cells,
            "rate": rates,
            "units": units,
            "same": 5,
            "error": None,
        }
    )
    shares = importance(trials)
    assert list(shares.index)[:2] == ["cell", "rate"]
    assert shares.sum() == pytest.approx(1)
    assert shares["cell"] > 0.7 > 0.1 > shares["units"]
    assert "same" not in shares
    assert importance(trials.head(5)).empty


def test_a_table_has_a_row_for_each_trial_that_was_run():
    first = make_trial(0, [1.0, 3.0], values={"cell": "gru"})
    trials = [
        first,
        make_trial(1, [1.0, 3.0], values={"cell": "gru"}, duplicate_of=first),
        make_trial(2, [4.0], PRUNED, values={"cell": "lstm", "depth": 2}),
        make_trial(3, [], FAILED, values={"cell": "mgu"}, error="ValueError: no"),
    ]
    frame = trials_frame(trials, MASE, folds=2)
    assert frame.index.tolist() == [0, 2, 3]  # keras-tuner's numbers
    assert frame["status"].tolist() == [COMPLETED, PRUNED, FAILED]
    expected = {
        "score": [2.0, 4.0, np.nan],
        "spread": [1.0, 0.0, np.nan],  # of two values around their mean, by the population's
        "naive": [1.5, 1.5, np.nan],
        "fold_1": [1.0, 4.0, np.nan],
        "fold_2": [3.0, np.nan, np.nan],
        "epochs": [5.5, 5.0, np.nan],  # 5 and 6
        "num_parameters": [10, 10, np.nan],
        "seconds": [1.0, 0.5, 0.0],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(frame[name], values, err_msg=name)
    assert frame["cell"].tolist() == ["gru", "lstm", "mgu"]
    assert frame["depth"].tolist() == [None, 2, None]
    assert frame["error"].isna().tolist() == [True, True, False]
    assert frame.loc[3, "error"] == "ValueError: no"
    assert frame.columns[-1] == "error"


FOLD_COLUMNS = ["fold_1", "fold_2", "fold_10"]
PARAMETER_COLUMNS = ["seed", "network__cell", "fold_", "fold_1_note", "my_fold_1", "note"]


@given(st.permutations([*OUTCOMES, *FOLD_COLUMNS, *PARAMETER_COLUMNS]))
def test_columns_are_found_by_name_whatever_their_order(order):
    trials = pd.DataFrame(columns=order)
    assert fold_columns(trials) == [name for name in order if name in FOLD_COLUMNS]
    assert parameter_columns(trials) == [name for name in order if name in PARAMETER_COLUMNS]


def test_columns_that_were_inserted_by_hand_shift_no_others():
    values = {"seed": 7, "normalization": "last"}
    trials = trials_frame([make_trial(0, [1.0, 2.0], values=values)], MASE, folds=2)
    for position in (0, 5, len(trials.columns)):
        noted = trials.copy()
        noted.insert(position, "note", "mine")
        assert fold_columns(noted) == ["fold_1", "fold_2"]
        found = parameter_columns(noted)
        assert [name for name in found if name != "note"] == ["seed", "normalization"]
        assert "note" in found  # whatever is no outcome counts as a parameter


def test_free_columns_are_those_that_differ():
    trials = make_trials_frame([1, 2], same=[5, 5], seed=[0, 1], kind=[1, True], gap=[None, "a"])
    assert parameter_columns(trials) == ["same", "seed", "kind", "gap"]
    assert free_columns(trials) == ["seed", "kind", "gap"]


def test_the_text_of_a_report():
    status = [COMPLETED, COMPLETED, PRUNED, FAILED]
    trials = make_trials_frame(
        [2.5, 1.25, 1.0, np.nan],  # the score of a pruned trial is an estimate
        status,
        network__cell=["gru", "lstm", "gru", "mgu"],
        rate=[0.1, 0.0123456, 0.3, 0.4],
        extra=[1, None, None, None],
    )
    text = report(trials, "MASE")
    rows = [line.split() for line in text.splitlines()]
    assert text.startswith("4 trials (2 completed, 1 pruned, 1 failed) in 6 s of work\n")
    assert ["MASE,", "mean", "of", "2", "folds", "score", "spread"] in rows
    assert ["best,", "trial", "1", "1.25", "0.1"] in rows
    assert ["first,", "trial", "0", "2.5", "0.1"] in rows
    assert ["seasonal", "naive", "2"] in rows
    assert rows[rows.index(["The", "best"]) + 1 :][:2] == [
        ["network__cell", "lstm"],
        ["rate", "0.0123"],
    ]
    assert "extra" not in text  # the best has none
    assert "What mattered" not in text  # of so few trials


def test_cells_are_compared_by_their_completed_trials():
    trials = make_trials_frame(
        [3.0, 1.0, 2.0, 0.5, np.nan],
        [COMPLETED, COMPLETED, COMPLETED, PRUNED, FAILED],
        network__cell=["gru", "lstm", "gru", "gru", "mgu"],
    )
    table = cell_table(trials)
    assert table.index.tolist() == ["lstm", "gru", "mgu"]
    assert table["trials"].tolist() == [1, 3, 1]
    assert table["completed"].tolist() == [1, 2, 0]
    np.testing.assert_array_equal(table["best"], [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(table["median"], [1.0, 2.5, np.nan])


@pytest.mark.parametrize(
    ("value", "text"), [(0.00123456, "0.00123"), (64, "64"), ("gru", "gru"), (None, "None")]
)
def test_values_as_texts(value, text):
    assert value_text(value) == text
