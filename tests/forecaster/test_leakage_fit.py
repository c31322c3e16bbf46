"""What is held out, or comes after a cutoff, has no part in a fit: tested by changing it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from forecaster import Training
from forecaster.evaluation.baselines import seasonal_naive
from forecaster.evaluation.metrics import seasonal_scales
from forecaster.inputs.spec import WindowSpec
from forecaster.inputs.windows import WindowSource
from forecaster.network.heads import Point
from forecaster.training.loop import Part, _batches, train
from forecaster.training.task import Run, train_rows
from forecaster.training.validation import MOST_WINDOWS, ValidationScorer, series_scales
from tests.helpers.arrays import make_table, ramp
from tests.helpers.fits import Recorder, assert_same_weights, make_task
from tests.helpers.panel_rows import examples, laid_out, quiet
from tests.helpers.panels import HORIZON, PANEL, VALIDATION, new_forecaster, seeds
from tests.helpers.tiny import engine


def with_other_held_out_rows(rows):
    """The same rows with other values in the newest rows of each id, which are held out."""
    generator, rows = np.random.default_rng(7), rows.copy()
    held_out = rows.index[rows.groupby("id", sort=False).cumcount(ascending=False) < VALIDATION]
    numbers = ["y", "z", "p", "f", "w"]
    rows.loc[held_out, numbers] = 1e3 * generator.random((len(held_out), len(numbers)))
    rows.loc[held_out, ["k", "g"]] = generator.choice(["a", "new"], (len(held_out), 2))
    return rows


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "channels"), [("long", "independent"), ("levels", "joint")])
def test_what_is_held_out_has_no_part_in_scaling_categories_batches_and_weights(layout, channels):
    rows, fits = PANEL, []
    for version in (rows, with_other_held_out_rows(rows)):
        model, recorder = new_forecaster(layout, channels=channels), Recorder()
        with quiet():
            table = engine(model).read(laid_out(version, layout))
        run = Run(callbacks=[recorder])
        task = engine(model)._task(table, engine(model).window_spec(table), run)
        part = Part.of(task, train_rows(task))
        batches = _batches(task, part, part.cutoffs(task.first_cutoff, HORIZON))
        found = train(task)
        fits.append((found.coder, found.history, recorder, list(batches.take(9))))
    (coder, history, recorder, batches), other = fits
    assert other[0] == coder == part.coder
    assert other[1].loss == history.loss
    assert other[1].validation_score != history.validation_score
    for one, another in zip(recorder.weights, other[2].weights, strict=True):
        assert_same_weights(another, one)
    for one, another in zip(tf.nest.flatten(batches), tf.nest.flatten(other[3]), strict=True):
        np.testing.assert_array_equal(another, one)

    learned = rows[rows.groupby("id", sort=False).cumcount(ascending=False) >= VALIDATION]
    for name, column in (("past", "p"), ("future", "f"), ("static", "s")):
        by_hand = learned[column] if name != "static" else learned.groupby("id")[column].first()
        found = getattr(coder, name)[0]
        assert found.location == pytest.approx(by_hand.mean(), rel=1e-9)
        assert found.scale == pytest.approx(by_hand.std(ddof=0), rel=1e-9)
    assert coder.past[1].categories == tuple(sorted(learned["k"].dropna().unique()))
    assert coder.future[1].categories == tuple(sorted(learned["g"].dropna().unique()))


def part_of(lengths, spec, training, targets=1, joint=False):
    """A fit on a ramp, in which every value names its target and row, and its validated part."""
    values = ramp(targets, sum(lengths))
    task = make_task(values, training=training, joint=joint)
    task = replace(task, table=make_table(values, lengths), spec=spec)
    return task, Part.of(task, train_rows(task))


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    input_length=st.integers(1, 9),
    horizon=st.integers(1, 5),
    season=st.integers(1, 9),
    validation=st.integers(1, 12) | st.floats(0.05, 0.6),
    targets=st.integers(1, 2),
    joint=st.booleans(),
)
@examples(60)
def test_no_target_of_validation_lies_in_a_training_window(
    lengths, input_length, horizon, season, validation, targets, joint
):
    """Every window of both, row by row; the longest id is made long enough."""
    lengths = [*lengths, 60]
    spec = WindowSpec(input_length, horizon, targets if joint else 1, season_length=season)
    training = Training(validation=validation)
    task, part = part_of(lengths, spec, training, targets, joint)
    held_out = [
        max(int(validation * n) if isinstance(validation, float) else validation, horizon)
        for n in lengths
    ]
    train_rows = [max(n - h, 0) for n, h in zip(lengths, held_out, strict=True)]
    assert part.rows.tolist() == train_rows

    cutoffs = part.cutoffs(task.first_cutoff, horizon)
    series, cutoff = cutoffs.locate(np.arange(len(cutoffs)))
    first = min(season, input_length)
    copies = 1 if joint else targets
    listed = [
        (copy * len(lengths) + i, c)
        for copy in range(copies)
        for i, rows in enumerate(train_rows)
        for c in range(first, rows - horizon + 1)
    ]
    np.testing.assert_array_equal(np.stack([series, cutoff], 1), listed)

    starts = np.cumsum([0, *lengths])
    trained = part.source.gather(series, cutoff, -input_length, horizon) % 1000
    own = starts[series % len(lengths)]
    ends = own + np.array(train_rows)[series % len(lengths)]
    assert np.nanmax(trained - ends[:, None, None]) == -1
    assert np.nanmin(trained - own[:, None, None]) >= 0

    scorer = ValidationScorer(task.table, part.source, spec, Point(), "mae", part.rows)
    windows = [
        (i, c)
        for i, (rows, n) in enumerate(zip(train_rows, lengths, strict=True))
        for c in range(rows, n - horizon + 1)
    ]
    assert list(zip(scorer.ids, scorer.cutoffs, strict=True)) == windows
    rows = [[starts[i] + c + step for step in range(horizon)] for i, c in windows]
    np.testing.assert_array_equal(
        scorer.actual % 1000, np.repeat(np.array(rows)[:, None], targets, 1)
    )


@pytest.mark.parametrize("targets", [1, 3])
def test_no_window_of_a_thinned_validation_lies_in_the_training_rows(targets):
    """5,000 ids of unequal lengths, of which some are validated, in all of their phases."""
    lengths = 10 + np.arange(5000) % 37
    table = make_table(np.arange(float(targets * lengths.sum())).reshape(targets, -1), lengths)
    train_rows = lengths - 7
    spec = WindowSpec(4, 2, season_length=3)
    scorer = ValidationScorer(table, WindowSource(table), spec, Point(), "mae", train_rows)
    assert 0.4 * MOST_WINDOWS < len(scorer.ids) * targets < 2 * MOST_WINDOWS
    assert (scorer.cutoffs >= train_rows[scorer.ids]).all()
    assert (scorer.cutoffs + 2 <= lengths[scorer.ids]).all()
    newest = pd.Series(scorer.cutoffs).groupby(scorer.ids).max()
    assert (newest == lengths[newest.index] - 2).all()
    begins = table.offsets[scorer.ids] + scorer.cutoffs
    np.testing.assert_array_equal(scorer.actual[:, 0, 0], begins)


@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    horizon=st.integers(1, 7),
    season=st.integers(1, 9),
    seed=seeds,
    data=st.data(),
)
@examples(60)
def test_naive_and_scales_read_their_own_series_up_to_the_cutoff(
    lengths, horizon, season, seed, data
):
    """For each window all is altered but the rows of its id up to its cutoff."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(2, sum(lengths)))
    values[generator.random(values.shape) < 0.3] = np.nan
    offsets = np.cumsum([0, *lengths])
    number = st.integers(0, len(lengths) - 1)
    pairs = data.draw(st.lists(st.tuples(number, st.integers(0, 20)), min_size=1, max_size=5))
    begins = np.array([offsets[i] for i, _ in pairs])
    ends = np.array([offsets[i] + min(c, lengths[i]) for i, c in pairs])

    def read(values):
        naive = seasonal_naive(values, ends, horizon, season, begins)
        return naive, *seasonal_scales(values, ends, season, begins)

    expected = read(values)
    for window, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        other = 1e9 * generator.normal(size=values.shape)
        other[generator.random(values.shape) < 0.3] = np.nan
        other[:, begin:end] = values[:, begin:end]
        for one, another in zip(expected, read(other), strict=True):
            np.testing.assert_array_equal(another[window], one[window])

    table, rows = make_table(values, lengths), np.array([min(pairs[0][1], n) for n in lengths])
    known = np.concatenate([np.arange(n) < r for n, r in zip(lengths, rows, strict=True)])
    other = make_table(np.where(known, values, 1e9), lengths)
    np.testing.assert_array_equal(
        series_scales(other, rows, season), series_scales(table, rows, season)
    )
