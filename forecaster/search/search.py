"""`ForecasterSearch`: hyperparameter search with time-series cross-validation."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import cpu_count
from keras_tuner import HyperParameters, Oracle
from keras_tuner.engine.hyperparameters import Fixed
from keras_tuner.oracles import HyperbandOracle
from rich.console import Console
from sklearn.utils.validation import check_is_fitted

from forecaster.data.series_table import SeriesTable
from forecaster.data.table_json import table_sha256
from forecaster.data.table_parts import until_observed
from forecaster.engine import Engine, Frame
from forecaster.estimator import Estimator
from forecaster.evaluation.folds import Folds
from forecaster.evaluation.metrics import Metric
from forecaster.forecaster import Forecaster
from forecaster.search.fold_task import FoldResult, FoldSettings, FoldTask, write_table
from forecaster.search.objective import Objective
from forecaster.search.oracles import TUNERS, AskTellOracle, Tuner, new_oracle
from forecaster.search.plots import plot_search
from forecaster.search.problem import SearchProblem, build_candidate, engine_of
from forecaster.search.progress import view_on
from forecaster.search.report import report, trials_frame
from forecaster.search.space import PARAMETERS, Space, SpaceFunction, space
from forecaster.search.tensorboard import log_trial
from forecaster.search.trial import Trial, best_trial, mark_pruned_by_hyperband
from forecaster.search.trial_runner import Rules, TrialRunner
from forecaster.search.trial_store import TrialStore
from forecaster.utils.checks import check_choice, check_integer, check_positive
from forecaster.utils.executors import (
    PicklableTask,
    SerialExecutor,
    Workers,
    WorkerSlot,
    check_workers,
    spawned,
)
from forecaster.utils.files import reserve_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRIALS = 30  # if neither a number nor a time is given
FOLDS_PER_WORKER = 32  # after so many folds a process has grown by about a gigabyte
LIBRARIES = ("keras-forecaster", "keras", "keras-tuner", "scikit-learn", "tensorflow")


class ForecasterSearch(Estimator):
    """Hyperparameter search with time-series cross-validation.

    keras-tuner proposes trials; each is the template with other parameters. For every fold, fresh
    weights are fitted on the rows before it and scored on the fold, which no part of the fit has
    seen: early stopping holds out rows before it. All trials share the same cutoffs.

    Args:
        forecaster: the template, whose parameters hold where the space has none. Its data-dependent
            defaults (`input_length`, `time_features`) are resolved once, on all rows.
        space: a function ``(hp) -> dict`` on keras-tuner's `HyperParameters`, whose result has
            names of `Forecaster.set_params` such as ``network__units``; None is `space()`, which
            covers every cell.
        tuner: "random", "bayesian", "hyperband" (whose budget is the epochs of the template's
            `training`; each round fits fresh weights) or "grid", whose first trial is the template,
            as far as the space has its values; or any keras-tuner `Oracle`, whose objective becomes
            the one below.
        max_trials: maximum number of different trials, at least 1; None is 30 for "random" and
            "bayesian" without `max_seconds`, and no limit for the others.
        max_seconds: time limit of `fit`, above 0, after which no fold is started; None is no limit.
        folds: the number of folds, or `Folds` for more control.
        objective: the score of `BacktestResult.scores` to minimize, or a list of scores, whose mean
            is minimized. "skill" counts as ``1 - skill``, "coverage" as its distance from the
            nominal coverage of the interval.
        prune: whether to prune by the median stopping rule: a trial ends after a fold if it is
            worse so far than the median of those before it. "hyperband" has a rule of its own.
        refit: whether the best trial is fitted again on all rows, for the median of the best
            numbers of epochs in its folds; otherwise its fit of the last fold is returned.
        directory: folder from which another `fit` resumes a killed search; None keeps nothing.
        workers: 0 runs folds in this process, n in n spawned ones, which share the cores (or have
            a GPU each, as far as there are any); or a function that makes a
            `concurrent.futures.Executor`, such as `client.get_executor` of Dask: its machines must
            see `directory`.
        at_once: number of folds that run at the same time, if `workers` is a function; None is one
            for each core of this machine.
        seed: seed of the proposals, at least 0; that of the weights is the template's.

    Attributes:
        best_forecaster_: the best forecaster, fitted.
        best_params_: its parameters that the space has, for `Forecaster.set_params`.
        best_score_: its objective, the mean over the folds.
        trials_: a DataFrame, a row a trial; see `trials_frame`.
        objective_: name of the objective.

    Example:
        >>> from forecaster import Training
        >>> from forecaster.datasets import load_dataset
        >>> template = Forecaster(horizon=12, training=Training(epochs=1, refit=False))
        >>> narrow = space(cells=["gru", "simple_rnn"], units=8, num_layers=1)
        >>> search = ForecasterSearch(template, narrow, tuner="random", max_trials=2, folds=1)
        >>> search.fit(load_dataset("air_passengers"), verbose=0).trials_["status"].tolist()
        ['completed', 'completed']

    Source: Golovin et al. 2017, "Google Vizier", for the median rule; Li et al. 2018, "Hyperband".
    """

    def __init__(
        self,
        forecaster: Forecaster,
        space: SpaceFunction | None = None,
        *,
        tuner: Tuner | Oracle = "bayesian",
        max_trials: int | None = None,
        max_seconds: float | None = None,
        folds: int | Folds = 3,
        objective: Metric | Sequence[Metric] = "MASE",
        prune: bool = True,
        refit: bool = True,
        directory: str | PathLike | None = None,
        workers: Workers = 0,
        at_once: int | None = None,
        seed: int = 0,
    ) -> None:
        self.forecaster, self.space, self.tuner = forecaster, space, tuner
        self.max_trials, self.max_seconds = max_trials, max_seconds
        self.folds, self.objective, self.prune, self.refit = folds, objective, prune, refit
        self.directory, self.workers, self.at_once, self.seed = directory, workers, at_once, seed

    def fit(self, frame: Frame, *, verbose: Literal["auto"] | int = "auto") -> ForecasterSearch:
        """Search, and fit the best forecaster.

        Args:
            frame: as for `Forecaster.fit`.
            verbose: 0 is silent; else a live table in a terminal, a line a trial elsewhere.

        Returns:
            The search itself.

        Raises:
            TypeError, ValueError: if an argument, the frame or what the space gives is not as it
                must be; if the folds do not fit; if `directory` holds another search.
            OSError: if `directory` cannot be written.
            RuntimeError: if every trial failed.
        """
        return self.fit_watched(frame, None if verbose == 0 else Console())

    def fit_watched(self, frame: Frame, console: Console | None) -> ForecasterSearch:
        """Search as `fit` does, and show the progress on a console; None shows nothing."""
        self._check()
        engine = engine_of(self.forecaster)
        problem = self._problem(engine, engine.read(frame))
        declared, propose = self._declared(engine, problem)
        max_epochs = self.forecaster.training.epochs
        tuner_oracle = new_oracle(self.tuner, declared, seed=self.seed, max_epochs=max_epochs)
        rules = Rules(
            objective=problem.objective,
            folds=len(problem.blocks),
            trials=self._most_trials(),
            seconds=self.max_seconds,
            prune=self.prune and not isinstance(tuner_oracle, HyperbandOracle),
        )
        with ExitStack() as stack:
            oracle = stack.enter_context(AskTellOracle(tuner_oracle))
            identity = partial(self._identity, engine, problem, declared, oracle)
            folder = stack.enter_context(self._folder(identity))
            slots = [stack.enter_context(slot) for slot in self._slots()]
            trials = TrialRunner(
                oracle,
                propose,
                self._task_maker(problem, folder),
                TrialStore(folder),
                slots,
                rules,
                stack.enter_context(view_on(console, rules)),
                partial(log_trial, folder / "logs", objective=problem.objective),
            ).run()
        if isinstance(tuner_oracle, HyperbandOracle):
            mark_pruned_by_hyperband(trials)
        return self._adopt(trials, problem)

    def report(self) -> str:
        """Format the search as text: the best trial beside the naive, and parameter importance.

        Raises:
            NotFittedError: before `fit`.
        """
        check_is_fitted(self, "trials_")
        return report(self.trials_, self.objective_)

    def plot(self) -> Figure:
        """Draw scores over trials, the importance of parameters, and each against the score.

        Returns:
            A new pyplot figure.

        Raises:
            NotFittedError: before `fit`.
        """
        check_is_fitted(self, "trials_")
        return plot_search(self.trials_, self.objective_)

    def _check(self) -> None:
        """Check every argument; the space is tried later."""
        if not isinstance(self.forecaster, Forecaster):
            raise TypeError(
                f"`forecaster` must be a Forecaster. Received: forecaster={self.forecaster!r}. For "
                "example Forecaster(horizon=12)."
            )
        if self.space is not None and not callable(self.space):
            raise TypeError(
                "`space` must be a function (hp) -> dict, or None. Received: "
                f"space={self.space!r}. For example space(cells=['lstm', 'peephole_lstm'])."
            )
        if not isinstance(self.tuner, Oracle):
            check_choice("tuner", self.tuner, TUNERS)
        for name in ("max_trials", "at_once"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum=1)
        if self.max_seconds is not None:
            check_positive("max_seconds", self.max_seconds)
        check_choice("prune", self.prune, (True, False))
        check_choice("refit", self.refit, (True, False))
        check_integer("seed", self.seed, minimum=0)
        check_workers(self.workers)
        if self.at_once is not None and not callable(self.workers):
            raise ValueError(
                "`at_once` must be None where `workers` is a number, which says the same. "
                f"Received: at_once={self.at_once}, workers={self.workers}."
            )

    def _problem(self, engine: Engine, table: SeriesTable) -> SearchProblem:
        """Make the data, folds and objective that all trials share."""
        levels = engine.config.head.levels
        names = (self.objective,) if isinstance(self.objective, str) else tuple(self.objective)
        folds = self.folds if isinstance(self.folds, Folds) else Folds(self.folds)
        season = engine.window_spec(table).season_length
        return SearchProblem(
            table=table,
            blocks=folds.blocks(table, engine.horizon, season, engine.rows_needed(table)),
            objective=Objective(names, levels),
            settings=FoldSettings(folds.train_length, levels, season),
        )

    def _declared(
        self, engine: Engine, problem: SearchProblem
    ) -> tuple[HyperParameters, Callable[[HyperParameters], tuple[dict[str, Any], Forecaster]]]:
        """Return the declared space, and the function from values to parameters and forecaster."""
        template, table = self.forecaster, problem.table
        parameters = template.get_params()
        asked = self.space
        if asked is None:  # a network that is a function has no parameters
            asked = space().without([name for name in PARAMETERS if name not in parameters])
        if isinstance(asked, Space):
            first_rows = problem.rows(0).lengths.max()
            asked = asked.for_data(parameters, engine.window_spec(table), first_rows)
        observed = until_observed(table)
        declared, propose = HyperParameters(), partial(build_candidate, asked, template, observed)
        try:
            propose(declared)
        except Exception as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                "`space` must give parameters for its own default values. It failed with a "
                f"{type(error).__name__}: {error}"
            ) from error
        if all(isinstance(parameter, Fixed) for parameter in declared.space):
            raise ValueError(
                "`space` must leave something to choose. Received: a space that asks `hp` for no "
                'value that is free. For example hp.Choice("units", [16, 32]).'
            )
        return declared, propose

    def _most_trials(self) -> int | None:
        """Return the maximum number of trials; None for no limit."""
        has_no_end = self.max_seconds is None and self.tuner in ("random", "bayesian")
        return TRIALS if self.max_trials is None and has_no_end else self.max_trials

    def _num_slots(self) -> int:
        """Return the number of folds that run at the same time."""
        if callable(self.workers):
            return self.at_once or cpu_count()
        return max(self.workers, 1)

    def _slots(self) -> list[WorkerSlot]:
        """Make the slots in which folds run."""
        count = self._num_slots()
        if callable(self.workers):
            return [WorkerSlot(self.workers) for _ in range(count)]
        if self.workers == 0:
            return [WorkerSlot(SerialExecutor)]
        pools = [partial(spawned, 1, first=number, of=count) for number in range(count)]
        return [WorkerSlot(pool, FOLDS_PER_WORKER) for pool in pools]

    def _identity(
        self,
        engine: Engine,
        problem: SearchProblem,
        declared: HyperParameters,
        oracle: AskTellOracle,
    ) -> dict[str, Any]:
        """Serialize what tells this search from another one to JSON-compatible values."""
        is_named = isinstance(self.tuner, str)
        identity = {
            "versions": {name: version(name) for name in LIBRARIES},
            "forecaster": engine.config.to_json(),
            "space": declared.get_config(),
            "tuner": self.tuner if is_named else oracle.state_before,
            "folds": {
                "cutoffs": [block.tolist() for block in problem.blocks],
                "window": problem.settings.train_length,
            },
            "objective": problem.objective.names,
            "prune": self.prune,
            "at_once": self._num_slots() if oracle.needs_results else None,
            "seed": self.seed,
            "data": table_sha256(problem.table),
        }
        return json.loads(json.dumps(identity))  # with lists for tuples, as it is read back

    @contextmanager
    def _folder(self, identity: Callable[[], dict[str, Any]]) -> Iterator[Path]:
        """Reserve `directory`, for which the identity is computed, or make a temporary folder."""
        if self.directory is None:
            with tempfile.TemporaryDirectory(prefix="forecaster_search_") as temporary:
                yield Path(temporary)
            return
        folder = Path(self.directory).expanduser()
        try:
            reserve_folder(folder, identity(), argument="directory", kind="search")
        except OSError as error:
            raise OSError(
                f"`directory` must be a folder that can be written. Received: {str(folder)!r}. "
                f"{error}"
            ) from error
        yield folder

    def _task_maker(
        self, problem: SearchProblem, folder: Path
    ) -> Callable[[Trial, int], Callable[[], FoldResult | str]]:
        """Return the function from a trial and the number of a fold to the task that runs it."""
        table: SeriesTable | tuple[Path, str] = problem.table
        if self.workers != 0:
            table = write_table(folder / "data.npz", problem.table)
        is_pickled = isinstance(self.workers, int) and self.workers > 0

        def new_task(trial: Trial, number: int) -> Callable[[], FoldResult | str]:
            assert trial.forecaster is not None  # a trial that was refused has no folds
            cutoffs = problem.blocks[number - 1]
            task = FoldTask(table, engine_of(trial.forecaster), cutoffs, problem.settings)
            return PicklableTask(task) if is_pickled else task

        return new_task

    def _adopt(self, trials: Sequence[Trial], problem: SearchProblem) -> ForecasterSearch:
        """Fit the best trial, and set the fitted attributes."""
        best = best_trial(trials, problem.objective)
        if best is None or best.forecaster is None:
            raise _nothing_completed(trials)
        engine = engine_of(best.forecaster)
        if self.refit:
            epochs = round(np.median([fold.epochs for fold in best.folds]))
            fitted = engine.fit_table(problem.table, epochs=epochs)
        else:
            fitted = engine.fit_table(problem.rows(-1))
        return self._learn(
            trials_=trials_frame(trials, problem.objective, len(problem.blocks)),
            objective_=str(problem.objective),
            best_forecaster_=Forecaster._from_fitted(fitted),
            best_params_=best.parameters,
            best_score_=float(np.mean(best.errors(problem.objective))),
        )


def _nothing_completed(trials: Sequence[Trial]) -> Exception:
    """Make the error of a search without a completed trial."""
    failed = [(trial, trial.error) for trial in trials if trial.error is not None]
    if not failed:
        return ValueError(
            "`max_seconds` must leave time for a trial. Received: so few that none was completed. "
            "Call `fit` again with the same `directory` to go on."
        )
    trial, text = failed[0]
    first, _, rest = text.partition("\n")
    error = RuntimeError(f"Every trial failed. The first, with {trial.parameters}, by {first}")
    error.add_note(rest.strip())
    return error
