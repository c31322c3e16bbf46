"""Messages of the lower layers, which speak of Python, in the words of the command line.

Who owns what: errors and warnings are raised below in the words of the Python calls, `` `name` ``
for an argument and ``name=value`` for what came. `Wording` puts them into those of a command, at
the one place where they are printed: an argument becomes the option that the command has for it,
or plain words where it has none; advice that only Python can follow becomes the option that does
the same (`ADVICE`), or is left out.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import chain

CODE = r"`[^`\n]*[.(=\[][^`\n]*`"  # more than the name of an argument
WRITE_FUTURE = "Add --missing-future for the rows to fill in, and pass them by --future."
WRITE_FUTURE_BY_PREDICT = (
    "The rows to fill in are written by forecaster predict --missing-future; pass them by --future."
)
STATEMENT = r"`[^`\n]*(?: = |\()[^`\n]*`"
# Advice in Python -> what the command line has for it, before names are put in its words.
ADVICE = [
    # The known future.
    (
        r"Call `model\.(?:future_frame|missing_future)\(.*",
        WRITE_FUTURE,
    ),
    (
        r"Name its columns by `future_covariates`, and fit again\.",
        "Name its columns by --future-covariate of forecaster fit.",
    ),
    # Times and their step.
    (r"Set `frame\.index = [^`]*`, or name the column", "Name the column"),
    (r"Convert the column first, e\.g\. .*", "Write them as 2024-01-31, or 2024-01-31 12:00."),
    (r"a positive int\b", "a positive integer"),
    (r"Set a DatetimeIndex, or name the column", "Name the column"),
    (r"set a DatetimeIndex, or name the column of times", "or name a column of dates"),
    (r"Set a DatetimeIndex, or compute", "Name a column of dates by `time_column`, or compute"),
    (r"set a DatetimeIndex", "name a column of dates by `time_column`"),
    (r", or use `frame\.to_period\('M'\)` where any day stands for its month", ""),
    (r"'auto', None, or a list of names", "auto, none, or names separated by commas"),
    (r"'auto' or None", "auto or none"),
    (r"'train', 'test' or None", "train or test"),
    (r"; `holidays\.list_supported_countries\(\)` lists both", ""),
    # Quantiles and losses.
    (r"Fit with `output`, for example [^.]*(?:\.\d[^.]*)*\.", "Fit with --quantiles for others."),
    (r"the levels of `output`", "those of the fit"),
    (r"Fit with those levels to have others", "Fit with --quantiles for others"),
    (r"For example Quantiles\(\[(.*?)\]\)", "For example --quantiles 0.1,0.5,0.9"),
    (r" for output=Point\(\)", " for point forecasts"),
    (r" for output=Quantiles\(.*?\)\)?(?=\. )", " for quantiles"),
    (r'Leave loss="auto"', "Leave --loss auto"),
    # Files, folders and what fit saved.
    (r"`frame` must be a folder of files that are", "A folder of data must hold files that are"),
    (
        r"^`history` must be given, because .*",
        "A file with the history must be given, because the model was saved with "
        "--no-keep-history. Write it behind MODEL.",
    ),
    (r"Call save\(path, overwrite=True\) to replace .*", "Add --overwrite to replace it."),
    (r"Write (?:one|an artifact) with model\.save\(path\)", "Make one with forecaster fit"),
    (r"Save it again\.", "Fit and save it again."),
    (r"Call fit\(frame\) again", "Fit again"),
    (r"shape \((\d+), (\d+)\)", r"\1 rows, \2 columns"),
    # Datasets and searches.
    (r"Call `list_datasets\(\)` .*", "forecaster datasets lists all of them."),
    (r"Cut the frame yourself.*", "Cut the file yourself."),
    (r"Call `fit` again with the same `directory` to go on\.", "Type the command again to go on."),
    (r'For example "MASE"', "For example MASE"),
    (r" Or the script that was started has no `if __name__.*", ""),
    (
        r"`space` must leave something to choose\. .*",
        "Some parameter must be left to be searched. Received: options that fix all of them. Leave "
        "some of them out.",
    ),
]
UNKNOWN_COLUMN = re.compile(r"^`(?P<role>\w+)` must name columns of `\w+`\. Received: unknown ")
# What a sentence of advice says besides that only Python can do.
CODE_BESIDE = re.compile(
    rf"(?:: |, e\.g\. |,? e\.g\. by | by |, name the zone: |, or use |, or (?=`)){CODE}"
    rf"(?:(?:,? or|,) {CODE})*(?: for \w+)?(?=[.,;)]+ |[.,;)]+$| |$)"
)
# Sentences of advice that are left out, because they speak of calls.
VERBS = "Ask|Build|Call|Choose|Convert|Fit|For example|Give|Make|Pass|Read|Rename|See|Set|Use|Write"
CALL = (
    r"(?:model|frame|future|result|hp|pd|pandas|keras)\.\w+"
    r"|(?:predict|fit|save|load|update|backtest|scores|Quantiles|Training|Forecaster)\("
)
OF_PYTHON = re.compile(
    rf"(?:(?:^| )(?:{VERBS})\b(?:(?!\. [A-Z]).)*?(?:{CODE}|\b(?:{CALL}))|(?<=[.?!]) {STATEMENT})"
    rf".*?(?:\.(?= [A-Z])|\.?$)"
)
# What is no option of a command, in plain words.
WORDS = {
    "frame": "the file",
    "history": "the file",
    "future": "the file of future covariates",
    "table": "the file",
    "tables": "the files",
    "time_column": "the column of times",
    "id_column": "the column of ids",
    "weight_column": "the column of weights",
    "target": "the target",
    "freq": "the step of the times",
    "output": "the quantiles",
    "path": "the saved model",
    "actual": "the actual values",
    "fit": "the fit",
}
PYTHON_NAME = {  # option -> names of Python that it is for, besides its own
    "id": ["id_column"],
    "time": ["time_column"],
    "past_covariate": ["past_covariates"],
    "future_covariate": ["future_covariates"],
    "static_covariate": ["static_covariates"],
    "weight": ["weight_column"],
    "quantiles": ["output", "levels"],
    "cell": ["network"],
    "trials": ["max_trials"],
    "save": ["path"],
    "model": ["path"],
}
IN_A_SPEC = re.compile(r"'?\b(?:network|training)__(\w+)'?")
PLAIN = [  # words of Python that stand without backticks -> those for files
    (r"(?<!['\w./-])(a|the|this) frame(?!\.\w|[\w'-])", r"\1 file"),
    (r"(?<!['\w./-])an artifact(?!\.\w|[\w'-])", "a saved model"),
    (r"(?<!['\w./-])(this|whole) artifact(?!\.\w|[\w'-])", r"\1 saved model"),
]
NOT_OF_PYTHON = ("output", "data", "future_file")  # options that share a name of Python
VALUE = r"""'[^']*'|"[^"]*"|\[[^\]]*\]|\([^)]*\)|[^\s,;:.)]+(?:\.\d[^\s,;)]*)?"""


