"""`ForecasterSearch`: keras-tuner proposes, workers run, time-ordered folds judge."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import cpu_count
from keras_tuner import HyperParameters, Oracle
from keras_tuner.engine.hyperparameters import Fixed
from keras_tuner.oracles import HyperbandOracle
from rich.console import Console
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from forecaster.data.reading import SeriesTable
from forecaster.evaluation.folds import FoldResult, Folds, Objective
from forecaster.forecaster import Forecaster, Frame
from forecaster.network.heads import as_output
from forecaster.plain import plain_parameters
from forecaster.search.fold_task import FoldTask, write_table
from forecaster.search.oracles import TUNERS, Proposer, new_oracle
from forecaster.search.plots import plot_search
from forecaster.search.problem import Contest, proposed
from forecaster.search.progress import view_on
from forecaster.search.report import report
from forecaster.search.space import PARAMETERS, Space, SpaceFunction, space
from forecaster.search.tensorboard import log_trial
from forecaster.search.trial import (
    Journal,
    Trial,
    best_trial,
    mark_pruned_by_hyperband,
    trials_frame,
)
from forecaster.search.trial_runner import Conductor, Rules
from forecaster.utils.checks import check_choice, check_integer, check_positive
from forecaster.utils.executors import Here, Parcel, Slot, Workers, check_workers, spawned
from forecaster.utils.files import reserve_folder
from forecaster.utils.workers import start_worker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRIALS = 30  # where neither a number nor a time is given
FOLDS_PER_WORKER = 32  # after so many a process has grown by about a gigabyte
LIBRARIES = ("keras-forecaster", "keras", "keras-tuner", "scikit-learn", "tensorflow")


class ForecasterSearch(BaseEstimator):
    """Searches the parameters with which a forecaster errs least on folds ordered by time.

    keras-tuner proposes trials; each is the template with other parameters. It is fitted with fresh
    weights on the rows before every fold and judged on the fold, whose rows no part of the fit has
    seen: early stopping has its own, before them. All trials are judged on the same cutoffs.

    Args:
        forecaster: the template; what the space does not name stays as it has it. What it leaves to
            the number of rows (`input_length`, `time_features`) is in every fold as on all rows.
        space: a function ``(hp) -> dict`` on keras-tuner's `HyperParameters`, whose result has
            names of `Forecaster.set_params` such as ``network__units``; None is `space()`, which
            covers every cell.
        tuner: "random", "bayesian", "hyperband" (whose budget is the epochs of the template's
            `training`; each round fits fresh weights) or "grid", whose first trial is the template,
            as far as the space has its values; or any keras-tuner `Oracle`, whose objective becomes
            the one below.
        max_trials: how many different trials, at least 1; None is 30 for "random" and "bayesian"
            without `max_seconds`, and as many as there are for the others.
        max_seconds: of a call of `fit`, after which nothing new begins, above 0; None is no limit.
        folds: how many, or `Folds` for where they lie.
        objective: the score of `BacktestResult.scores` to make small, or a list of scores for
            their mean. "skill" counts as ``1 - skill``, "coverage" as its distance from what the
            interval promises.
        prune: whether a trial is stopped after a fold when it did worse so far than the median of
            those before it; "hyperband" has its own rule in the place of this one.
        refit: whether the best trial is fitted again on all rows, for the number of epochs that
            was best in its folds (their median); else the network of its last fold is handed over.
        directory: where the search is kept, so that a killed one goes on when `fit` is called
            again; None keeps nothing.
        workers: 0 runs trials here, n in n processes of their own, which share the cores (or have
            a GPU each, as far as there are any); or a function that makes a
            `concurrent.futures.Executor`, such as `client.get_executor` of Dask: its machines must
            see `directory`.
        at_once: how many trials run at the same time, where `workers` is a function; None is one
            for each core here.
        seed: of the proposals, from 0; the weights' is the template's.

    Attributes:
        best_forecaster_: fitted.
        best_params_: what sets it apart from the template, for `Forecaster.set_params`.
        best_score_: the mean over its folds of what was made small.
        trials_: a DataFrame, a row a trial; see `trials_frame`.
        objective_: the name of what was made small.

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
        tuner: str | Oracle = "bayesian",
        max_trials: int | None = None,
        max_seconds: float | None = None,
        folds: int | Folds = 3,
        objective: str | Sequence[str] = "MASE",
        prune: bool = True,
        refit: bool = True,
        directory: str | PathLike | None = None,
        workers: Workers = 0,
        at_once: int | None = None,
        seed: int = 0,
    ):
        self.forecaster = forecaster
        self.space = space
        self.tuner = tuner
        self.max_trials = max_trials
        self.max_seconds = max_seconds
        self.folds = folds
        self.objective = objective
        self.prune = prune
        self.refit = refit
        self.directory = directory
        self.workers = workers
        self.at_once = at_once
        self.seed = seed

    def fit(self, frame: Frame, *, verbose: str | int = "auto") -> ForecasterSearch:
        """Search, and fit the best.

        Args:
            frame: as for `Forecaster.fit`.
            verbose: 0 is silent; else a live table in a terminal, a line a trial elsewhere.

        Returns:
            itself.

        Raises:
            TypeError, ValueError: if an argument, the frame or what the space gives is not as it
                must be; if the folds do not fit; if `directory` holds another search.
            OSError: if `directory` cannot be written.
            RuntimeError: if every trial failed.
        """
        return self.fit_watched(frame, None if verbose == 0 else Console())

    def fit_watched(self, frame: Frame, console: Console | None) -> ForecasterSearch:
        """As `fit`; progress goes to the console, if there is one."""
        self._check()
        table = self.forecaster.read_table(frame)
        contest = self._contest(table)
        declared, propose = self._declared(contest)
        max_epochs = self.forecaster.training.epochs
        oracle = new_oracle(self.tuner, declared, seed=self.seed, max_epochs=max_epochs)
        rules = Rules(
            objective=contest.objective,
            folds=len(contest.blocks),
            trials=self._most_trials(),
            seconds=self.max_seconds,
            prune=self.prune and not isinstance(oracle, HyperbandOracle),
        )
        with ExitStack() as stack:
            proposer = stack.enter_context(Proposer(oracle))
            identity = partial(self._identity, contest, declared, proposer)
            folder = stack.enter_context(self._folder(identity))
            slots = [stack.enter_context(slot) for slot in self._slots()]
            trials = Conductor(
                proposer,
                propose,
                self._task_maker(contest, folder),
                Journal(folder),
                slots,
                rules,
                stack.enter_context(view_on(console, rules)),
                partial(log_trial, folder / "logs", objective=contest.objective),
            ).run()
        if isinstance(oracle, HyperbandOracle):
            mark_pruned_by_hyperband(trials)
        return self._adopt(trials, contest)

    def report(self) -> str:
        """What was tried, what was best beside the naive, and which parameters mattered.

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
        """Whether every argument is as it must be; the space is tried later."""
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

    def _contest(self, table: SeriesTable) -> Contest:
        """What all trials have to do."""
        template, levels = self.forecaster, as_output(self.forecaster.output).levels
        names = (self.objective,) if isinstance(self.objective, str) else tuple(self.objective)
        folds = self.folds if isinstance(self.folds, Folds) else Folds(self.folds)
        season = template.window_spec(table).season_length
        needed = template.rows_needed(table)
        return Contest(
            table=table,
            blocks=folds.blocks(table, template.horizon, season, needed),
            window=folds.window,
            objective=Objective(names, levels),
            levels=levels,
            season_length=season,
        )

    def _declared(
        self, contest: Contest
    ) -> tuple[HyperParameters, Callable[[HyperParameters], tuple[dict[str, Any], Forecaster]]]:
        """What is free, and the function from a proposal to a trial's parameters and forecaster."""
        template, observed = self.forecaster, contest.table.until_observed()
        parameters = template.get_params()
        asked = self.space
        if asked is None:  # a network that is a function has no parameters of its own
            asked = space().without([name for name in PARAMETERS if name not in parameters])
        if isinstance(asked, Space):
            first_rows = contest.rows(0).lengths.max()
            asked = asked.for_data(parameters, template.window_spec(observed), first_rows)
        declared, propose = HyperParameters(), partial(proposed, asked, template, observed)
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
        has_no_end = self.max_seconds is None and self.tuner in ("random", "bayesian")
        return TRIALS if self.max_trials is None and has_no_end else self.max_trials

    def _num_slots(self) -> int:
        if callable(self.workers):
            return self.at_once or cpu_count()
        return max(self.workers, 1)

    def _slots(self) -> list[Slot]:
        """Where folds run."""
        count = self._num_slots()
        if callable(self.workers):
            return [Slot(self.workers) for _ in range(count)]
        if self.workers == 0:
            return [Slot(Here)]
        starts = [partial(start_worker, number, count) for number in range(count)]
        return [Slot(partial(spawned, 1, start), FOLDS_PER_WORKER) for start in starts]

    def _identity(
        self, contest: Contest, declared: HyperParameters, proposer: Proposer
    ) -> dict[str, Any]:
        """What another search would differ in, as plain data."""
        is_named = isinstance(self.tuner, str)
        identity = {
            "versions": {name: version(name) for name in LIBRARIES},
            "forecaster": plain_parameters(self.forecaster.get_params(deep=False)),
            "space": declared.get_config(),
            "tuner": self.tuner if is_named else proposer.state_before,
            "folds": {
                "cutoffs": [block.tolist() for block in contest.blocks],
                "window": contest.window,
            },
            "objective": contest.objective.names,
            "prune": self.prune,
            "at_once": self._num_slots() if proposer.needs_results else None,
            "seed": self.seed,
            "data": contest.table.sha256(),
        }
        return json.loads(json.dumps(identity))  # as it is read back

    @contextmanager
    def _folder(self, identity: Callable[[], dict[str, Any]]) -> Iterator[Path]:
        """Where the search is kept; its identity is asked for where it goes on after the call."""
        if self.directory is None:
            with tempfile.TemporaryDirectory(prefix="forecaster_search_") as folder:
                yield Path(folder)
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
        self, contest: Contest, folder: Path
    ) -> Callable[[Trial, int], Callable[[], FoldResult | str]]:
        """The function from a trial and the number of a fold to the call that runs it."""
        table = contest.table
        if self.workers != 0:
            table = write_table(folder / "data.npz", contest.table)
        travels = isinstance(self.workers, int) and self.workers > 0

        def new_task(trial, number):
            cutoffs = contest.blocks[number - 1]
            task = FoldTask(table, clone(trial.forecaster), cutoffs, contest.judging)
            return Parcel(task) if travels else task

        return new_task

    def _adopt(self, trials: Sequence[Trial], contest: Contest) -> ForecasterSearch:
        """Fit the best, and set all that ends in ``_``."""
        best = best_trial(trials, contest.objective)
        if best is None:
            raise _nothing_completed(trials)
        forecaster = clone(best.forecaster)
        if self.refit:
            epochs = round(np.median([fold.epochs for fold in best.folds]))
            forecaster.fit_table(contest.table, epochs=epochs)
        else:
            forecaster.fit_table(contest.rows(-1))
        self.trials_ = trials_frame(trials, contest.objective, len(contest.blocks))
        self.objective_ = str(contest.objective)
        self.best_forecaster_, self.best_params_ = forecaster, best.parameters
        self.best_score_ = float(np.mean(best.errors(contest.objective)))
        return self


def _nothing_completed(trials: Sequence[Trial]) -> Exception:
    """Why there is no best trial."""
    failed = [trial for trial in trials if trial.error is not None]
    if not failed:
        return ValueError(
            "`max_seconds` must leave time for a trial. Received: so few that none was completed. "
            "Call `fit` again with the same `directory` to go on."
        )
    first, rest = failed[0].error.partition("\n")[::2]
    error = RuntimeError(f"Every trial failed. The first, with {failed[0].parameters}, by {first}")
    error.add_note(rest.strip())
    return error
