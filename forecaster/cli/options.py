"""Options of the command line for the parameters of a `Forecaster`, the same for all commands.

Names and defaults are those of Python (a test compares them); `PARAMETER_OF` lists the options that
have another name. The options of the specs are generated from the fields of `RecurrentNetwork` and
`Training`: types, bounds and defaults from the fields, help from the docstrings. So a new field
becomes an option without a line here.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from forecaster.cli.messages import suggestion, usage_errors
from forecaster.files.settings import FileOptions
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.settings import Training
from forecaster.utils.fields import AtLeast, FieldKind, StepsOrFraction, field_kinds

if TYPE_CHECKING:
    from forecaster.forecaster import Forecaster

_Option = partial(typer.Option, rich_help_panel="Forecaster")
_Covariate = partial(_Option, metavar="COLUMN")

SPECS: dict[str, type] = {"network": RecurrentNetwork, "training": Training}
MOST_CHOICES = 5  # that typer lists as the type of an option; more are named in the help
NONE_GIVEN: Any = ()  # default of an option that may be repeated, whose values come as a list

PARAMETER_OF = {  # option -> its name for `Forecaster.set_params`, where they differ
    "id": "id_column",
    "time": "time_column",
    "past_covariate": "past_covariates",
    "future_covariate": "future_covariates",
    "static_covariate": "static_covariates",
    "weight": "weight_column",
    "quantiles": "output",
    **{
        field.name: f"{parameter}__{field.name}"
        for parameter, spec in SPECS.items()
        for field in fields(spec)
    },
}


def number(text: str | float) -> int | float:
    """Parse a number of steps, or a fraction; typer passes the default too, which is a number."""
    try:
        return int(text) if str(text).isdigit() else float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number.") from None


def choice(known: Sequence[str], text: str) -> str:
    """Parse a name among known ones, in whatever case it is typed."""
    for name in known:
        if name.lower() == text.lower():
            return name
    raise typer.BadParameter(f"{text!r} is not one of {', '.join(known)}.{suggestion(text, known)}")


def choices(known: Sequence[str], text: str) -> list[str]:
    """Parse names among known ones, separated by commas."""
    return [choice(known, name.strip()) for name in text.split(",")]


def completions(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Make a function that completes what is typed to known names, also behind a comma."""

    def complete(incomplete: str) -> list[str]:
        before, comma, begun = incomplete.rpartition(",")
        fitting = [name for name in known if name.lower().startswith(begun.lower())]
        return [f"{before}{comma}{name}" for name in fitting]

    return complete


def positive(text: str | float) -> float:
    """Parse a number above 0."""
    value = number(text)
    if not 0 < value < math.inf:
        raise typer.BadParameter(f"{text} is not above 0.")
    return value


def levels(text: str) -> list[float]:
    """Parse levels of quantiles, separated by commas."""
    return [float(number(level)) for level in text.split(",")]


def features(text: str) -> str | list[str] | None:
    """Parse time features: auto, none, or names separated by commas."""
    return {"auto": "auto", "none": None}.get(text, text.split(","))


def step(text: str) -> str | int:
    """Parse a step: an integer, or a frequency of pandas."""
    return int(text) if text.isdigit() else text


