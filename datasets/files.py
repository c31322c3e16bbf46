"""Files of the catalog: bundled with the package, found on this machine, or downloaded.

What is downloaded is checked against the hash in the catalog before it gets its name in the cache,
so that a file in the cache is whole and is the file that was meant.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .local import LOCAL_DATA, find_local, open_unpacked

if TYPE_CHECKING:
    from rich.progress import Progress


class DatasetUnavailable(OSError):
    """The error of a file of the catalog that is not on this machine and cannot be downloaded."""


@dataclass(frozen=True)
class BundledFile:
    """A file that is installed with the package.

    Args:
        name: its name in this folder.
    """

    name: str

    def open(self) -> IO[bytes]:
        """Open the file for its content."""
        return Path(__file__).with_name(self.name).open("rb")


@dataclass(frozen=True)
class RemoteFile:
    """A file that is downloaded once, from its own publisher.

    Args:
        url: where it is served, without packing.
        sha256: hash of the file as served, in hexadecimal.
    """

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Return the file's name at its source, which is its name in the cache too."""
        return self.url.rsplit("/", maxsplit=1)[-1]

    def open(self) -> IO[bytes]:
        """Open the file for its content, from the local directory, the cache or the network.

        Raises:
            DatasetUnavailable: it is nowhere on this machine and could not be downloaded, or the
                download has another hash.
            ValueError: `KERAS_FORECASTER_DATA` names something that is not a directory.
        """
        return open_unpacked(find_local(self.sha256, self.name) or self._fetch())

    def _fetch(self) -> Path:
        """Return the path in the cache, after downloading the file where it is not there yet."""
        # Only downloads need these, and they take longer to import than the rest of this package.
        import pooch
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        cache = Path(pooch.os_cache("keras-forecaster"))
        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
        console = Console(stderr=True)
        is_hidden = not (console.is_terminal or console.is_jupyter)
        try:
            with Progress(*columns, console=console, disable=is_hidden) as progress:
                bar = _DownloadBar(progress, self.name)
                downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16)
                return Path(
                    pooch.retrieve(self.url, self.sha256, self.name, cache, downloader=downloader)
                )
        except (OSError, ValueError) as error:  # ValueError: another hash; the message holds both
            raise DatasetUnavailable(
                f"{self.url} could not be had. Put the file with SHA-256 {self.sha256} at "
                f"{cache / self.name}, or set the environment variable {LOCAL_DATA} to a directory "
                "that holds it, under any name, plain or packed (.gz, .bz2, .xz, .zip). "
                f"What happened: {type(error).__name__}: {error}"
            ) from None


class _DownloadBar:
    """A rich progress bar with the part of tqdm's interface that pooch calls."""

    def __init__(self, progress: "Progress", description: str):
        self._progress = progress
        # Nothing is drawn for a file that turns out to be in the cache: it never gets a total.
        self._task = progress.add_task(description, total=None, visible=False)

    @property
    def total(self) -> float | None:
        return self._progress.tasks[self._task].total

    @total.setter
    def total(self, size: int) -> None:
        self._progress.update(self._task, total=size, visible=True)

    def update(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop_task(self._task)
