"""TensorBoard reads the logs of trials."""

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from forecaster.search.tensorboard import log_trial
from tests.helpers.searches import small
from tests.helpers.tiny import waves
from tests.helpers.trials import MASE, make_trial


def test_tensorboard_reads_the_logs(tmp_path):
    search = small(directory=tmp_path).fit(waves(), verbose=0)
    folders = sorted((tmp_path / "logs").iterdir())
    assert [folder.name for folder in folders] == ["0000", "0001", "0002"]
    for folder, score in zip(folders, search.trials_["score"], strict=True):
        events = EventAccumulator(str(folder)).Reload()
        assert "_hparams_/session_start_info" in events.summary_metadata
        (event,) = events.Tensors("MASE")
        assert tf.make_ndarray(event.tensor_proto) == pytest.approx(score)


def scalars(folder, tag):
    """The values of a tag with their steps."""
    events = EventAccumulator(str(folder)).Reload()
    return [
        (event.step, tf.make_ndarray(event.tensor_proto).item()) for event in events.Tensors(tag)
    ]


def test_a_log_has_every_fold_and_their_mean(tmp_path):
    values = {"units": 8, "rate": 0.5, "cell": "gru", "refit": True, "time_features": None}
    log_trial(tmp_path, make_trial(3, [1.0, 2.0], values=values), MASE)
    assert scalars(tmp_path / "0003", "fold") == [(1, 1.0), (2, 2.0)]
    assert scalars(tmp_path / "0003", "MASE") == [(2, 1.5)]
    assert scalars(tmp_path / "0003", "seconds") == [(2, 1.0)]


def test_a_log_is_written_once_and_only_for_a_trial_that_was_run(tmp_path):
    log_trial(tmp_path, make_trial(0, [], error="ValueError: no"), MASE)
    assert [*tmp_path.iterdir()] == []
    log_trial(tmp_path, make_trial(1, [1.0]), MASE)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "0001").iterdir()}
    log_trial(tmp_path, make_trial(1, [9.0]), MASE)
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "0001").iterdir()} == before
    assert scalars(tmp_path / "0001", "fold") == [(1, 1.0)]
