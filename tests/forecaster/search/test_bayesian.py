"""The Bayesian oracle learns, from any scores."""

import numpy as np
import pytest
from keras_tuner import HyperParameters

from forecaster.search import bayesian
from forecaster.search.bayesian import INITIAL_POINTS
from forecaster.search.oracles import AskTellOracle, new_oracle
from tests.helpers.proposals import error, proposals, wide


@pytest.mark.slow
def test_the_bayesian_learns():
    """After as many trials it is ahead of random search, with each of the seeds."""

    def bowl():
        hp = HyperParameters()
        for number in range(4):
            hp.Float(f"x{number}", -1.0, 1.0, default=-1.0)
        hp.Choice("name", ["a", "b", "c", "d"])
        return hp

    def depth(values):
        return 0.1 + sum(values[f"x{n}"] ** 2 for n in range(4)) + (values["name"] != "c")

    for seed in range(3):
        lowest = {}
        for tuner in ("random", "bayesian"):
            with AskTellOracle(new_oracle(tuner, bowl(), seed=seed, max_epochs=9)) as oracle:
                lowest[tuner] = min(map(depth, proposals(oracle, 30, error=depth)))
        assert lowest["bayesian"] < lowest["random"] / 1.5


@pytest.mark.parametrize("chance", [0.2, 1.0])
def test_the_bayesian_takes_scores_of_zero(chance):
    """As coverage has where it is the nominal one."""
    hits = np.random.default_rng(0)

    def sometimes_perfect(values):
        return 0.0 if hits.random() < chance else error(values)

    with AskTellOracle(new_oracle("bayesian", wide(), seed=0, max_epochs=9)) as oracle:
        found = proposals(oracle, 30, error=sometimes_perfect)
    assert len(found) == len({*map(str, found)}) == 30


def test_it_proposes_the_highest_expected_improvement(monkeypatch):
    """Of candidates with given means and spreads; the expectations are numerical integrals."""
    hp = HyperParameters()
    hp.Int("n", 0, 29)
    means = np.array([-0.1, 0.0, 0.4, 3.0])  # of candidates n = 20 to 23; the best known is 0.0
    spreads = np.array([0.01, 0.5, 1.5, 1.0])

    class Process:
        def predict(self, x, return_std=False):
            numbers = np.round(30 * x[:, 0] - 0.5).astype(int)
            position = np.clip(numbers - 20, 0, 3)
            is_new = numbers >= 20
            mean = np.where(is_new, means[position], numbers / 10)
            return (mean, np.where(is_new, spreads[position], 0.1)) if return_std else mean

    with AskTellOracle(new_oracle("bayesian", hp, seed=0, max_epochs=9)) as oracle:
        trials = []
        for n in range(INITIAL_POINTS):
            trials.append(trial := oracle.ask())
            trial.hyperparameters.values["n"] = n
            oracle.tell(trial, 1.0 + n, None)
        candidates = [{"n": n} for n in (20, 21, 22, 23)]
        monkeypatch.setattr(oracle.tuner_oracle, "_neighbours", lambda *_: [*candidates])
        monkeypatch.setattr(bayesian, "_process", lambda x, y: Process())
        proposal = oracle.ask().hyperparameters.values
    value = np.linspace(-12, 12, 40_001)[:, None]
    density = np.exp(-(((value - means) / spreads) ** 2) / 2) / (spreads * np.sqrt(2 * np.pi))
    gain = (np.maximum(0.0 - value, 0) * density).sum(axis=0) * (value[1, 0] - value[0, 0])
    assert proposal == candidates[int(gain.argmax())] == {"n": 22}  # not the lowest mean


def test_names_are_equally_far_apart_and_numbers_along_an_axis():
    with AskTellOracle(new_oracle("bayesian", wide(), seed=0, max_epochs=9)) as oracle:
        candidates = [{"cell": cell, "units": 2, "rate": 1e-2} for cell in "abc"]
        candidates += [{"cell": "a", "units": 2, "rate": rate} for rate in (1e-4, 1e-3, 1e-1)]
        points = oracle.tuner_oracle._vectors(candidates)
    assert points.shape == (6, 3 + 1 + 1)
    names = [np.linalg.norm(points[i] - points[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(names, 1)
    rates = points[[3, 4, 0, 5], -1]  # 1e-4, 1e-3, 1e-2, 1e-1
    np.testing.assert_allclose(rates, [0, 1 / 3, 2 / 3, 1], atol=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_neighbour_differs_in_a_share_of_its_values(share):
    hp = HyperParameters()
    for number in range(10):
        hp.Float(f"x{number}", 0.0, 1.0)
    parent = {f"x{number}": 0.25 for number in range(10)}
    with AskTellOracle(new_oracle("bayesian", hp, seed=0, max_epochs=9)) as oracle:
        random = np.random.default_rng(0)
        found = oracle.tuner_oracle._neighbours(parent, share, random)
    assert len(found) == bayesian.CANDIDATES
    changed = np.mean([[values[name] != 0.25 for name in parent] for values in found])
    assert changed == pytest.approx(share, abs=0.03)  # of 5000 values


def test_a_neighbour_has_the_values_that_are_active_in_it():
    hp = HyperParameters()
    hp.Choice("cell", ["a", "b"])
    with hp.conditional_scope("cell", ["b"]):
        hp.Int("depth", 1, 3)
    with AskTellOracle(new_oracle("bayesian", hp, seed=0, max_epochs=9)) as oracle:
        random = np.random.default_rng(0)
        found = oracle.tuner_oracle._neighbours({"cell": "a"}, 0.5, random)
    assert {values["cell"] for values in found} == {"a", "b"}
    for values in found:
        assert ("depth" in values) == (values["cell"] == "b")


def test_logarithms_of_scores_have_a_floor():
    scores = np.array([0.0, 1e-9, 0.5, 2.0, 2.0])
    np.testing.assert_allclose(
        bayesian._logarithms(scores), np.log([0.05, 0.05, 0.5, 2, 2]), rtol=1e-12
    )
    assert np.isfinite(bayesian._logarithms(np.zeros(3))).all()
