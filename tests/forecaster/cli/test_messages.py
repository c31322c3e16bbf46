"""No error or warning of the lower layers reaches the command line in Python's words."""

import re

import pytest
import typer

from forecaster.cli import commands, messages
from forecaster.cli.messages import Wording, suggestion
from tests.helpers.message_sources import messages as messages_in_the_sources

COMMANDS = typer.main.get_command(commands.app).commands
WORDING = {name: commands.wording_of(COMMANDS, name, []) for name in COMMANDS}
MESSAGES = [*messages_in_the_sources()]
PYTHON = re.compile(
    r"`|\bNone\b|DataFrame|DatetimeIndex|\bframe\b|artifact|\b(?:keras|hp|pd|scores|model)\.\w"
    r"|(?!MAE|RMSE)\b\w+\((?!s\))|\b(?!KERAS_BACKEND)[a-z]\w*=\S"
)
# What no command line can bring about, by the words that such messages have.
UNREACHABLE = {
    "`training` must be a Training": "the options make one",
    "a table of a wide frame": "only searches and refits join tables, which have ids then",
    "must be a pandas DataFrame or Series": "files are read as frames",
    "for a Series, whose index": "files are read as frames",
    "`id_column` must be None where the index": "the columns of files are no index",
    "Labels must be texts": "columns of files are texts",
    "`prediction` must have the shape": "the package makes it",
    '`by` must be None, "series"': "--by is one of its choices",
    "`actual` must have": "the package makes it",
    "because `actual` has": "the package makes it",
    "`score` must be one of": "no command draws a score that is asked for",
    "`series` must be one of": "it is checked by the command",
    "`levels` must be columns of `forecast`": "plot draws what the forecast has",
    "`time` must be on the grid": "--cutoffs is a number",
    "`times` must be datetimes or periods": "only asked for such",
    '`output` must be "point" or': "--quantiles makes it",
    "`network` must": "--cell names it",
    "`forecaster` must be a Forecaster": "the options make one",
    "`space` must be a function": "--cells makes it",
    "`at_once` must be None": "no option says it",
    "must be declared with what it may hold": "for those who add a field",
    "must have ids in the first level": "the columns of files are no index",
    "Parameters must be among those of": "the options are those there are",
    "must be a list of columns": "the options make one",
    "must be the label of one column": "the options make one",
    "`callbacks` must be": "no option says them",
    "TensorFlow must start in the process": "the command line forks nothing",
}
# Calls of pandas, inputs of a saved graph, and names of other commands.
NOT_ARGUMENTS = {"backtest", "categories", "hp", "space", "spreads", "tz_convert"}
NOT_ARGUMENTS |= {"future_time", "past_time"}


def test_the_sources_have_been_found():
    files = {file for file, _ in MESSAGES}
    assert len(MESSAGES) > 150
    assert {"forecaster/data/future.py", "forecaster/utils/checks.py", "datasets/local.py"} <= files


@pytest.mark.parametrize("command", ["fit", "predict", "backtest", "search", "datasets"])
def test_every_message_is_put_into_words_of_the_command_line(command):
    """A new message that fails here needs a line in `ADVICE`, or in `UNREACHABLE` above."""
    left = {}
    for file, message in MESSAGES:
        is_whole = message[0] != " " and ("Received:" in message or message.endswith("."))
        if not is_whole or any(words in message for words in UNREACHABLE):
            continue
        in_words = WORDING[command](message)
        if PYTHON.search(in_words.replace("None or 'train'", "")):
            left[file, message] = in_words
    assert not left


def test_every_argument_named_in_a_message_is_an_option_or_has_words():
    known = {*messages.WORDS, "holidays", "pyarrow", "XYZ"}
    for wording in WORDING.values():
        known |= {*wording.names}
    reachable = [
        (file, text) for file, text in MESSAGES if not any(words in text for words in UNREACHABLE)
    ]
    unknown = {
        (file, name)
        for file, text in reachable
        for name in re.findall(r"`(\w+)`", text)
        if name not in known and name not in NOT_ARGUMENTS
    }
    assert not unknown


def test_what_is_unreachable_is_a_message_of_the_package():
    for words in UNREACHABLE:
        assert any(words in message for _, message in MESSAGES), words