def _declare(
    horizon: Annotated[int, _Option(min=1, metavar="STEPS", help="Steps to forecast.")],
    input_length: Annotated[
        int | None,
        _Option(
            min=1,
            metavar="STEPS",
            help="Steps of history that the network sees.",
            show_default="three seasons or horizons",
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        _Option(
            metavar="COLUMN",
            help="Column to forecast. May be repeated.",
            show_default="all numeric ones",
        ),
    ] = None,
    id: Annotated[
        str | None,
        _Option(
            "--id",
            "--id-column",
            metavar="COLUMN",
            help="Column with the id of each row's series, in a long file.",
            show_default="found in the file, where times repeat",
        ),
    ] = None,
    time: Annotated[
        list[str] | None,
        _Option(
            "--time",
            "--time-column",
            metavar="COLUMN",
            help="Column with the times. Repeated, columns that are joined: a date and an hour.",
            show_default="found in the file",
        ),
    ] = None,
    freq: Annotated[
        str | None,
        _Option(
            parser=step,
            metavar="STEP",
            help="Step of the times, such as h, D or MS; for integers, such as 1.",
            show_default="found in the times",
        ),
    ] = None,
    season_length: Annotated[
        int | None,
        _Option(
            min=1,
            metavar="STEPS",
            help="Steps in a season.",
            show_default="from the step: 24 for h, 12 for MS",
        ),
    ] = None,
    past_covariate: Annotated[
        list[str],
        _Covariate(help="Numbers or texts that are known up to the forecast. May be repeated."),
    ] = NONE_GIVEN,
    future_covariate: Annotated[
        list[str],
        _Covariate(help="Numbers or texts that are known for the horizon too. May be repeated."),
    ] = NONE_GIVEN,
    static_covariate: Annotated[
        list[str],
        _Covariate(help="Numbers or texts of which each id has one. May be repeated."),
    ] = NONE_GIVEN,
    weight: Annotated[
        str | None,
        _Option(
            "--weight",
            "--weight-column",
            metavar="COLUMN",
            help="Column with the weight of each row in the loss, 0 or more.",
            show_default="all the same",
        ),
    ] = None,
    time_features: Annotated[
        str | None,
        _Option(
            parser=features,
            metavar="NAMES",
            help="Time features: auto, none, or such as hour,day_of_week,holidays:DE.",
        ),
    ] = "auto",
    channels: Annotated[
        Literal["independent", "joint"],
        _Option(help="Whether each column is forecast on its own, or all of them together."),
    ] = "independent",
    normalization: Annotated[
        Literal["last", "standard", "none"],
        _Option(help="What is subtracted from each window: its last value, its mean or nothing."),
    ] = "last",
    quantiles: Annotated[
        str | None,
        _Option(
            parser=levels,
            metavar="LEVELS",
            help="Quantiles to forecast, such as 0.1,0.5,0.9.",
            show_default="none, but a point",
        ),
    ] = None,
    seed: Annotated[
        int, _Option(min=0, metavar="N", help="Seed of weights, dropout and order of windows.")
    ] = 0,
) -> None:
    """Declare the options that are no fields of specs: only the signature counts."""


def _spec_options(panel: str, spec: type) -> Iterator[inspect.Parameter]:
    """Generate an option for each field of a spec."""
    described, kinds = _argument_texts(spec), field_kinds(spec)
    for field in fields(spec):
        text, of_none = described[field.name]
        option = _field_option(kinds[field.name], text)
        option |= {"rich_help_panel": panel} | ({"show_default": of_none} if of_none else {})
        kind = kinds[field.name]
        is_listed = 0 < len(kind.choices) <= MOST_CHOICES and kind.type is not bool
        typed_as: Any = Literal[kind.choices] if is_listed else kind.type
        typed_as = float if isinstance(kind.bound, StepsOrFraction) else typed_as
        typed_as = typed_as | None if kind.is_optional else typed_as
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[typed_as, typer.Option(**option)],
        )


def _field_option(kind: FieldKind, text: str) -> dict[str, Any]:
    """Return the arguments of `typer.Option` for a field of a kind, with `text` as its help."""
    if isinstance(kind.bound, StepsOrFraction):
        return {"parser": number, "metavar": "STEPS|SHARE", "help": text}
    if kind.type is bool:
        return {"metavar": "", "help": text}  # typer would say that it takes a <bool>
    if len(kind.choices) > MOST_CHOICES:
        parse, complete = partial(choice, kind.choices), completions(kind.choices)
        help_text = f"{', '.join(kind.choices)}."
        return {"metavar": "NAME", "help": help_text, "parser": parse, "autocompletion": complete}
    bound = {"min": kind.bound.minimum} if isinstance(kind.bound, AtLeast) else {}
    return {"help": text} | ({} if kind.choices else {"metavar": "N"}) | bound


def _argument_texts(spec: type) -> dict[str, tuple[str, str | None]]:
    """Parse the arguments in the docstring of a spec.

    Returns:
        For each argument its first sentence, without what None means, and what None means.
    """
    _, _, arguments = inspect.cleandoc(spec.__doc__ or "").partition("\nArgs:\n")
    section = arguments.partition("\n\n")[0]
    texts = {}
    for name, described in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
        text = " ".join(described.replace("`", "").split())
        sentence = re.split(r"(?<=\w)\. (?=[A-Z])", text.removesuffix("."))[0]
        sentence, _, of_none = sentence.partition("; None is ")
        sentence = re.sub(r", at least \d+$", "", sentence)  # which typer shows by itself
        texts[name] = (f"{sentence[0].upper()}{sentence[1:]}.", of_none or None)
    return texts


