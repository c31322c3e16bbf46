"""Bayesian optimization as a keras-tuner oracle, for few trials in many dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from keras_tuner import Oracle
from keras_tuner.engine.hyperparameters import Choice, Fixed, HyperParameter
from keras_tuner.engine.trial import Trial, TrialStatus
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

INITIAL_POINTS = 8  # trials before the first Gaussian process
CHANGED = 0.5  # share of the values in an initial trial that are drawn anew
CANDIDATES = 500  # compared for every trial and each share of changed values
PARENTS = 3  # best trials whose neighbours are candidates
LOWEST = 0.1  # of the median score; lower scores count as that


class BayesianOracle(Oracle):
    """Bayesian optimization with a Gaussian process and the expected improvement.

    The first trial has the default values; the next ones keep about half of them, since defaults
    are good guesses. Then a process is fitted to the logarithms of the scores, noise included; of
    a thousand random points and neighbours of the best trials, the one with the highest expected
    improvement is proposed. The same values are never proposed twice.

    Differences from keras-tuner's `BayesianOptimizationOracle`: that one begins with three random
    trials for every parameter, which are dozens; takes seconds for a proposal; encodes names as
    numbers on a line; and, where its best guess rounds to values that were tried, proposes these
    again.

    Source: Jones, Schonlau & Welch 1998, "Efficient Global Optimization of Expensive Black-Box
        Functions", equation 15; candidates as in Hutter, Hoos & Leyton-Brown 2011, "Sequential
        Model-Based Optimization for General Algorithm Configuration", section 4.3.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        random = np.random.default_rng([self.seed, len(self.trials)])
        known = [trial for trial in self.trials.values() if trial.status == TrialStatus.COMPLETED]
        if not self.trials:
            candidates = [self._defaults()]
        elif len(known) < INITIAL_POINTS:
            candidates = self._new(self._neighbours(self._defaults(), CHANGED, random))[:1]
        else:
            candidates = self._most_promising(known, random)
        if not candidates:
            return {"status": TrialStatus.STOPPED, "values": None}
        return {"status": TrialStatus.RUNNING, "values": candidates[0]}

    def _most_promising(
        self, known: Sequence[Trial], random: np.random.Generator
    ) -> list[dict[str, Any]]:
        """Return the values of highest expected improvement, in a list; none if all are known."""
        best = sorted(known, key=lambda trial: trial.score)[:PARENTS]
        candidates = self._neighbours(self._defaults(), 1.0, random)
        for parent in best:
            for share in (0.15, 0.4):
                candidates += self._neighbours(parent.hyperparameters.values, share, random)
        candidates = self._new(candidates)
        if not candidates:
            return []
        x = self._vectors([trial.hyperparameters.values for trial in known])
        y = _logarithms(np.array([trial.score for trial in known]))
        running = [trial.hyperparameters.values for trial in self.ongoing_trials.values()]
        if running:  # imputed a standard deviation above the mean, to keep proposals away from them
            means, spreads = _process(x, y).predict(self._vectors(running), return_std=True)
            x = np.concatenate([x, self._vectors(running)])
            y = np.concatenate([y, means + spreads])
        process = _process(x, y)
        means, spreads = process.predict(self._vectors(candidates), return_std=True)
        gains = process.predict(x).min() - means
        z = gains / np.maximum(spreads, 1e-12)
        improvement = gains * norm.cdf(z) + spreads * norm.pdf(z)
        return [candidates[int(improvement.argmax())]]

    def _defaults(self) -> dict[str, Any]:
        return self.get_space().values

    def _new(self, candidates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the candidates that were not tried."""
        return [values for values in candidates if not self._duplicate(values)]

    def _neighbours(
        self, parent: Mapping[str, Any], share: float, random: np.random.Generator
    ) -> list[dict[str, Any]]:
        """Draw variations of a parent, in which about a share of its values is drawn anew."""
        space = self.hyperparameters.space
        changed = random.random((CANDIDATES, len(space))) < share
        probabilities = random.random((CANDIDATES, len(space))).tolist()
        return [_neighbour(space, parent, *row) for row in zip(changed, probabilities, strict=True)]

    def _vectors(self, candidates: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Encode candidates as points: numbers along an axis each, names equally far apart."""
        space = [hp for hp in self.hyperparameters.space if not isinstance(hp, Fixed)]
        return np.array(
            [
                np.concatenate([_encode(hp, values.get(hp.name, hp.default)) for hp in space])
                for values in candidates
            ]
        )


def _neighbour(
    space: Sequence[HyperParameter],
    parent: Mapping[str, Any],
    changed: Iterable[bool],
    probabilities: Iterable[float],
) -> dict[str, Any]:
    """Copy the parent's values, drawn anew where they change or the parent has none."""
    values: dict[str, Any] = {}
    for hp, is_changed, probability in zip(space, changed, probabilities, strict=True):
        if all(condition.is_active(values) for condition in hp.conditions):
            is_kept = hp.name in parent and not is_changed
            values[hp.name] = parent[hp.name] if is_kept else hp.prob_to_value(probability)
    return values


def _encode(hp: HyperParameter, value: Any) -> np.ndarray:
    """Encode a value: a name as a one-hot vector, others as their probability."""
    if isinstance(hp, Choice) and not hp.ordered:
        return np.array([value == name for name in hp.values]) / np.sqrt(2)
    return np.array([hp.value_to_prob(value)])


def _logarithms(scores: np.ndarray) -> np.ndarray:
    """Take logarithms; a score of almost 0, as coverage may have, must not be an outlier."""
    return np.log(np.maximum(scores, max(LOWEST * np.median(scores), np.finfo(float).tiny)))


def _process(x: np.ndarray, y: np.ndarray) -> GaussianProcessRegressor:
    kernel = Matern(1.0, (0.1, 10.0), nu=2.5) + WhiteKernel(0.1, (1e-3, 1.0))
    process = GaussianProcessRegressor(
        kernel, normalize_y=True, n_restarts_optimizer=2, random_state=0
    )
    return process.fit(x, y)
