"""Docstrings: shared sections are inserted, and every example runs."""

import doctest
import importlib
from pathlib import Path

import pytest

import custom_layers
from custom_layers.docstrings import complete_cell, insert_before_example

FILES = Path(custom_layers.__file__).parent.glob("*.py")
WITH_EXAMPLES = sorted(file.stem for file in FILES if ">>> " in file.read_text("utf-8"))
KNOWN = {"attention", "full_gate_lstm", "gated", "gates", "grid_lstm", "janet", "layer_norm_lstm"}
KNOWN |= {"linear_recurrence", "lstm_ablations", "lstm_family", "mgu", "min_rnn"}
KNOWN |= {"projected_lstm", "recurrent", "signatures", "slstm"}


def test_modules_with_examples():
    assert set(WITH_EXAMPLES) >= KNOWN


@pytest.mark.parametrize("name", sorted(KNOWN | set(WITH_EXAMPLES) - {"docstrings"}))
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(f"custom_layers.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_sections_come_before_the_example():
    docstring = """A layer.

        Args:
            units: A size.

        Example:
            None.
        """
    completed = insert_before_example(docstring, "\n    seed: A seed.\n\nReturns:\n    All.\n")
    assert completed == (
        "A layer.\n\nArgs:\n    units: A size.\n    seed: A seed.\n\nReturns:\n    All."
        "\n\nExample:\n    None."
    )


def test_a_cell_of_one_line_takes_formula_and_arguments_from_its_layer():
    class Layer:
        """A layer.

        Use it often.

            h' = x

        Args:
            units: A size.

        Example:
            None.
        """

    class Cell:
        """One step."""

    complete_cell(Cell, Layer, "\n    seed: A seed.\n")
    start = "One step.\n\nUse it with `keras.layers.RNN` or `keras.layers.StackedRNNCells`; for one"
    assert Cell.__doc__.startswith(start)
    assert (
        "\n\n    h' = x\n\nArgs:\n    units: A size.\n    seed: A seed.\n\nExample:" in Cell.__doc__
    )
    assert "Use it often" not in Cell.__doc__
    assert Cell.__doc__.endswith("Source:\n    As for `Layer`.\n")


def test_a_complete_docstring_of_a_cell_stays():
    class Layer:
        """A layer."""

    class Cell:
        """One step.

        Call arguments:
            x: An input.

        Example:
            None.
        """

    before = Cell.__doc__
    complete_cell(Cell, Layer, "\n    seed: A seed.\n")
    assert Cell.__doc__ == before
