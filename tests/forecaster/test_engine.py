"""The engine: checked parameters and tables in, fitted weights out, and itself as it was."""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import forecaster.engine
from forecaster import Quantiles, RecurrentNetwork, Training
from forecaster.data.frame_checks import FrameWarning
from forecaster.data.reading import read_frame
from forecaster.engine import Engine
from tests.helpers.fits import assert_same_weights
from tests.helpers.tables import long_ramp, read
from tests.helpers.tiny import HORIZON, LENGTH, ROWS, days, tiny, waves, with_random_weights

NEW = waves(days(ROWS + 5))  # five rows after those that `fitted_engine` has seen


def engine_of(**parameters):
    return Engine.of(tiny(**parameters).get_params(deep=False))


def fitted_engine(frame=None, **parameters):
    """An engine, and weights of noise that count as its fit."""
    model = with_random_weights(waves() if frame is None else frame, **parameters)
    return Engine.of(model.get_params(deep=False)), model._fitted


# Parameters


@pytest.mark.parametrize(
    ("name", "wrong", "kind", "message"),
    [
        ("horizon", 0, ValueError, r"`horizon` must be at least 1\. Received: horizon=0\."),
        ("horizon", 2.0, TypeError, r"`horizon` must be an integer\. Received: horizon=2\.0\."),
        ("input_length", 0, ValueError, r"`input_length` must be at least 1\."),
        ("season_length", True, TypeError, r"`season_length` must be an integer\."),
        ("seed", -1, ValueError, r"`seed` must be at least 0\. Received: seed=-1\."),
        ("seed", 2**32, ValueError, r"`seed` must be below 2\*\*32\. Received: seed=4294967296\."),
        ("channels", "both", ValueError, "`channels` must be one of 'independent', 'joint'"),
        ("normalization", None, ValueError, "`normalization` must be one of 'standard', 'last'"),
        ("static_covariates", "a", TypeError, r"`static_covariates` must be a list of columns\. R"),
        ("training", "fast", TypeError, r"`training` must be a Training\. .* training='fast'\."),
        ("training", Training(loss="pinball"), ValueError, "`loss` must be one of mae, mse for"),
        ("network", 5, TypeError, "`network` must be a cell's name, a RecurrentNetwork, or"),
        ("output", "quantiles", ValueError, r"`output` must be \"point\" or Quantiles\(\[\.\.\.\]"),
        ("time_features", ["minute"], ValueError, "`time_features` must"),
    ],
)
def test_parameters_are_checked_at_the_door(name, wrong, kind, message):
    with pytest.raises(kind, match=message):
        engine_of(**{name: wrong})


def test_an_engine_holds_the_parameters_of_the_forecaster():
    model = tiny(output=Quantiles([0.1]), target=["b"])
    engine = Engine.of(model.get_params(deep=False))
    assert engine.config.parameters == model.get_params(deep=False)
    assert engine.horizon == HORIZON
    assert engine == Engine.of(model.get_params(deep=False))
    assert engine != engine_of()


def test_an_engine_is_frozen_and_travels():
    engine = engine_of()
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'config'"):
        engine.config = None
    for again in (pickle.loads(pickle.dumps(engine)), copy.deepcopy(engine)):
        assert again == engine
        assert again.window_spec(read(waves())) == engine.window_spec(read(waves()))


# Reading


def test_constant_columns_are_warned_of_where_a_fit_reads_them():
    engine, fitted = fitted_engine()
    frame = waves().assign(b=5.0)
    with pytest.warns(FrameWarning, match="columns with one value only, .*: b"):
        engine.read(frame)
    engine.read_like_fit(frame, fitted)  # a history may be constant, so nothing is said


def test_a_frame_is_read_in_the_step_of_the_fit():
    """Of one row no step can be found."""
    engine, fitted = fitted_engine()
    last = NEW.iloc[-1:].set_axis(pd.DatetimeIndex(["2024-03-05"]))
    assert last.index.freq is None
    table = engine.read_like_fit(last, fitted)
    assert table.freq == fitted.last_rows.freq == pd.offsets.Day()
    assert table.values.tolist() == NEW.iloc[-1:].T.to_numpy().tolist()


def test_independent_channels_learn_from_their_own_columns_and_forecast_any():
    engine, fitted = fitted_engine()
    other = NEW.rename(columns={"b": "c"})
    assert engine.read_like_fit(other, fitted).targets.tolist() == ["a", "c"]
    reordered = NEW[["b", "a"]].assign(c=1.0)
    assert engine.read_like_fit(reordered, fitted, to_learn=True).targets.tolist() == ["a", "b"]
    joint, fitted = fitted_engine(channels="joint")
    assert joint.read_like_fit(reordered, fitted).targets.tolist() == ["a", "b"]


