"""Whether files of real series are fitted as they lie on disk: `forecaster fit FILE --horizon 6`.

For each file of the folder: the options that it needed, and what was understood of it. A file with
a column of times needs none; others need at most two. Networks are tiny, because only the reading
is asked for. The folder is not part of this repository:

    python benchmarks/small_files.py ../shared/data/small
"""

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

from forecaster.cli import main

TINY = ["--horizon", "6", "--cell", "simple_rnn", "--units", "2", "--epochs", "1", "--no-refit"]
NEEDED = {  # files without a column of times: the rows are in their order
    "taylor.csv": ["--freq", "1", "--season-length", "48"],
}
SUFFIXES = (".csv", ".gz", ".tsv", ".txt", ".tsf", ".xlsx", ".parquet")


def fit(file: Path, options: list[str], model: Path) -> tuple[int, str]:
    """Fit a file; return the exit code, and what was said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main(["fit", str(file), "--save", str(model), *TINY, *options])
        except SystemExit as left:
            return int(left.code or 0), said.getvalue().strip()
    raise AssertionError("The command line exits always.")


def main_of_script() -> int:
    """Fit every file, print a line for each, and return the number of those that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/data/small"))
    failed = 0
    with tempfile.TemporaryDirectory() as models:
        for file in sorted(parser.parse_args().folder.iterdir()):
            if file.suffix not in SUFFIXES:
                continue
            options = NEEDED.get(file.name, [])
            code, said = fit(file, options, Path(models) / file.name)
            failed += code != 0
            line = next((line for line in said.splitlines() if line.startswith("Read: ")), said)
            print(f"{'right' if code == 0 else 'WRONG'}  {' '.join(options)}  {line}", flush=True)
    print(f"{failed} failed")
    return failed


if __name__ == "__main__":
    raise SystemExit(main_of_script())
