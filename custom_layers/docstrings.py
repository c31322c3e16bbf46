"""Docstrings of a family: what all its members share is written once and put into each."""

import inspect
import textwrap

CELL = """{summary}

{use}

    {formula}{sections}

Example:
    >>> import keras
    >>> from custom_layers import {cell}
    >>> layer = keras.layers.RNN([{cell}(16), {cell}(8)])
    >>> tuple(layer(keras.ops.zeros((2, 5, 3))).shape)
    (2, 8)

Source:
    As for `{layer}`.
"""


def insert_before_example(docstring: str, sections: str) -> str:
    """Completes a docstring with what a whole family shares.

    Args:
        docstring: A docstring with a section `Example:`.
        sections: What to insert: the rest of `Args:` and whole sections.

    Returns:
        The completed docstring.
    """
    own, heading, example = inspect.cleandoc(docstring).partition("\n\nExample:")
    return own + sections.rstrip() + heading + example


def complete_cell(cell: type, layer: type, sections: str) -> None:
    """Completes the docstring of a cell.

    Where it is a line only, the formula, the weights and the arguments are those in the docstring
    of the layer, which has them after title and use. Where it has `Example:`, but no `Call
    arguments:`, they are inserted. Any other is left as it is.

    Args:
        cell: The cell.
        layer: Its layer, with a docstring not completed yet.
        sections: What all cells of the family have: the rest of `Args:` and whole sections.
    """
    docstring = inspect.cleandoc(cell.__doc__ or f"One step of `{layer.__name__}`.")
    if "\n" in docstring:
        if "\n\nExample:" in docstring and "\n\nCall arguments:" not in docstring:
            cell.__doc__ = insert_before_example(docstring, sections)
        return
    own, _, _ = inspect.cleandoc(layer.__doc__ or "").partition("\n\nExample:")
    _, _, formula = own.partition("\n\n    ")  # what is indented first
    use = (
        "Use it with `keras.layers.RNN` or `keras.layers.StackedRNNCells`; for one layer "
        f"`{layer.__name__}` is shorter."
    )
    cell.__doc__ = CELL.format(
        summary=docstring,
        use=textwrap.fill(use, width=96),
        formula=formula,
        sections=sections.rstrip(),
        cell=cell.__name__,
        layer=layer.__name__,
    )
