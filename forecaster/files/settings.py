"""`FileOptions`: what a user says about a file, so that it need not be found by looking at it."""

from __future__ import annotations

import codecs
import shlex
from dataclasses import dataclass

SEPARATORS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "pipe": "|",
    "blank": " ",
    "blanks": " ",
    "space": " ",
}
THOUSANDS = {"blank": " ", "space": " ", "apostrophe": "'", "point": ".", "comma": ","}
_OPTION_OF = {"time_column": "--time", "id_column": "--id", "header": "--no-header"}


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Options of reading a file; what is None is found by looking at it.

    Args:
        separator: character between the cells of a row, or its name: "comma", "semicolon", "tab",
            "pipe" or "blank" (one or more).
        decimal: "." or ",".
        thousands: mark between groups of three digits: ".", ",", " " or "'".
        encoding: of the text, such as "utf-8" or "cp1252".
        time_format: of the times, such as "%d/%m/%Y"; or "s", "ms", "us" or "ns" since 1970,
            "excel" for Excel's days, or "year" for years with decimals.
        time_column: names of the columns with the times; several are joined, as a date and an hour.
        id_column: name of the column with the id of each row's series.
        header: False where the first row holds values already.
        on_command_line: whether messages speak of options.

    Raises:
        ValueError: if one is not as it must be.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    time_format: str | None = None
    time_column: tuple[str, ...] = ()
    id_column: str | None = None
    header: bool | None = None
    on_command_line: bool = False

    def __post_init__(self) -> None:
        if self.separator is not None and len(SEPARATORS.get(self.separator, self.separator)) != 1:
            self._refuse("separator", "one character, or comma, semicolon, tab, pipe or blank")
        if self.decimal not in (None, ".", ","):
            self._refuse("decimal", "a point or a comma")
        if self.thousands is not None:
            mark = THOUSANDS.get(self.thousands, self.thousands)
            if mark not in (".", ",", " ", "'"):
                self._refuse("thousands", "a point, a comma, a blank or an apostrophe")
            if mark == self.decimal:
                self._refuse("thousands", "another mark than the decimal one")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                self._refuse("encoding", "one that Python knows, such as utf-8 or cp1252")

    @property
    def separator_mark(self) -> str | None:
        """Return the separator as a character."""
        return self.separator and SEPARATORS.get(self.separator, self.separator)

    @property
    def decimal_mark(self) -> str | None:
        """Return the decimal mark, which a mark of thousands decides too."""
        if self.decimal is None and self.thousands is not None:
            return {".": ",", ",": "."}.get(THOUSANDS.get(self.thousands, self.thousands))
        return self.decimal

    def spelled(self, name: str, value: object = None) -> str:
        """Return an option, and its value if there is one, as the user would type it."""
        if self.on_command_line:
            option = _OPTION_OF.get(name, f"--{name.replace('_', '-')}")
            is_flag = value is None or name == "header"
            return option if is_flag else f"{option} {shlex.quote(str(value))}"
        return f"`{name}`" if value is None else f"`{name}={value!r}`"

    def _refuse(self, name: str, expected: str) -> None:
        raise ValueError(
            f"{self.spelled(name)} must be {expected}. Received: {getattr(self, name)!r}. Leave it "
            f"out to have it found in the file."
        )
