"""Bytes and text of a file: packed or not, in whatever encoding, from a disk or a pipe."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from forecaster.data.messages import shortlist
from forecaster.files.settings import FileOptions

STDIN = "-"
_PACKED = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_TABLES = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather"}
_NO_TABLES = {  # first bytes -> what it is, and what to do
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file. Save it as .xlsx or as CSV.",
    b"%PDF": "a PDF. Copy its table into a CSV file.",
    b"\x28\xb5\x2f\xfd": "a file packed by zstd. Unpack it: zstd -d.",
    b"7z\xbc\xaf": "a 7z archive. Unpack it.",
    b"\x89HDF": "an HDF5 file. Write its table as CSV or Parquet.",
    b"\x89PNG": "a picture.",
    b"\xff\xd8\xff": "a picture.",
    b"SQLite format 3": "a database. Write its table as CSV or Parquet.",
    b"\x80\x04": "a pickle. Write its table as CSV or Parquet.",
    b"\x80\x05": "a pickle. Write its table as CSV or Parquet.",
}
_BOMS = (  # the longer ones first
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_NEARLY_UTF8 = re.compile(rb"[\xc3-\xf4][\x80-\xbf]+[^\x80-\xff]")  # a letter of several bytes
_MARKUP = ("<!doctype", "<html", "<head", "<?xml", "<table")
_CONTROLS = {*map(chr, range(32)), "\x7f"} - {"\t", "\n", "\r", "\x0b", "\x0c", "\x1a"}


@dataclass(frozen=True)
class Source:
    """Bytes of a file, unpacked.

    Args:
        name: of the file, for messages.
        data: its bytes.
        kind: "text", "parquet", "feather" or "xlsx".
    """

    name: str
    data: bytes
    kind: str

    def refusal(self, received: str, advice: str = "") -> ValueError:
        """Return the error that says what the file holds instead of a table."""
        return ValueError(f"`{self.name}` must hold a table. Received: {received} {advice}".strip())


def open_source(path: str | Path) -> Source:
    """Read a file once, and unpack it if it is packed by gzip, bzip2, xz or zip.

    Args:
        path: of a file or a pipe; "-" is standard input.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is empty, damaged or no table.
    """
    if str(path) == STDIN:
        source = Source("standard input", sys.stdin.buffer.read(), "text")
    else:
        if Path(path).is_dir():
            raise IsADirectoryError(
                f"`{path}` must be a file, or a folder of Parquet files. Received: a folder "
                f"without any. Name one of the files in it."
            )
        source = Source(Path(path).name, Path(path).read_bytes(), "text")
    source = _unpacked(source)
    if not source.data:
        raise source.refusal("an empty file.", "Check how it was written.")
    for begin, kind in _TABLES.items():
        if source.data.startswith(begin):
            return Source(source.name, source.data, kind)
    for begin, received in _NO_TABLES.items():
        if source.data.startswith(begin):
            raise source.refusal(received)
    return source


def decode(source: Source, options: FileOptions) -> tuple[str, str | None]:
    """Decode the text of a file, whose lines then end in a line feed.

    Returns:
        The text, and the encoding if it was not stated by the file or the user and is not UTF-8.

    Raises:
        ValueError: if the bytes are no text in this encoding, or no table.
    """
    encoding = options.encoding or _stated(source.data)
    if encoding is None and b"\x00" in source.data:
        line = source.data[: source.data.index(b"\x00")].count(b"\n") + 1
        raise source.refusal(
            f"a binary file: a byte of zeros in line {line}.",
            f"Write the table as CSV; if it is text, give its encoding: "
            f"{options.spelled('encoding', 'utf-16')}.",
        )
    guess = None
    try:
        text = source.data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        line = source.data[: error.start].count(b"\n") + 1
        received = f"bytes in line {line} that are no {encoding or 'UTF-8'}."
        advice = f"Give its encoding, such as {options.spelled('encoding', 'cp1252')}."
        if encoding is not None or _NEARLY_UTF8.search(source.data):
            raise source.refusal(received, advice) from None
        try:
            text, guess = source.data.decode("cp1252"), "cp1252"
        except UnicodeDecodeError:
            raise source.refusal(received, advice) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")
    _check_text(source, text)
    return text, guess


def _unpacked(source: Source) -> Source:
    """Return a file unpacked, however often it was packed."""
    data = source.data
    try:
        for begin, unpack in _PACKED.items():
            if data.startswith(begin):
                return _unpacked(Source(source.name, unpack(data), "text"))
        if data.startswith(b"PK\x03\x04"):
            return _of_archive(source)
    except _DAMAGED as error:
        raise source.refusal(f"a damaged archive ({error}).", "Fetch it again.") from None
    return source


def _of_archive(source: Source) -> Source:
    """Return the one file of a zip archive, which may also be a workbook of Excel."""
    with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
        names = archive.namelist()
        if "xl/workbook.xml" in names:
            return Source(source.name, source.data, "xlsx")
        members = [
            name for name in names if not name.endswith("/") and not name.startswith("__MACOSX/")
        ]
        if "mimetype" in members:
            raise source.refusal("a document of an office program.", "Save it as .xlsx or as CSV.")
        if len(members) != 1:
            raise source.refusal(
                f"an archive of {len(members)} files: {shortlist(members)}.",
                "Unpack it, and name the one to read.",
            )
        try:
            return _unpacked(
                Source(f"{source.name}/{members[0]}", archive.read(members[0]), "text")
            )
        except (RuntimeError, NotImplementedError) as error:  # a password, an unknown method
            raise source.refusal(f"an archive that cannot be read ({error}).") from None


def _stated(data: bytes) -> str | None:
    """Return the encoding that the first bytes state, or that the zeros of UTF-16 show."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    first = data[:2000]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = first[offset::2], first[1 - offset :: 2]
        if len(first) > 3 and zeros.count(0) > 0.8 * len(zeros) and not others.count(0):
            return encoding
    return None


def _check_text(source: Source, text: str) -> None:
    """Check that a text may be a table: neither empty nor binary nor a page of markup."""
    if not text.strip():
        raise source.refusal("an empty file.", "Check how it was written.")
    first = text.lstrip()[:20].lower()
    if first.startswith(_MARKUP):
        raise source.refusal(
            "a page of HTML or XML.", "Fetch the file itself, not the page that shows it."
        )
    sample = text[:4000]
    if sum(char in _CONTROLS for char in sample) > len(sample) / 100:
        raise source.refusal("a binary file.", "Write its table as CSV or Parquet.")
