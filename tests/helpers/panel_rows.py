"""Random rows of panels, in every layout and with every role; nothing here loads Keras."""

import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
from hypothesis import Phase, settings
from hypothesis import strategies as st

from forecaster.data.frame_checks import FrameWarning

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2024-01-01")
TARGETS = ["y", "z"]
ROLES = {
    "past_covariates": ["p", "k"],
    "future_covariates": ["f", "g"],
    "static_covariates": ["s", "c"],
}
KEYS = {"wide": {}, "long": {"id_column": "id", "time_column": "t"}, "levels": {}}


def laid_out(rows, layout):
    """Rows with the columns "id" and "t" in another layout; wide ones are of one id."""
    if layout == "wide":
        return rows.drop(columns="id").set_index("t")
    return rows.set_index(["id", "t"]) if layout == "levels" else rows


def examples(count):
    """So many of a property; one that fails is reported as it is: shrinking would take minutes."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=count, deadline=None, phases=phases)


@contextmanager
def quiet():
    """Random frames lack rows, and have categories that no fit knows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FrameWarning)
        yield


def _values(generator, count, gaps):
    """Numbers with gaps at odd rows, so that there is always something to learn from."""
    values = generator.normal(size=count)
    values[(np.arange(count) % 2 == 1) & (generator.random(count) < gaps)] = np.nan
    return values


def _categories(generator, count, choices):
    return np.array([*choices, None], object)[generator.integers(len(choices) + 1, size=count)]


def random_columns(generator, count, gaps, choices="ab"):
    """Everything but the keys and what is static."""
    return pd.DataFrame(
        {
            **{name: 10 * _values(generator, count, gaps) for name in TARGETS},
            "p": _values(generator, count, gaps),
            "k": _categories(generator, count, choices),
            "f": generator.normal(size=count),  # what is known of the future is never missing
            "g": generator.choice([*choices], count),
            "w": generator.random(count),
        }
    )


def one_id(generator, label, first, count, gaps, choices="ab"):
    own = random_columns(generator, count, gaps, choices)
    own.insert(0, "t", pd.date_range(first, periods=count, freq="D"))
    own.insert(0, "id", label)
    s, c = generator.normal(), choices[generator.integers(len(choices))]
    return own.assign(s=s, c=c)


def random_rows(seed, spans, gaps):
    """Ids "id0", "id1", ...: `spans` are hours from `START` to their first rows, and lengths."""
    generator = np.random.default_rng(seed)
    parts = [
        one_id(generator, f"id{i}", START + pd.Timedelta(hours=hours), count, gaps)
        for i, (hours, count) in enumerate(spans)
    ]
    return pd.concat(parts, ignore_index=True)


@st.composite
def panels(draw, most_ids=3, gaps=True):
    """A layout and rows for it: the first id has 24 rows or more, from `START` on; others any."""
    layout = draw(st.sampled_from(list(KEYS)))
    spans = [(0, draw(st.integers(24, 30)))]
    for _ in range(draw(st.integers(0, most_ids - 1)) if layout != "wide" else 0):
        spans.append((draw(st.integers(1, 25 * 24)), draw(st.integers(1, 30))))
    share = draw(st.sampled_from([0.0, 0.4])) if gaps else 0.0
    return layout, random_rows(draw(st.integers(0, 2**16)), spans, share)
