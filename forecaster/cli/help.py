"""Texts of `--help`: plain lines in which no name is cut, however narrow the terminal is."""

import re
from textwrap import wrap
from typing import Any

from typer.core import TyperCommand, TyperGroup

NAMES_WIDTH = 30  # columns; a longer name has a line of its own
NARROW = 70  # columns; below them, every name has
PLAIN = [  # how typer writes a range beside something else -> how we do
    (r"\[(.*?); x>=(\d+)(.*?)\]$", r"[at least \2]  [\1\3]"),
    (r"\[x>=(\d+); ", r"[at least \1]  ["),
    (r"\[x>=(\d+)\]$", r"[at least \1]"),
]


def examples(*lines: str) -> str:
    """Put command lines to type below a help text, as they are."""
    return "\b\n" + "\n".join([f"Example{'s' * (len(lines) > 1)}:", *lines])


class PlainCommand(TyperCommand):
    """Command whose options are listed under the headings of their panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, and the options of each panel."""
        _write_options(self, ctx, formatter)


class PlainGroup(TyperGroup):
    """Group of commands with its options, and with all of each command's summary."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, and the commands."""
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        _write_list(
            "Commands",
            [
                (command.name or "", command.get_short_help_str(limit=10**4))
                for command in commands
                if command is not None and not command.hidden
            ],
            formatter,
        )
        _write_options(self, ctx, formatter)


def _write_options(command: Any, ctx: Any, formatter: Any) -> None:
    panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            is_argument = parameter.param_type_name == "argument"
            panel = "Arguments" if is_argument else parameter.rich_help_panel or "Options"
            name, text = re.sub(r" <(path|str)>$", "", record[0]), record[1]
            for pattern, words in PLAIN:
                text = re.sub(pattern, words, text)
            panels.setdefault(panel, []).append((name, text))
    for panel, records in panels.items():
        if records:
            _write_list(panel, records, formatter)


def _write_list(heading: str, records: list[tuple[str, str]], formatter: Any) -> None:
    """Write names with their texts, which are wrapped at blanks only."""
    narrow = formatter.width < NARROW
    longest = max(len(name) for name, _ in records)
    column = 4 if narrow else min(longest, NAMES_WIDTH) + 2
    with formatter.section(heading):
        indent = " " * formatter.current_indent
        for name, text in records:
            room = formatter.width - formatter.current_indent - column
            lines = wrap(text, room, break_long_words=False, break_on_hyphens=False)
            if len(name) + 2 > column:
                formatter.write(f"{indent}{name}\n")
            else:
                formatter.write(f"{indent}{name:<{column}}{lines.pop(0) if lines else ''}\n")
            for line in lines:
                formatter.write(f"{indent}{'':<{column}}{line}\n")
