"""Messages in the sources of the package: all texts that errors and warnings are made of."""

import ast
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
STANDS_FOR = {  # what an expression between backticks may be
    "role": "target",
    "argument": "frame",
    "rows.argument": "history",
    "name": "horizon",
    "old": "window",
    "new": "train_length",
}


def texts_of(node, choose):
    """The text of a string with its expressions filled in; `choose` picks a branch of each "if"."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(texts_of(part, choose) for part in node.values)
    if isinstance(node, ast.BinOp):
        return texts_of(node.left, choose) + texts_of(node.right, choose)
    if isinstance(node, ast.FormattedValue):
        node = node.value
    if isinstance(node, ast.IfExp):
        return texts_of(choose(node.body, node.orelse), choose)
    if isinstance(node, ast.Constant):
        return str(node.value)
    return STANDS_FOR.get(ast.unparse(node), "XYZ")


def messages(folders=("forecaster", "datasets"), without=("cli", "files", "long_lag.py")):
    """Yield (file, message) for each text that names an argument in backticks, or what came.

    A package `files` would speak of options by itself.
    """
    for folder in folders:
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            file = path.relative_to(CHECKOUT).as_posix()
            if not {*file.split("/")} & {*without}:
                yield from ((file, text) for text in _messages_of(path))


def _messages_of(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(part) for node in ast.walk(tree) for part in _inside_a_text(node)}
    found = {}
    for node in ast.walk(tree):
        if id(node) in inner or not isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            continue
        for choose in (lambda first, _: first, lambda _, second: second):
            text = texts_of(node, choose)
            if "`" in text or "Received:" in text:
                found[text] = None
    return found


def _inside_a_text(node):
    """The parts of larger texts, and docstrings."""
    if isinstance(node, ast.JoinedStr | ast.BinOp):
        return [part for part in ast.walk(node) if part is not node]
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, kinds) and ast.get_docstring(node) is not None:
        return [node.body[0].value]
    return []
