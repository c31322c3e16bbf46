"""A file comes from the local directory, the cache or its publisher: whole, or not at all."""

import re
import socket

import pytest

from forecaster.datasets import DatasetUnavailable
from forecaster.datasets.files import BundledFile, RemoteFile
from forecaster.datasets.local import LOCAL_DATA

CONTENT = b"time,value\n" + b"".join(b"2020-01-01,%d\n" % i for i in range(20_000))


def read(file):
    with file.open() as opened:
        return opened.read()


def test_a_good_file_is_downloaded_once(publisher, cache):
    file = publisher.publish("a.csv", CONTENT)
    assert read(file) == CONTENT
    assert read(file) == CONTENT
    assert publisher.asked == ["/a.csv"]
    assert [path.name for path in cache.iterdir()] == ["a.csv"]


def test_a_damaged_file_in_the_cache_is_downloaded_again(publisher, cache):
    file = publisher.publish("a.csv", CONTENT)
    cache.mkdir(parents=True)
    (cache / "a.csv").write_bytes(CONTENT[:100])
    assert read(file) == CONTENT


def test_another_file_than_expected_names_url_and_both_hashes_and_leaves_nothing(publisher, cache):
    expected = publisher.publish("a.csv", CONTENT)
    received = publisher.publish("a.csv", CONTENT + b"one row more\n")
    with pytest.raises(DatasetUnavailable, match=r"does not match the known hash") as caught:
        read(expected)
    for word in (expected.url, expected.sha256, received.sha256):
        assert word in str(caught.value)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("cut_after", [0, 1, len(CONTENT) - 1])
def test_a_cut_connection_leaves_nothing(publisher, cache, cut_after):
    file = publisher.publish("a.csv", CONTENT)
    publisher.cut_after = cut_after
    with pytest.raises(DatasetUnavailable, match=re.escape(file.url)):
        read(file)
    assert list(cache.iterdir()) == []
    publisher.cut_after = None
    assert read(file) == CONTENT


def test_a_file_that_is_gone_says_so(publisher):
    file = publisher.publish("a.csv", CONTENT)
    publisher.files.clear()
    with pytest.raises(DatasetUnavailable, match="404"):
        read(file)


def test_offline_is_one_error_that_says_what_to_do(cache):
    with socket.socket() as unused:  # bound and not listening: a connection is refused
        unused.bind(("127.0.0.1", 0))
        file = RemoteFile(f"http://127.0.0.1:{unused.getsockname()[1]}/a.csv", "ab" * 32)
        with pytest.raises(DatasetUnavailable) as caught:
            file.open()
    for word in (file.url, file.sha256, str(cache / "a.csv"), LOCAL_DATA, "ConnectionError"):
        assert word in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_advice_of_the_offline_error_works(publisher, cache):
    file = publisher.publish("a.csv", CONTENT)
    cache.mkdir(parents=True)
    (cache / "a.csv").write_bytes(CONTENT)
    assert read(file) == CONTENT
    assert publisher.asked == []


def test_a_cache_that_cannot_be_made_is_the_same_error(publisher, cache):
    cache.parent.write_text("a file where the cache's parent should be")
    with pytest.raises(DatasetUnavailable, match=LOCAL_DATA):
        publisher.publish("a.csv", CONTENT).open()


def test_a_local_file_comes_before_the_network(publisher, tmp_path, monkeypatch):
    file = publisher.publish("a.csv", CONTENT)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "of a colleague").write_bytes(CONTENT)
    monkeypatch.setenv(LOCAL_DATA, str(tmp_path / "copy"))
    assert read(file) == CONTENT
    assert publisher.asked == []


def test_what_is_not_in_the_local_directory_is_downloaded(publisher, tmp_path, monkeypatch):
    (tmp_path / "copy").mkdir()
    monkeypatch.setenv(LOCAL_DATA, str(tmp_path / "copy"))
    assert read(publisher.publish("a.csv", CONTENT)) == CONTENT


def test_progress_is_drawn_for_a_download_and_not_for_the_cache(publisher, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich's word for: there is a terminal
    file = publisher.publish("a.csv", CONTENT)
    file.open().close()
    assert "a.csv" in (drawn := capsys.readouterr().err)
    assert "kB" in drawn
    file.open().close()
    assert "a.csv" not in capsys.readouterr().err


def test_bundled_files_lie_in_the_package():
    assert read(BundledFile("air_passengers.csv")).startswith(b"month,passengers\n1949-01,112\n")