@pytest.mark.parametrize("to_learn", [False, True])
def test_weights_are_read_only_to_learn(to_learn):
    engine, fitted = fitted_engine(waves().assign(w=2.0), weight_column="w")
    table = engine.read_like_fit(NEW.assign(w=3.0), fitted, to_learn=to_learn)
    assert table.targets.tolist() == ["a", "b"]
    np.testing.assert_array_equal(table.weights, 3.0)
    if to_learn:
        with pytest.raises(ValueError, match=r"`weight_column` must name .* unknown w"):
            engine.read_like_fit(NEW, fitted, to_learn=True)
    else:
        assert engine.read_like_fit(NEW, fitted).weights is None


class Undecodable(UnicodeDecodeError):
    """An error that its class cannot make again of a message."""

    def __init__(self, file, position):
        super().__init__("utf-8", b"\xff", position, position + 1, f"of {file}")
        self.file = file


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a value"),
        TypeError("a type", 2),
        UnicodeDecodeError("utf-8", b"a\xff", 1, 2, "invalid start byte"),
        Undecodable("part.parquet", 0),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_keeps_its_class_and_gets_a_note_of_the_fit(error, monkeypatch):
    engine, fitted = fitted_engine()
    text = str(error)

    def fail(*_):
        raise error

    monkeypatch.setattr(forecaster.engine, "_read", fail)
    with pytest.raises(type(error)) as found:
        engine.read_like_fit(NEW, fitted)
    assert found.value is error
    assert str(error) == text
    assert error.__notes__ == ["The fit was on a, b in steps of 'D'."]


def test_other_errors_get_no_note(monkeypatch):
    engine, fitted = fitted_engine()
    error = FileNotFoundError("gone")

    def fail(*_):
        raise error

    monkeypatch.setattr(forecaster.engine, "_read", fail)
    with pytest.raises(FileNotFoundError, match="gone"):
        engine.read_like_fit(NEW, fitted)
    assert not hasattr(error, "__notes__")


def test_the_history_of_the_fit_stands_in_for_none():
    engine, fitted = fitted_engine()
    assert engine.read_history(None, fitted) is fitted.history
    assert engine.read_history(NEW, fitted).end == NEW.index[-1]
    message = r"`history` must be given.* keep_history=False\. .* Call predict\(history\)\."
    with pytest.raises(ValueError, match=message):
        engine.read_history(None, replace(fitted, history=None))


# Descriptions


def test_a_table_is_described_in_a_line():
    engine = engine_of(input_length=5)
    line = "2 series of 60 rows, freq='D', season_length=7, input_length=5"
    assert engine.describe(engine.read(waves())) == line
    table = read(long_ramp({"A": 40, "B": 20, "C": 30}), id_column="shop", time_column="when")
    assert engine.describe(table).startswith("3 series of 20 to 40 rows, freq='D', ")


def test_a_resumed_fit_must_be_the_same(tmp_path):
    engine, table = engine_of(), read(waves())
    assert engine.resume_folder(table, None) is None
    folder = tmp_path / "state"
    assert engine.resume_folder(table, str(folder)) == folder
    assert engine.resume_folder(table, folder) == folder
    message = r"`resume_dir` must be empty or hold this fit\. .* differs in {}\. Choose another"
    with pytest.raises(ValueError, match=message.format("data")):
        engine.resume_folder(read(waves() + 1), folder)
    with pytest.raises(ValueError, match=message.format("input_length, seed")):
        engine_of(seed=1, input_length=5).resume_folder(table, folder)


def test_the_fewest_rows_leave_one_window_to_train_on():
    """A season and a horizon train, 10 rows; of 13 rows the last 3 are held out."""
    engine, table = engine_of(), read(waves())
    assert engine.rows_needed(table) == LENGTH + HORIZON + HORIZON
    with pytest.raises(ValueError, match=r"`frame` must have at least 13 rows: .* 12 rows\."):
        engine.fit_table(table.until(np.array([12])))


# Fits


def test_a_fit_gives_fresh_weights_and_leaves_the_engine():
    engine, table = engine_of(), read(waves())
    before = pickle.dumps(engine)
    first = engine.fit_table(table, epochs=1)
    second = engine.fit_table(table, epochs=1)
    assert pickle.dumps(engine) == before
    assert vars(engine) == {"config": engine.config}
    assert first.trained.model is not second.trained.model
    assert_same_weights(second.trained.model, first.trained.model)
    assert (first.config, first.spec) == (engine.config, engine.window_spec(table))
    assert first.last_rows.end == first.history.end == days()[-1]
    # No row was held out, as the number of epochs was known.
    assert len(first.trained.history.loss) == 1
    assert first.trained.history.validation_score == []


def test_a_run_is_shown_and_its_callbacks_are_checked(capsys):
    engine, table = engine_of(output=Quantiles([0.2, 0.8])), read(waves())
    stop = keras.callbacks.TerminateOnNaN()
    assert engine.shown_run(table, stop).callbacks == [stop]
    *described, unit = capsys.readouterr().out.splitlines()
    assert " ".join(described) == engine.describe(table)
    assert unit == "loss and validation: pinball loss / the seasonal naive's MAE in training"
    assert engine.shown_run(table, verbose=0).callbacks == []
    with pytest.raises(TypeError, match="`callbacks` must be callbacks of Keras, not their cl"):
        engine.shown_run(table, [keras.callbacks.TerminateOnNaN], verbose=0)
    assert capsys.readouterr().out == ""


