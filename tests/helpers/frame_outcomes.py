"""What must come out of an awkward frame: values, an error whose advice works, or a warning."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from forecaster.data.frame_checks import FrameWarning
from forecaster.data.reading import Reading, read_frame


def gives(*values, labels=None, ids=None):
    """The values of the targets, and nothing is said."""

    def check(frame, options):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = read_frame(frame, Reading(**options))
        np.testing.assert_array_equal(table.values, values)
        assert labels is None or table.targets.tolist() == labels
        assert ids is None or table.ids.tolist() == ids

    return check


def covariate(values, categories=None):
    """The numbers of the past covariate, or its codes and categories; nothing is said."""

    def check(frame, options):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = read_frame(frame, Reading(**options)).past_covariates
        np.testing.assert_array_equal(found.values, [values])
        assert (found.categories[0] is None) == (categories is None)
        assert categories is None or found.categories[0].tolist() == categories

    return check


def refuses(error, *pieces, then=None):
    """An error whose message has these pieces in this order; then its advice is followed."""

    def check(frame, options):
        with pytest.raises(error, match=".*".join(map(re.escape, pieces))) as caught:
            read_frame(frame, Reading(**options))
        if then is not None:
            then(*follow(str(caught.value), frame, options))

    return check


def warns(*pieces):
    """A warning whose message has these pieces in this order, and no other."""

    def check(frame, options):
        with pytest.warns(FrameWarning, match=".*".join(map(re.escape, pieces))) as seen:
            read_frame(frame, Reading(**options))
        assert len(seen) == 1, [str(warning.message) for warning in seen]

    return check


def follow(message, frame, options):
    """Do what the first advice of a message says: to the frame, or to the options."""
    for advice in re.findall(r"`([^`]*)`", message):
        if re.fullmatch(r"(\w+=\S+)(, \w+=\S+)*", advice):
            named = eval(f"dict({advice})")
            if named != options and None not in named.values():
                return frame, {"target": "y"} | options | named
        elif advice.startswith("frame.") and "(" in advice:
            return eval(advice, {"frame": frame}), options
        elif re.match(r"frame\S* = ", advice):
            frame = frame.copy()
            exec(advice, {"frame": frame, "pd": pd, "np": np})
            return frame, options
    raise AssertionError(f"No advice in: {message}")
