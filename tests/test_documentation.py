"""What is written down runs: README's snippets, and every example in a docstring."""

import doctest
import importlib
import re
import runpy
import textwrap
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "custom_layers": "custom_layers",
    "forecaster": "forecaster",
    "datasets": "forecaster.datasets",
}
MODULES = [
    ".".join((package, *path.relative_to(CHECKOUT / folder).with_suffix("").parts))
    for folder, package in FOLDERS.items()
    for path in sorted((CHECKOUT / folder).rglob("*.py"))
    if path.stem not in ("__init__", "__main__")
]
DOWNLOADING = ("beijing_pm25",)  # examples on data that are not bundled, which take minutes
SNIPPET = re.compile(r"^( *)```python\n(.*?)^\1```$", flags=re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_snippets_of_the_readme_run_one_after_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    snippets = [textwrap.dedent(match[2]) for match in SNIPPET.finditer(readme)]
    names = {}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), names)
    assert len(snippets) >= 2
    assert (tmp_path / "air_model" / "saved_model.pb").exists()
    assert names["again"].predict().equals(names["model"].predict())


@pytest.mark.slow
@pytest.mark.parametrize(
    "example",
    sorted(path for path in (CHECKOUT / "examples").glob("*.py") if path.stem not in DOWNLOADING),
    ids=lambda path: path.stem,
)
def test_the_examples_run(example, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(example)])
    monkeypatch.setenv("MPLBACKEND", "agg")
    runpy.run_path(str(example), run_name="__main__")
    assert "MASE" in capsys.readouterr().out


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_run(name, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(importlib.import_module(name), optionflags=flags).failed == 0
