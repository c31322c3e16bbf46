"""Saves one forecaster after the other over the same artifact, until it is killed.

The arguments are two artifacts, whose forecasters take turns, and the place they are saved to.
"""

import sys

from forecaster import Forecaster


def main(first, second, place):
    models = Forecaster.load(first), Forecaster.load(second)
    while True:
        for model in models:
            model.save(place, overwrite=True)
            print("saved", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
