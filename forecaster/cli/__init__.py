"""Command line: the Python calls with the same names and defaults, for files.

In come the arguments of a command line and the files that they name. Out go results on standard
output, messages on standard error, and an exit code. No other package imports this one.
"""

from forecaster.cli.commands import main

__all__ = ["main"]
