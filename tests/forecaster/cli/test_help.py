"""In a help text no name is cut, however narrow the terminal is."""

import re

import pytest
import typer

from forecaster.cli import commands
from forecaster.cli.help import examples

GROUP = typer.main.get_command(commands.app)


@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
@pytest.mark.parametrize("command", [None, *GROUP.commands])
def test_every_name_is_there_in_one_piece(run, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, err = run(*([command] if command else []), "--help")
    assert (code, err) == (0, "")
    assert "…" not in out and "..." not in out.replace("[ARGS]...", "")
    parameters = (GROUP.commands[command] if command else GROUP).params
    for parameter in parameters:
        names = [*parameter.opts, *parameter.secondary_opts] if not parameter.hidden else []
        for name in names:
            if name[0] == "-":
                assert re.search(rf"(?<![\w-]){name}(?![\w-])", out), name
    if command is None:
        assert all(f"\n  {name}" in out for name in GROUP.commands)


@pytest.mark.parametrize("columns", ["60", "80"])
def test_lines_are_no_longer_than_the_terminal_but_examples(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    _, out, _ = run("fit", "--help")
    text = out.partition("Example")[0]
    assert max(map(len, text.splitlines())) <= int(columns)
    for name in ("peephole_lstm", "hour,day_of_week,holidays:DE", "<auto|mae|mse|pinball>"):
        assert name in text
    assert "at least 1" in " ".join(text.split()) and "x>=" not in text


@pytest.mark.parametrize("command", GROUP.commands)
def test_every_command_has_an_example_that_is_one_line(run, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(command, "--help")
    found = re.findall(
        rf"^  forecaster {command}( .*)?$", out.partition("Example")[2], re.MULTILINE
    )
    assert found
    for line in found:  # what is typed is known
        options = re.findall(r"--[\w-]+", line)
        known = {name for parameter in GROUP.commands[command].params for name in parameter.opts}
        assert set(options) <= known


def test_examples_are_below_each_other():
    assert examples("a") == "\b\nExample:\na"
    assert examples("a", "b") == "\b\nExamples:\na\nb"
