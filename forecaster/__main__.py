"""Entry point of `python -m forecaster`, the same as the command `forecaster`."""

from forecaster.cli import main

if __name__ == "__main__":  # spawned workers import this file too
    main()
