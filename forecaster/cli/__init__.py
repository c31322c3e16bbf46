"""Command line: the words and defaults of the Python calls, for files.

In come the words of a command line and the files that they name. Out go results on standard output,
messages on standard error, and an exit code. Nothing above it: no other package knows the command
line.
"""

from forecaster.cli.commands import main

__all__ = ["main"]
