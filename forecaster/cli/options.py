"""The parameters of a `Forecaster` as options of the command line, declared once for all commands.

Names and defaults are those of Python (a test compares them); where a word of the command line is
another one, `PARAMETER_OF` translates.
"""

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from forecaster.forecaster import Forecaster


_Option = partial(typer.Option, rich_help_panel="Forecaster")
_Covariate = partial(_Option, metavar="COLUMN")
_Network = partial(typer.Option, rich_help_panel="Network")
_Training = partial(typer.Option, rich_help_panel="Training")

# Every cell of network.py, whose import would load TensorFlow; a test compares them.
CELLS = (
    "simple_rnn, lstm, gru, peephole_lstm, coupled_lstm, lstm_1997, no_input_gate_lstm, "
    "no_forget_gate_lstm, no_output_gate_lstm, linear_candidate_lstm, linear_output_lstm, "
    "full_gate_lstm, janet, mgu, layer_norm_lstm, projected_lstm, slstm, min_lstm or min_gru"
)

PARAMETER_OF = {  # option -> its name for `Forecaster.set_params`, where that is another one
    "id": "id_column",
    "time": "time_column",
    "past_covariate": "past_covariates",
    "future_covariate": "future_covariates",
    "static_covariate": "static_covariates",
    "weight": "weight_column",
    "quantiles": "output",
    "cell": "network__cell",
    "units": "network__units",
    "num_layers": "network__num_layers",
    "dropout": "network__dropout",
    "encoder": "network__encoder",
    "decoder": "network__decoder",
    "segment_length": "network__segment_length",
    "epochs": "training__epochs",
    "batch_size": "training__batch_size",
    "learning_rate": "training__learning_rate",
    "loss": "training__loss",
    "patience": "training__patience",
    "validation": "training__validation",
    "refit": "training__refit",
    "windows_per_epoch": "training__windows_per_epoch",
    "equal_series": "training__equal_series",
}


def number(text: str | float) -> int | float:
    """A number of steps, or a share; typer hands in the default too, which is a number already."""
    try:
        return int(text) if str(text).isdigit() else float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number.") from None


def levels(text: str) -> list[float]:
    """Levels of quantiles, set apart by commas."""
    return [float(number(level)) for level in text.split(",")]


def features(text: str) -> str | list[str] | None:
    """Features of time: auto, none, or names set apart by commas."""
    return {"auto": "auto", "none": None}.get(text, text.split(","))


def step(text: str) -> str | int:
    """A step as pandas names it, or as an integer."""
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
            help="Column that says which series a row is of, in a long file.",
            show_default="none: a column is a series",
        ),
    ] = None,
    time: Annotated[
        str | None,
        _Option(
            "--time",
            "--time-column",
            metavar="COLUMN",
            help="Column with the times, as ISO 8601 or integers.",
            show_default="the first that no other option names",
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
        list[str], _Covariate(help="Numbers or texts that are known up to now. May be repeated.")
    ] = (),
    future_covariate: Annotated[
        list[str],
        _Covariate(help="Numbers or texts that are known for the horizon too. May be repeated."),
    ] = (),
    static_covariate: Annotated[
        list[str],
        _Covariate(help="Numbers or texts of which each id has one. May be repeated."),
    ] = (),
    weight: Annotated[
        str | None,
        _Option(
            "--weight",
            "--weight-column",
            metavar="COLUMN",
            help="Column that says what each row counts, 0 or more.",
            show_default="all the same",
        ),
    ] = None,
    time_features: Annotated[
        str | None,
        _Option(
            parser=features,
            metavar="NAMES",
            help="Features of the times: auto, none, or such as hour,day_of_week,holidays:DE.",
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
    cell: Annotated[str, _Network(metavar="NAME", help=f"{CELLS}.")] = "gru",
    units: Annotated[int, _Network(min=1, metavar="N", help="Size of each layer's state.")] = 64,
    num_layers: Annotated[
        int, _Network(min=1, metavar="N", help="Recurrent layers on top of each other.")
    ] = 1,
    dropout: Annotated[
        float, _Network(min=0, metavar="SHARE", help="Share of each layer's output dropped.")
    ] = 0.0,
    encoder: Annotated[
        Literal["segments", "steps"], _Network(help="How the window goes in.")
    ] = "segments",
    decoder: Annotated[
        Literal["segments", "dense"], _Network(help="How the horizon comes out.")
    ] = "segments",
    segment_length: Annotated[
        int | None,
        _Network(
            min=1,
            metavar="STEPS",
            help="Steps in a segment.",
            show_default="a season, or a part of it",
        ),
    ] = None,
    epochs: Annotated[int, _Training(min=1, metavar="N", help="The most epochs.")] = 100,
    batch_size: Annotated[
        int, _Training(min=1, metavar="N", help="Windows in a gradient step.")
    ] = 32,
    learning_rate: Annotated[
        float, _Training(metavar="RATE", help="Learning rate of Adam.")
    ] = 1e-3,
    loss: Annotated[
        Literal["auto", "mae", "mse", "pinball"],
        _Training(help="What is minimized: mae or mse for a point, pinball for quantiles."),
    ] = "auto",
    patience: Annotated[
        int,
        _Training(min=1, metavar="EPOCHS", help="Epochs without a better score before it stops."),
    ] = 10,
    validation: Annotated[
        float,
        _Training(
            parser=number,
            metavar="STEPS|SHARE",
            help="The newest rows, which judge and do not train.",
        ),
    ] = 0.2,
    refit: Annotated[
        bool, _Training(metavar="", help="Fit fresh weights on all rows in the end.")
    ] = True,
    windows_per_epoch: Annotated[
        int | None,
        _Training(
            min=1,
            metavar="N",
            help="Windows that an epoch visits, others in each, so that long data take less time.",
            show_default="all",
        ),
    ] = None,
    equal_series: Annotated[
        bool, _Training(metavar="", help="Let every series count the same, not every window.")
    ] = False,
) -> None:
    """Only the signature counts: `takes_parameters` hands it on to commands."""


PARAMETERS = inspect.signature(_declare).parameters


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
        command(**values, parameters=parameters)

    with_parameters.__signature__ = inspect.Signature([*own.values(), *shared.values()])
    return with_parameters


def changed(parameters: dict[str, Any]) -> list[str]:
    """The names of the options among these that are not left at their defaults."""
    return [
        name
        for name, value in parameters.items()
        if value not in (PARAMETERS[name].default, [])  # nothing was typed of what may be repeated
    ]


def typed(name: str) -> str:
    """An option as it is typed."""
    return f"--{name.replace('_', '-')}"


def new_forecaster(parameters: dict[str, Any]) -> "Forecaster":
    """The `Forecaster` that these options describe.

    Raises:
        TypeError, ValueError: if one is not as it must be.
    """
    from forecaster.forecaster import Forecaster
    from forecaster.network.heads import Quantiles

    named = {PARAMETER_OF.get(name, name): value for name, value in parameters.items()}
    named["output"] = "point" if named["output"] is None else Quantiles(named["output"])
    return Forecaster(named.pop("horizon")).set_params(**named)