@pytest.mark.parametrize(
    ("command", "message", "words"),
    [
        (
            "fit",
            "`horizon` must be at least 1. Received: horizon=0.",
            "--horizon must be at least 1. Received: --horizon 0.",
        ),
        (
            "fit",
            "`time_column` must name columns of `frame`. Received: unknown ds. The columns are a, "
            "sum(kg), x=1.",
            "--time must name columns of the file. Received: unknown ds. The columns are a, "
            "sum(kg), x=1.",
        ),
        (
            "predict",
            "`time_column` must name columns of `history`. Received: unknown ds.",
            "The file must have the column of times of the fit. It lacks ds.",
        ),
        (
            "predict",
            "`future_covariates` must name columns of `history`. Received: unknown a, b. Did you "
            "mean A? The columns are A.",
            "The file must have the future covariates of the fit. It lacks a, b. Did you mean A? "
            "The columns are A.",
        ),
        (
            "predict",
            "`future` must be None for a forecaster without future covariates. Received: a frame. "
            "Name its columns by `future_covariates`, and fit again.",
            "--future must be left out for a forecaster without future covariates. Received: a "
            "file. Name its columns by --future-covariate of forecaster fit.",
        ),
        (
            "fit",
            "`target` must name numeric columns. Received: target=['a', 'b']; not numeric: a. "
            "Convert them: `frame.astype(float)`, or `pd.to_numeric` for texts.",
            "--target must name numeric columns. Received: --target a, b; not numeric: a. "
            "Convert them.",
        ),
        (
            "fit",
            "`frame` has gaps: 3 of 9 timestamps at freq='D' are missing.",
            "The file has gaps: 3 of 9 timestamps at --freq D are missing.",
        ),
        (
            "fit",
            "`freq` must be given. Received: freq=None, 2 times. Call `frame.sort_index()` first. "
            "Give e.g. 'h'.",
            "--freq must be given. Received: no --freq, 2 times. Give e.g. 'h'.",
        ),
        (
            "search",
            "`max_trials` must be at least 1. Received: max_trials=0, refit=False.",
            "--trials must be at least 1. Received: --trials 0, --no-refit.",
        ),
        (
            "predict",
            "`path` must be an artifact. Received: path='no'. Write one with model.save(path).",
            "MODEL must be a saved model. Received: no. Make one with forecaster fit.",
        ),
        (
            "fit",
            "`path` cannot be written: /full. No space left",
            "--save cannot be written: /full. No space left",
        ),
        (
            "search",
            "Every trial failed. The first, with {'network__num_layers': 2, 'units': 3}, by Err",
            "Every trial failed. The first, with {--num-layers: 2, 'units': 3}, by Err",
        ),
        (
            "fit",
            "Ids differ. If they are the same, convert them: `.str.strip()`, `.str.casefold()`. "
            "`frame = frame.reset_index()` makes a column of the index. At 9 (if the clocks were "
            "put back, name the zone: `frame.tz_localize('UTC')`).",
            "Ids differ. If they are the same, convert them. At 9 (if the clocks were put back).",
        ),
        ("predict", "A fresh clone is fitted: why.", "A fresh clone is fitted: why."),
    ],
)
def test_messages_in_words_of_a_command(command, message, words):
    assert WORDING[command](message) == words


def test_options_that_a_saved_model_brings_are_not_advised():
    message = "`season_length` must be at least 1. Received: cutoffs=3, season_length=0."
    wording = commands.wording_of(COMMANDS, "backtest", ["backtest", "x.csv", "--model=m"])
    assert wording(message) == (
        "Season length must be at least 1. Received: --cutoffs 3, season length 0."
    )
    assert WORDING["backtest"](message).startswith("--season-length must be")


def test_names_of_the_user_are_left_alone():
    message = "`frame` must have 'frame' and 'horizon=3'. The columns are `odd, frame.csv, horizon."
    assert Wording({"horizon": "--horizon"})(message) == (
        "The file must have 'frame' and 'horizon=3'. The columns are `odd, frame.csv, horizon."
    )


@pytest.mark.parametrize(
    ("word", "known", "text"),
    [
        ("LSTMM", ["lstm", "gru"], " Did you mean 'lstm'?"),
        ("PeepholeLSTM", ["lstm", "peephole_lstm"], " Did you mean 'peephole_lstm'?"),
        ("x", ["lstm", "gru"], ""),
    ],
)
def test_a_suggestion(word, known, text):
    assert suggestion(word, known) == text


def test_errors_of_values_that_were_typed_are_of_the_command_line():
    with pytest.raises(messages.UsageError, match="no good") as raised, messages.usage_errors():
        raise ValueError("no good")
    assert (raised.value.exit_code, raised.value.format_message()) == (2, "no good")