class UsageError(Exception):
    """Error of a command line that no data could make right."""

    exit_code = 2

    def format_message(self) -> str:
        """Return the message."""
        return str(self)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Take errors of values for errors of the command line: what is checked is what was typed."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error


class Wording:
    """Words of one command for messages of the lower layers.

    Args:
        options: the command's options as they are typed, and metavars of its arguments, by the
            names of its parameters.
        others: names of the parameters of other commands.
    """

    def __init__(self, options: Mapping[str, str], others: Collection[str] = ()) -> None:
        self.names: dict[str, str] = {}
        for option, typed in options.items():
            own = [] if option in NOT_OF_PYTHON else [option]
            for name in own + PYTHON_NAME.get(option, []):
                self.names.setdefault(name, typed)
        named = {*self.names, *WORDS, *others, *chain.from_iterable(PYTHON_NAME.values())}
        self.known = "|".join(sorted(named, key=len, reverse=True))

    def __call__(self, message: object) -> str:
        """Put a message into the words of the command."""
        text = " ".join(str(message).split())
        for pattern, words in ADVICE:
            text = re.sub(pattern, words, text)
        text = UNKNOWN_COLUMN.sub(self._lacking, text)
        if "future" in self.names and "missing_future" not in self.names:
            text = text.replace(WRITE_FUTURE, WRITE_FUTURE_BY_PREDICT)
        text = re.sub(rf"`({self.known})=({VALUE})`", self._received, text)
        text = OF_PYTHON.sub("", CODE_BESIDE.sub("", text)).strip()
        text = re.sub(rf"(?<![\w.'\"/-])({self.known})=({VALUE})", self._received, text)
        text = re.sub(r"(?P<begin>^|[.?!] )?`(?P<name>\w+)`", self._name, text)
        text = re.sub(r"`([^`\n]*)`", r"\1", text)
        text = re.sub(r" must be None\b", " must be left out", text)
        for pattern, words in PLAIN:
            text = re.sub(pattern, words, text)
        return IN_A_SPEC.sub(lambda found: f"--{found[1].replace('_', '-')}", text)

    def _lacking(self, found: re.Match[str]) -> str:
        """Return the words for columns that a file lacks, where no option names them."""
        if found["role"] in self.names:
            return found[0]
        role = WORDS.get(found["role"]) or f"the {found['role'].replace('_', ' ')}"
        return f"`frame` must have {role} of the fit. It lacks "

    def _name(self, found: re.Match[str]) -> str:
        """Return the words for an argument."""
        name, begin = found["name"], found["begin"] or ""
        words = self.names.get(name) or WORDS.get(name) or name.replace("_", " ")
        is_sentence = begin or found.start() == 0
        return begin + (words[0].upper() + words[1:] if is_sentence else words)

    def _received(self, found: re.Match[str]) -> str:
        """Return the words for an argument with its value."""
        name, value = found[1], re.sub(r"[\[\]()'\"]", "", found[2]).removesuffix(",")
        typed = self.names.get(name)
        plain = typed or name.replace("_", " ")
        if value == "None":
            return f"no {plain}"
        if typed is None:
            return f"{plain} {value}"
        if value in ("True", "False"):
            return typed if value == "True" else typed.replace("--", "--no-", 1)
        return f"{typed} {value}" if typed.startswith("-") else value


def suggestion(word: str, known: Collection[str]) -> str:
    """Ask for the known words that are most like a word, if any are: a text to append."""
    plain = {_plain(name): name for name in known}
    close = [plain[name] for name in get_close_matches(_plain(word), plain, n=3)]
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
