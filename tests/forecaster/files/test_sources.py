"""Bytes become text: unpacked, decoded, with ends of lines of one kind."""

import gzip
import io
import sys

import pytest

from forecaster.files.settings import FileOptions
from forecaster.files.sources import Source, decode, open_source


@pytest.mark.parametrize(
    ("data", "encoding", "text", "guess"),
    [
        ("ä\r\nb".encode(), None, "ä\nb", None),
        ("ä\rb".encode("utf-8-sig"), None, "ä\nb", None),
        ("äb\n".encode("utf-16"), None, "äb\n", None),
        ("abcd\n".encode("utf-16-be"), None, "abcd\n", None),
        ("äb\n".encode("utf-32"), None, "äb\n", None),
        ("50 €\n".encode("cp1252"), None, "50 €\n", "cp1252"),
        ("ж\n".encode("koi8-r"), "koi8-r", "ж\n", None),
        (b"a\n\x1a", None, "a\n", None),
    ],
)
def test_texts_are_decoded(data, encoding, text, guess):
    found = decode(Source("data", data, "text"), FileOptions(encoding=encoding))
    assert found == (text, guess)


def test_files_are_unpacked_as_often_as_they_were_packed(tmp_path):
    (tmp_path / "data.csv").write_bytes(gzip.compress(gzip.compress(b"a,b\n")))
    assert open_source(tmp_path / "data.csv") == Source("data.csv", b"a,b\n", "text")


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n")))
    assert open_source("-") == Source("standard input", b"a,b\n", "text")


def test_bytes_that_are_no_text_in_any_encoding():
    with pytest.raises(ValueError, match=r"bytes in line 2 that are no UTF-8\. Give its encoding"):
        decode(Source("data", b"a\n\x81\n", "text"), FileOptions())
