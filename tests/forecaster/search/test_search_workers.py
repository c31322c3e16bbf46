"""Folds run in workers of any kind, and the search finds the same."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from forecaster.search.report import fold_columns
from tests.helpers.killed_search import new_search, outcome
from tests.helpers.searches import small
from tests.helpers.tiny import dense, tiny, waves


@pytest.mark.slow
def test_workers_find_the_same(tmp_path):
    alone = new_search(None, tuner="random").fit(waves(), verbose=0)
    folder = tmp_path / "two"
    together = new_search(folder, tuner="random", workers=2).fit(waves(), verbose=0)
    left_out = ["seconds", *fold_columns(alone.trials_), "score", "spread"]
    pd.testing.assert_frame_equal(
        together.trials_.drop(columns=left_out), alone.trials_.drop(columns=left_out)
    )
    # One thread adds up in another order than two.
    np.testing.assert_allclose(together.trials_["score"], alone.trials_["score"], rtol=1e-4)
    assert together.best_params_ == alone.best_params_
    assert (folder / "data.npz").exists()


def test_a_function_makes_the_executors():
    made = []

    def make():
        made.append(ThreadPoolExecutor(1))
        return made[-1]

    search = small(workers=make, at_once=2).fit(waves(), verbose=0)
    assert len(made) == 2
    assert all(executor._shutdown for executor in made)
    assert outcome(search) == outcome(small().fit(waves(), verbose=0))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_dask(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        how = {"workers": client.get_executor, "at_once": 2, "directory": tmp_path}
        search = small(**how).fit(waves(), verbose=0)
    alone = small().fit(waves(), verbose=0)
    assert search.best_params_ == alone.best_params_
    np.testing.assert_allclose(search.trials_["score"], alone.trials_["score"], rtol=1e-4)


@pytest.mark.slow
def test_a_network_of_a_notebook_with_workers_says_what_to_do():
    """As when a function cannot travel: reported once, not a stack of dead workers."""
    template = tiny(network=lambda spec: dense(spec))
    with pytest.raises(RuntimeError, match=r"Every trial failed.*`workers` must be 0 for what can"):
        small(template=template, workers=1, max_trials=1).fit(waves(), verbose=0)