PARAMETERS = {
    **inspect.signature(_declare).parameters,
    **{option.name: option for option in _spec_options("Network", RecurrentNetwork)},
    **{option.name: option for option in _spec_options("Training", Training)},
}


def takes_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `PARAMETERS`; their values come as its argument `parameters`.

    A parameter that the command declares itself is the command's own, and is not among them.
    """
    own = dict(inspect.signature(command).parameters)
    del own["parameters"]
    shared = {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in PARAMETERS.items()
        if name not in own
    }

    @wraps(command)
    def with_parameters(**values: Any) -> None:
        parameters = {name: values.pop(name) for name in shared}
        with usage_errors():  # before a file is read
            for spec in SPECS.values():
                own_fields = shared.keys() & {field.name for field in fields(spec)}
                spec(**{name: parameters[name] for name in own_fields})
        command(**values, parameters=parameters)

    signature = inspect.Signature([*own.values(), *shared.values()])
    setattr(with_parameters, "__signature__", signature)  # noqa: B010, no attribute for mypy
    return with_parameters


_FileOption = partial(typer.Option, rich_help_panel="File", show_default="found in the file")


def _declare_file_options(
    separator: Annotated[
        str | None,
        _FileOption(metavar="MARK", help="Between cells: a character, tab, blank or semicolon."),
    ] = None,
    decimal: Annotated[
        str | None, _FileOption(metavar="MARK", help="Decimal mark: a point or a comma.")
    ] = None,
    thousands: Annotated[
        str | None,
        _FileOption(metavar="MARK", help="Between groups of three digits: . , ' or blank."),
    ] = None,
    encoding: Annotated[
        str | None, _FileOption(metavar="NAME", help="Of the text, such as utf-8 or cp1252.")
    ] = None,
    time_format: Annotated[
        str | None,
        _FileOption(
            metavar="FORMAT", help="Of the times, such as %d/%m/%Y, or s, ms, excel or year."
        ),
    ] = None,
    no_header: Annotated[
        bool,
        typer.Option(
            "--no-header",
            metavar="",
            rich_help_panel="File",
            help="The first row holds values; columns are called column 1, column 2 and so on.",
        ),
    ] = False,
) -> None:
    """Declare the options of reading a file: only the signature counts."""


def reads_files(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of reading a file, which come as its argument `reading`."""
    own = dict(inspect.signature(command, eval_str=True).parameters)
    del own["reading"]
    shared = {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(_declare_file_options).parameters.items()
    }

    @wraps(command)
    def with_reading(**values: Any) -> None:
        header = False if values.pop("no_header") else None
        given = {name: values.pop(name) for name in shared if name != "no_header"}
        reading = FileOptions(**given, header=header, on_command_line=True)
        command(**values, reading=reading)

    signature = inspect.Signature([*own.values(), *shared.values()])
    setattr(with_reading, "__signature__", signature)  # noqa: B010, no attribute for mypy
    return with_reading


def changed(parameters: dict[str, Any]) -> list[str]:
    """Return the names of the options that differ from their defaults."""
    return [
        name
        for name, value in parameters.items()
        if value not in (PARAMETERS[name].default, [])  # [] for an option that may be repeated
    ]


def typed(name: str) -> str:
    """Return an option as it is typed, such as ``--input-length``."""
    return f"--{name.replace('_', '-')}"


def new_forecaster(parameters: dict[str, Any]) -> "Forecaster":
    """Make the `Forecaster` that these options describe.

    Raises:
        UsageError: if one is not as it must be.
    """
    from forecaster.config import ForecasterConfig
    from forecaster.forecaster import Forecaster
    from forecaster.network.heads import Quantiles

    named = {PARAMETER_OF.get(name, name): value for name, value in parameters.items()}
    with usage_errors():
        named["output"] = "point" if named["output"] is None else Quantiles(named["output"])
        model = Forecaster(named.pop("horizon")).set_params(**named)
        ForecasterConfig.of(model.get_params(deep=False)).checked()
    return model
