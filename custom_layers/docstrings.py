"""Docstrings of a family of layers, with the sections that all members share written once."""

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
    """Complete a docstring with the sections that a whole family shares.

    Args:
        docstring: A docstring with a section `Example:`.
        sections: The text to insert: the rest of `Args:` and whole sections.

    Returns:
        The completed docstring.
    """
    own, heading, example = inspect.cleandoc(docstring).partition("\n\nExample:")
    return own + sections.rstrip() + heading + example


def complete_cell(cell: type, layer: type, sections: str) -> None:
    """Complete the docstring of a cell.

    A docstring of one line gets the formula, weights and arguments from the docstring of the layer,
    where they stand after title and use. One with `Example:` but no `Call arguments:` gets the
    shared sections. Any other is left as it is.

    Args:
        cell: The cell.
        layer: Its layer, with a docstring not completed yet.
        sections: The text that all cells share: the rest of `Args:` and whole sections.
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
