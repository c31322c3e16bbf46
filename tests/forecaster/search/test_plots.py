"""The plot of a search shows every trial, and each parameter on an axis of its kind."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from forecaster.search.plots import plot_search
from forecaster.search.trial import COMPLETED, FAILED, PRUNED
from tests.helpers.searches import small
from tests.helpers.tiny import waves
from tests.helpers.trials import make_trials_frame


def test_a_picture(finished_search):
    plt.switch_backend("agg")
    figure = finished_search.plot()
    figure.canvas.draw()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[:2] == ["MASE, mean of the folds, trial by trial", "What mattered"]
    assert {*titles[2:]} == {"learning_rate", "batch_size", "normalization"}
    (step,) = (line for line in figure.axes[0].lines if len({*line.get_ydata()}) > 1)
    assert min(step.get_ydata()) == finished_search.best_score_
    plt.close(figure)
    figure = small(max_trials=1).fit(waves(), verbose=0).plot()  # too few to tell what mattered
    figure.canvas.draw()
    plt.close(figure)


def panels(trials):
    """The axes of a plot by their titles, drawn without pyplot."""
    figure = plot_search(trials, "MASE", Figure((11, 8), layout="constrained"))
    figure.canvas.draw()
    return {ax.get_title(loc="left"): ax for ax in figure.axes}


def markers(ax):
    """The points of each group of dots: completed, completed at the edge, pruned, pruned there."""
    return [np.asarray(dots.get_offsets()) for dots in ax.collections]


def test_every_trial_is_drawn_once_and_outliers_at_the_edge():
    status = [COMPLETED, PRUNED, COMPLETED, PRUNED, COMPLETED, FAILED, *[COMPLETED] * 4]
    scores = [1.4, 1.1, 1.2, 50.0, 40.0, np.nan, 1.3, 1.0, 1.25, 1.15]
    trials = make_trials_frame(scores, status)
    ax = panels(trials)["MASE, mean of the folds, trial by trial"]
    completed, completed_above, pruned, pruned_above = markers(ax)
    np.testing.assert_allclose(
        completed, [[0, 1.4], [2, 1.2], [6, 1.3], [7, 1.0], [8, 1.25], [9, 1.15]]
    )
    np.testing.assert_allclose(pruned, [[1, 1.1]])
    top = ax.get_ylim()[1]
    assert 1.4 < top < 40
    assert (completed_above[:, 0].tolist(), pruned_above[:, 0].tolist()) == ([4], [3])
    assert 0.95 * top < completed_above[0, 1] == pruned_above[0, 1] < top
    (step,) = (line for line in ax.lines if line.get_drawstyle() == "steps-post")
    np.testing.assert_allclose(step.get_ydata(), [1.4, 1.4, *[1.2] * 5, *[1.0] * 3])
    naive = next(line for line in ax.lines if line is not step)
    np.testing.assert_allclose(naive.get_ydata(), 2.0)


def test_an_axis_suits_the_values_of_its_parameter():
    count = 7
    trials = make_trials_frame(
        np.linspace(1, 1.3, count),
        network__cell=[*["lstm", "gru", None] * 2, "lstm"],
        units=[*[32, 8, 16] * 2, 32],
        rate=np.geomspace(1e-4, 1e-1, count).tolist(),
        share=np.linspace(0.1, 0.5, count).tolist(),
        same=[1] * count,
    )
    found = panels(trials)
    assert "same" not in found
    texts = {
        name: [label.get_text() for label in ax.get_xticklabels()] for name, ax in found.items()
    }
    assert texts["cell"] == ["gru", "lstm", "–"]  # trials without the parameter
    assert texts["units"] == ["8", "16", "32"]  # by number, not by text
    assert found["rate"].get_xscale() == "log"
    assert found["share"].get_xscale() == "linear"
    np.testing.assert_allclose(markers(found["rate"])[0][:, 0], np.geomspace(1e-4, 1e-1, count))
    positions = markers(found["cell"])[0]
    assert np.round(positions[:, 0]).tolist() == [1, 0, 2, 1, 0, 2, 1]
    np.testing.assert_allclose(positions[:, 1], trials["score"])


def test_a_plot_of_few_trials_says_that_it_cannot_tell():
    ax = panels(make_trials_frame([1.0, 2.0], units=[1, 2]))["What mattered"]
    assert [text.get_text() for text in ax.texts] == ["too few trials to tell"]