def test_an_update_trains_the_weights_at_hand_on_every_window_with_a_new_target(monkeypatch):
    engine, fitted = fitted_engine()
    before, asked = fitted.trained.model.get_weights(), []
    train_further = forecaster.engine.train_further

    def spy(task, trained, first):
        asked.append((task.table, first.tolist()))
        train_further(task, trained, first)

    monkeypatch.setattr(forecaster.engine, "train_further", spy)
    updated = engine.update_table(read_frame(NEW.iloc[ROWS:], engine.config.reading), fitted)
    [(table, first)] = asked
    np.testing.assert_array_equal(table.values, NEW.to_numpy()[-len(table.values[0]) :].T)
    # The first window with a target that is new has it as its last one.
    row_of_new = table.num_rows - 5
    assert first == [row_of_new - HORIZON + 1]
    assert not np.array_equal(updated.trained.model.get_weights()[0], before[0])
    assert_same_weights(fitted.trained.model, before)
    assert updated.trained.history is fitted.trained.history
    assert updated.last_rows.end == NEW.index[-1]
    assert fitted.last_rows.end == days()[-1]
    np.testing.assert_array_equal(updated.rows_seen(read(NEW)), [ROWS + 5])


def test_an_update_without_a_new_row_is_refused():
    engine, fitted = fitted_engine()
    before = fitted.trained.model.get_weights()
    message = (
        r"`frame` must have rows after 2024-02-29 .*, the last that the weights have seen\. "
        "Received: a frame that ends at 2024-02-10"
    )
    with pytest.raises(ValueError, match=message):
        engine.update_table(read(waves(days(41))), fitted)
    assert_same_weights(fitted.trained.model, before)


# Frames after a fit


def test_numbers_may_come_as_objects_after_the_fit():
    frame = long_ramp({"a": 30, "b": 30}).assign(price=1.5, kind=2)
    frame["kind"] = frame["kind"].astype("category")
    roles = {"past_covariates": ["price", "kind"], "target": "sold"}
    keys = {"id_column": "shop", "time_column": "when"}
    small = RecurrentNetwork("simple_rnn", units=2)
    engine, fitted = fitted_engine(frame, network=small, **roles, **keys)
    later = frame.assign(price=frame["price"].map(Decimal), kind=2.0).astype({"sold": object})
    table, own = engine.read_like_fit(later, fitted), engine.read(frame)
    np.testing.assert_array_equal(table.values, own.values)
    np.testing.assert_array_equal(table.past_covariates.values, own.past_covariates.values)
    assert fitted.trained.coder.unseen(table) == {}
    ids = np.arange(2)
    np.testing.assert_array_equal(
        fitted.forecast_table(table, ids, table.lengths),
        fitted.forecast_table(own, ids, own.lengths),
    )


@pytest.mark.parametrize(("ids", "later"), [([1, 2], ["1", "2"]), (["01", "02"], [1, 2])])
def test_ids_of_another_kind_than_the_fit_saw_are_said(ids, later):
    frame = long_ramp({"a": 30, "b": 30})
    keys = {"id_column": "shop", "time_column": "when", "target": "sold"}
    first, second = (
        frame.assign(shop=frame["shop"].map({"a": labels[0], "b": labels[1]}))
        for labels in (ids, later)
    )
    engine, fitted = fitted_engine(first, **keys)
    with pytest.warns(FrameWarning, match=f"ids of another kind than `fit` saw.*{later[0]!r}, aft"):
        assert engine.read_like_fit(second, fitted).ids.tolist() == later
    more = second.assign(when=second["when"] + pd.Timedelta(days=20))
    with pytest.raises(TypeError, match="ids of the kind that they have been"):
        engine.update_table(engine.read_like_fit(more, fitted, to_learn=True), fitted)


@pytest.mark.parametrize("target", [("a",), np.array(["a"]), pd.Index(["a"]), pd.Series(["a"])])
def test_any_list_of_targets_is_one(target):
    model = tiny(target=target, network="lstm")
    assert clone(model).get_params(deep=False)["target"] is not None
    engine = Engine.of(clone(model).get_params(deep=False))
    assert engine.read(waves()).targets.tolist() == ["a"]
    again = Engine(type(engine.config).from_json(json.loads(json.dumps(engine.config.to_json()))))
    assert again.read(waves()).targets.tolist() == ["a"]
    assert engine.config.changed(model.get_params(deep=False)) == []


@pytest.mark.parametrize("target", [{"a"}, {"a": 1}, iter(["a"])])
def test_what_is_no_list_of_targets(target):
    with pytest.raises(TypeError, match=r"`target` must be a list of columns.*`target=\[\.\.\.\]`"):
        engine_of(target=target)
    with pytest.raises(TypeError, match="`id_column` must be the label of one column"):
        engine_of(id_column=["a", "b"])
