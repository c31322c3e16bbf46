"""Warnings that point at the line of the user, wherever in the package they arise."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


def warn(message: str, category: type[Warning]) -> None:
    """Warn as of the first line outside the package on the way up from here.

    Args:
        message: what was met, and the next step.
        category: kind of warning, by which users filter.
    """
    level, frame = 1, sys._getframe()
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
