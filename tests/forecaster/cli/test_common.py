"""Parts of all commands: checks of paths, and the name to type next."""

import sys

import pytest
import typer

from forecaster.cli import commands, common
from forecaster.saving.artifact import MANIFEST


@pytest.mark.parametrize(
    ("called", "found", "name"),
    [
        ("/bin/forecaster", "/bin/forecaster", "forecaster"),
        (".venv/bin/forecaster", None, ".venv/bin/forecaster"),
        (".venv/bin/forecaster", "/bin/forecaster", ".venv/bin/forecaster"),
        ("/lib/forecaster/__main__.py", "/bin/forecaster", "python -m forecaster"),
    ],
)
def test_the_command_to_type_next_is_the_one_that_was_typed(monkeypatch, called, found, name):
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setattr(common.shutil, "which", lambda name: found)
    assert commands.program() == name


def test_an_output_file_needs_its_folder(tmp_path):
    assert common.in_a_folder(None) is None
    assert common.in_a_folder(tmp_path / "new.csv") == tmp_path / "new.csv"
    with pytest.raises(typer.BadParameter, match=r"there is no folder '.*no'\."):
        common.in_a_folder(tmp_path / "no" / "new.csv")


def test_an_output_file_is_a_file_that_may_be_written(tmp_path, monkeypatch):
    with pytest.raises(typer.BadParameter, match="is a folder: name a file"):
        common.in_a_folder(tmp_path)
    monkeypatch.setattr(common.os, "access", lambda path, mode: False)
    with pytest.raises(typer.BadParameter, match="must not be written: permission is denied"):
        common.in_a_folder(tmp_path / "new.csv")


def test_a_model_is_saved_where_it_can_be(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    common.check_free(tmp_path / "no" / "such" / "folder", overwrite=False)
    with pytest.raises(PermissionError, match=r"in .*/file nothing can be saved, because it is a"):
        common.check_free(tmp_path / "file" / "model", overwrite=False)
    monkeypatch.setattr(common.os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=r"because permission is denied\. Choose another"):
        common.check_free(tmp_path / "model", overwrite=False)


def test_a_file_that_is_not_there_may_be_misspelled(tmp_path):
    (tmp_path / "sales.csv").touch()
    with pytest.raises(FileNotFoundError) as raised:
        common.there(tmp_path / "slaes.csv")
    assert raised.value.__notes__ == [" Did you mean 'sales.csv'?"]


def test_an_input_file_must_be_there(tmp_path):
    assert common.there(None) is None
    assert common.there(tmp_path) == tmp_path
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        common.there(tmp_path / "nothing.csv")


def test_only_a_savedmodel_is_overwritten(tmp_path):
    common.check_free(tmp_path / "new", overwrite=False)
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(FileExistsError, match=r"Received: .*\. Add --overwrite\."):
        common.check_free(tmp_path, overwrite=False)
    with pytest.raises(FileExistsError, match="It is no SavedModel of ours: choose another"):
        common.check_free(tmp_path, overwrite=True)
    (tmp_path / MANIFEST).touch()
    common.check_free(tmp_path, overwrite=True)
    with pytest.raises(FileExistsError, match="must be a new directory"):
        common.check_free(tmp_path, overwrite=False)
