"""Where an artifact may be written: paths that exist, are relative, or are links."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from forecaster import Forecaster
from tests.helpers.artifacts import contents


def test_a_path_that_is_taken_is_not_overwritten(saved):
    model, folder = saved
    before = contents(folder)
    with pytest.raises(FileExistsError, match=r"must not exist yet\..* Call save\(path, overwrite"):
        model.save(folder)
    assert contents(folder) == before


@pytest.mark.parametrize("content", [None, "text", '{"format_version": 1, "files": {}}'])
def test_a_folder_that_is_no_artifact_is_never_deleted(content, two, tmp_path):
    folder = tmp_path / "artifact"
    folder.mkdir()
    if content is not None:
        (folder / "manifest.json").write_text(content)  # other programs write files of that name
    (folder / "thesis.txt").write_text("years of work")
    before = contents(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="must not exist yet"):
            two[0][0].save(folder, overwrite=overwrite)
    with pytest.raises(FileExistsError, match="It is no artifact, so it is never replaced: choose"):
        two[0][0].save(folder / "thesis.txt", overwrite=True)
    assert contents(tmp_path) == before


def test_an_artifact_is_replaced(two, saved):
    (first, second), _ = two
    _, folder = saved
    second.save(folder, overwrite=True)
    assert np.array_equal(Forecaster.load(folder).predict(), second.predict())
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]
    first.save(folder, overwrite=True)
    assert np.array_equal(Forecaster.load(folder).predict(), first.predict())


def test_ways_to_name_a_path(two, tmp_path, monkeypatch):
    (model, _), _ = two
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    for written, folder in {
        "relative": "here/relative",
        "./with/parents/": "here/with/parents",
        "../beside": "beside",
        "~/at home": "at home",
    }.items():
        model.save(written)
        assert (tmp_path / folder / "saved_model.pb").is_file()
        assert np.array_equal(Forecaster.load(written).predict(), model.predict())
    assert not (tmp_path / "here" / "~").exists()
    with pytest.raises(FileExistsError, match="must not exist yet"):
        model.save(".")
    monkeypatch.chdir("relative")
    for written in (".", "../relative/", Path()):
        assert np.array_equal(Forecaster.load(written).predict(), model.predict())


def test_a_link_is_followed_and_stays(two, saved):
    (_, second), _ = two
    _, folder = saved
    link = folder.with_name("latest")
    link.symlink_to(folder)
    second.save(link, overwrite=True)
    assert link.is_symlink()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["artifact", "latest"]
    for path in (link, folder):
        assert np.array_equal(Forecaster.load(path).predict(), second.predict())


def test_an_empty_folder_is_saved_into(two, tmp_path, monkeypatch):
    (model, _), _ = two
    folder = tmp_path / "artifact"
    for overwrite in (False, True):
        folder.mkdir(mode=0o700)
        model.save(folder, overwrite=overwrite)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert np.array_equal(Forecaster.load(folder).predict(), model.predict())
        assert [path.name for path in tmp_path.iterdir()] == ["artifact"]
        shutil.rmtree(folder)
    folder.mkdir()
    monkeypatch.chdir(folder)  # it would be another one afterwards, while the process stays here
    with pytest.raises(FileExistsError, match=r"must not exist yet\..*choose another path"):
        model.save(".")


def test_files_in_the_way(two, tmp_path):
    (model, _), _ = two
    (tmp_path / "file").write_text("text")
    (tmp_path / "nowhere").symlink_to(tmp_path / "real")
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="It is no artifact, so it is never replaced"):
            model.save(tmp_path / "file", overwrite=overwrite)
        with pytest.raises(OSError, match="file"):
            model.save(tmp_path / "file" / "below", overwrite=overwrite)
    assert contents(tmp_path) == {"file": b"text"}
    model.save(tmp_path / "nowhere")  # a link to what is not there yet
    assert (tmp_path / "real" / "manifest.json").is_file()
    assert (tmp_path / "nowhere").is_symlink()


def test_a_folder_that_may_not_be_written(two, tmp_path):
    (model, _), _ = two
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(PermissionError):
            model.save(tmp_path / "artifact")
    finally:
        tmp_path.chmod(0o700)
    assert not list(tmp_path.iterdir())
