"""Code that can be read: short files and functions, tests beside modules, plain docstrings."""

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("forecaster", "custom_layers", "datasets")
LONGEST_FILE, LONGEST_FUNCTION, MOST_NAMES = 400, 60, 25  # lines, lines, public names of a class
OF_TYPER = {"backtest", "plot", "search", "_declare"}  # signatures that declare options, in cli/
# First words of docstrings, so that each says what its function does. A new verb is added here.
VERBS = """
activate add append apply ask average backtest build check choose code collect compare compile
complete compute concatenate convert copy count cut declare decode describe do draw drop encode
end explain extend find finish fit fold forecast format gather generate give go group hash
hold identify import infer initialize iterate join keep label leave let list load locate look make
map mark mask merge move multiply name open parse pickle print project propose put raise read
recall recode record reduce repeat replace report reserve resolve restore return run scatter
score search select serialize set show shut sort split start store stream style submit sum
suppress tabulate take tell trace train try unify update upgrade wait warn wrap write yield
"""
QUESTIONS = ("What ", "How ", "Whether ", "Where ", "Which ", "Who ")

SOURCES = {
    path.relative_to(CHECKOUT).as_posix(): path.read_text(encoding="utf-8")
    for folder in (*PACKAGES, "tests", "benchmarks", "examples")
    for path in sorted((CHECKOUT / folder).rglob("*.py"))
}
OURS = [file for file in SOURCES if file.startswith(tuple(f"{name}/" for name in PACKAGES))]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def nodes(file, kinds):
    return [node for node in ast.walk(ast.parse(SOURCES[file])) if isinstance(node, kinds)]


def public_names(node):
    """The methods, properties and fields that a class defines for others."""
    names = [part.name for part in node.body if isinstance(part, FUNCTIONS)]
    names += [part.target.id for part in node.body if isinstance(part, ast.AnnAssign)]
    return [name for name in names if not name.startswith("_")]


@pytest.mark.parametrize("file", SOURCES)
def test_a_file_can_be_read_in_one_sitting(file):
    assert len(SOURCES[file].splitlines()) <= LONGEST_FILE, "Cut it where it owns two things."


@pytest.mark.parametrize("file", OURS)
def test_functions_and_classes_are_short(file):
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in nodes(file, FUNCTIONS)
        if node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }
    exempt = OF_TYPER if file.startswith("forecaster/cli/") else set()
    assert not long.keys() - exempt, long
    wide = {node.name: len(public_names(node)) for node in nodes(file, ast.ClassDef)}
    assert not {name: count for name, count in wide.items() if count > MOST_NAMES}


@pytest.mark.parametrize("file", [file for file in OURS if "/__" not in file])
def test_a_module_has_a_test_of_its_name(file):
    folder, _, name = file.rpartition("/")
    assert f"tests/{folder}/test_{name}" in SOURCES


@pytest.mark.parametrize("file", OURS)
def test_docstrings_of_functions_begin_with_a_verb(file):
    others = {
        node.name: docstring.splitlines()[0]
        for node in nodes(file, FUNCTIONS)
        if (docstring := ast.get_docstring(node))
        and docstring.split()[0].strip("`.,:").lower() not in VERBS.split()
    }
    assert not others


@pytest.mark.parametrize("file", OURS)
def test_docstrings_of_classes_and_modules_are_no_questions(file):
    """A noun that one searches for, or a verb: no "What ... is", "How ...", "Whether ..."."""
    for node in nodes(file, (ast.ClassDef, ast.Module)):
        docstring = ast.get_docstring(node) or ""
        assert not docstring.startswith(("What ", "How ", "Whether ", "Where ", "Which ")), (
            docstring
        )


def test_helpers_of_tests_lie_in_one_folder():
    """A test file is called test_*.py; conftest.py stands where pytest looks for it."""
    others = [
        file
        for file in SOURCES
        if file.startswith("tests/") and not file.startswith("tests/helpers/")
        if not file.rpartition("/")[2].startswith(("test_", "conftest"))
    ]
    assert others == []
