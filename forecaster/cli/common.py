"""Parts that the commands share: arguments, checks of paths, the import of TensorFlow."""

import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from forecaster.cli.messages import suggestion
from forecaster.cli.terminal import silent_start

if TYPE_CHECKING:
    from forecaster.forecaster import Forecaster

NAME = "forecaster"
Flag = partial(Option, metavar="")  # else typer shows a <bool>


def in_a_folder(file: Path | None) -> Path | None:
    """Check that an output file can be written, before there is anything to write."""
    if file is None:
        return None
    if file.is_dir():
        raise typer.BadParameter(f"{file} is a folder: name a file.")
    if not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder '{file.parent}'.")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise typer.BadParameter(f"{file} must not be written: permission is denied.")
    return file


def there(file: Path | None) -> Path | None:
    """Check that an input file exists."""
    if file is None or str(file) == "-":
        return file
    try:
        file.stat()  # raises what opening it would, before anything heavy is loaded
    except FileNotFoundError as error:
        if file.parent.is_dir():
            error.add_note(suggestion(file.name, [path.name for path in file.parent.iterdir()]))
        raise
    return file


Data = Annotated[
    Path,
    Argument(
        metavar="DATA.CSV",
        callback=there,
        help="A column with the times, one for each series; or with --id, series below each "
        "other. Or Parquet, also a folder of it; Feather, Excel, JSON; - is standard input.",
    ),
]
History = Annotated[
    Path | None,
    Argument(
        metavar="DATA.CSV",
        callback=there,
        help="History to forecast from.",
        show_default="the one that was saved with the model",
    ),
]
Output = Annotated[
    Path | None,
    Option(
        metavar="FILE.CSV",
        callback=in_a_folder,
        help="Where to write it, as CSV, or as Parquet if it ends in .parquet.",
        show_default="standard output, as CSV",
    ),
]


def load_forecaster() -> "type[Forecaster]":
    """Import `Forecaster`, with TensorFlow's start-up messages suppressed."""
    with silent_start():
        from forecaster.forecaster import Forecaster
    return Forecaster


def check_free(path: Path, *, overwrite: bool) -> None:
    """Check before a fit that a model can be saved at a path afterwards."""
    from forecaster.saving.artifact import MANIFEST

    if path.exists() and not (overwrite and (path / MANIFEST).is_file()):
        advice = "It is no SavedModel of ours: choose another." if overwrite else "Add --overwrite."
        raise FileExistsError(f"The SavedModel must be a new directory. Received: {path}. {advice}")
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        reason = "permission is denied" if nearest.is_dir() else "it is a file"
        raise PermissionError(
            f"The SavedModel must be in a folder that can be written. Received: {path}; in "
            f"{nearest} nothing can be saved, because {reason}. Choose another."
        )


def program() -> str:
    """Return how this command line was called, to print the command to type next."""
    called, found = sys.argv[0], shutil.which(NAME)
    if Path(called).name == "__main__.py":
        return f"python -m {NAME}"
    is_found = found is not None and os.path.realpath(found) == os.path.realpath(called)
    return NAME if is_found else called
