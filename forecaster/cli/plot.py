"""Command `forecaster plot`: a picture of forecasts after their history, or of a backtest.

Who owns what: `evaluation/plots.py` draws one series, or one series of a backtest; here is decided
which series are drawn, how much of their history, and how the panels lie in the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from forecaster.cli.common import History, in_a_folder, load_forecaster, there
from forecaster.cli.data_files import read_like_fit
from forecaster.cli.messages import suggestion
from forecaster.cli.options import levels
from forecaster.cli.terminal import say
from forecaster.files.settings import FileOptions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from forecaster.data.series_table import SeriesTable
    from forecaster.forecaster import Forecaster

FORMATS = (".png", ".svg", ".pdf")
MOST = 6  # series that are drawn where none is named
HORIZONS, SEASONS = 4, 2  # of history that are drawn, whichever is longer
WIDTH, HEIGHT = 8.0, 3.8  # inches of a panel; more than ALONE stand in two columns
ALONE, LOW, PAD = 3, 2.9, 0.1
OF_A_BACKTEST = ["series", "cutoff", "step", "time", "actual", "prediction", "naive"]


def picture(file: Path) -> Path:
    """Check that a picture can be written to a file."""
    if file.suffix.lower() not in FORMATS:
        raise typer.BadParameter(f"{file} ends in none of {', '.join(FORMATS)}.")
    in_a_folder(file)
    return file


def plot(
    model: Annotated[
        Path,
        Argument(
            metavar="MODEL",
            callback=there,
            help="Directory that fit or search saved; or a file that backtest --output wrote.",
        ),
    ],
    data: History = None,
    future: Annotated[
        Path | None,
        Option(metavar="FILE.CSV", callback=there, help="Future covariates, as for predict."),
    ] = None,
    quantiles: Annotated[
        Sequence[float] | None,
        Option(
            parser=levels,
            metavar="LEVELS",
            help="Quantiles to draw, such as 0.1,0.5,0.9; two around 0.5 make a band.",
            show_default="all of the fit",
        ),
    ] = None,
    series: Annotated[
        list[str] | None,
        Option(
            metavar="NAME",
            help="Column or id to draw. May be repeated.",
            show_default=f"the first {MOST}; of a backtest, the first",
        ),
    ] = None,
    last: Annotated[
        int | None,
        Option(
            min=1,
            metavar="STEPS",
            help="Steps of history to draw.",
            show_default=f"{HORIZONS} horizons or {SEASONS} seasons",
        ),
    ] = None,
    title: Annotated[
        str | None, Option(metavar="TEXT", help="Text above the picture.", show_default="none")
    ] = None,
    output: Annotated[
        Path,
        Option(
            metavar="FILE.PNG",
            callback=picture,
            help="Picture, as .png, .svg or .pdf; one that is there is replaced.",
        ),
    ] = Path("forecast.png"),
    *,
    reading: FileOptions,
) -> None:
    """Draw forecasts after their history, or a backtest, as a picture.

    Quantiles that the model was fitted with are drawn as bands.
    """
    if model.is_dir():
        forecaster = load_forecaster().load(model)
        history = None if data is None else read_like_fit(data, forecaster, reading)
        known = None if future is None else read_like_fit(future, forecaster, reading)
        figure = _draw_forecasts(forecaster, history, known, quantiles, series, last, title)
    else:
        given = {"DATA.CSV": data, "--future": future, "--quantiles": quantiles, "--last": last}
        if named := [name for name, value in given.items() if value is not None]:
            raise typer.BadParameter(
                f"is a file, not a saved model. Leave out {', '.join(named)}.", param_hint="'MODEL'"
            )
        figure = _draw_backtest(model, series, title)
    _write(figure, output)
    print(f"Picture in {output}")


def _write(figure: Figure, file: Path) -> None:
    from forecaster.utils.files import write_whole

    kind = file.suffix[1:].lower()
    write_whole(file, lambda stream: figure.savefig(stream, format=kind, dpi=200))


def _draw_forecasts(
    forecaster: Forecaster,
    history: pd.DataFrame | Path | None,
    known: pd.DataFrame | Path | None,
    quantiles: Sequence[float] | None,
    series: list[str] | None,
    last: int | None,
    title: str | None,
) -> Figure:
    """Draw a panel for each series that is asked for, with its forecast."""
    from forecaster.evaluation.plots import plot_forecast

    asked = quantiles or list(forecaster._fitted.config.head.levels) or None
    forecast = forecaster.predict(history, future=known, quantiles=asked)
    table = forecaster._history(history)
    rows = max(HORIZONS * forecaster.horizon, SEASONS * forecaster.season_length_)
    names = [_name(label) for label in table.series]
    chosen = _chosen(names, series, MOST)
    figure, panels = _panels(len(chosen), title)
    drawn = dict(
        zip(names, _series_of(table, forecast, asked, rows if last is None else last), strict=True)
    )
    one = "" if table.ids is None or table.num_targets > 1 else f"{table.targets[0]}, "
    of_id = "" if table.ids is None or table.ids.name is None else f"{table.ids.name} "
    for ax, name in zip(panels, chosen, strict=True):
        past, ahead = drawn[name]
        own = title if len(chosen) == 1 and title is not None else f"{one}{of_id}{name}"
        plot_forecast(past, ahead, ax=ax, title=own)
    return figure


def _series_of(
    table: SeriesTable, forecast: pd.DataFrame, quantiles: Sequence[float] | None, last: int
) -> Iterator[tuple[pd.Series, pd.DataFrame]]:
    """Yield the history of each series of a table, and its forecast: a column for each quantile."""
    import pandas as pd

    width = 1 if quantiles is None else len(quantiles)
    columns = None if quantiles is None else pd.Index([float(level) for level in quantiles])
    horizon = len(forecast) // table.num_ids
    # Behind the ids and times are the values: (I * H, S * Q) -> (I, H, S, Q)
    values = forecast.iloc[:, forecast.shape[1] - table.num_targets * width :].to_numpy(float)
    values = values.reshape(table.num_ids, horizon, table.num_targets, width)
    for position, length in enumerate(table.lengths):
        begin = max(0, length - last)
        times = table.times(position, begin, length - begin)
        steps = table.times(position, length, horizon)
        rows = slice(table.offsets[position] + begin, table.offsets[position + 1])
        for target in range(table.num_targets):
            past = pd.Series(table.values[target, rows], times)
            yield past, pd.DataFrame(values[position, :, target], steps, columns)


def _draw_backtest(file: Path, series: list[str] | None, title: str | None) -> Figure:
    """Draw the last forecasts of one series of a backtest, and its error step by step."""
    import pandas as pd
    from matplotlib.figure import Figure

    from forecaster.evaluation.plots import plot_backtest

    rows = _read_backtest(file)
    name = _chosen(list(rows["series"].unique()), series, 1)
    if len(name) > 1:
        raise typer.BadParameter("one series of a backtest is drawn.", param_hint="'--series'")
    rows = rows[rows["series"] == name[0]]
    steps = rows.groupby("step")
    errors = {
        (step, forecast): (own["actual"] - own[forecast]).abs().mean()
        for step, own in steps
        for forecast in ("prediction", "naive")
    }
    scores = pd.Series(errors, name="MAE").rename_axis(["step", "forecast"]).to_frame()
    figure = Figure((11, HEIGHT), layout="constrained")  # not pyplot's, which may want a screen
    axes = figure.subplots(1, 2, width_ratios=[2.4, 1])
    plot_backtest(rows, scores, _apart(rows), title=title or name[0], axes=(axes[0], axes[1]))
    return figure


def _read_backtest(file: Path) -> pd.DataFrame:
    import pandas as pd

    is_parquet = file.suffix == ".parquet"
    rows = pd.read_parquet(file) if is_parquet else pd.read_csv(file, dtype={"series": str})
    missing = [name for name in OF_A_BACKTEST if name not in rows]
    if missing:
        raise ValueError(
            "MODEL must be a saved model, or a file that backtest --output wrote. Received: "
            f"{file}, which has no column {', '.join(missing)}."
        )
    for name in ("cutoff", "time"):
        if pd.api.types.is_string_dtype(rows[name]):
            rows[name] = pd.to_datetime(rows[name], format="ISO8601")
    return rows.assign(series=rows["series"].astype(str))


def _apart(rows: pd.DataFrame, most: int = 3) -> list[Any]:
    """Return the last cutoffs whose forecasts do not overlap, in order."""
    ends = rows.groupby("cutoff")["time"].max()
    chosen: list[Any] = []
    for cutoff, end in reversed(list(ends.items())):
        if len(chosen) < most and (not chosen or end <= chosen[0]):
            chosen.insert(0, cutoff)
    return chosen


def _name(label: Any) -> str:
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _chosen(names: list[str], asked: list[str] | None, most: int) -> list[str]:
    """Return the names of the series to draw: those asked for, or the first ones."""
    if not asked:
        if len(names) > most:
            say("Note", f"{most} of {len(names):,} series are drawn; choose others by --series.")
        return names[:most]
    for name in asked:
        if name not in names:
            some = f"{', '.join(names[:5])}{f' and {len(names) - 5:,} more' * (len(names) > 5)}"
            raise ValueError(
                f"--series must be one of {some}. Received: {name}.{suggestion(name, names)}"
            )
    return list(dict.fromkeys(asked))


def _panels(count: int, title: str | None) -> tuple[Figure, list[Any]]:
    """Make a figure with so many panels below each other, or in two columns."""
    from matplotlib.figure import Figure

    from forecaster.evaluation.plots import INK

    columns = 1 if count <= ALONE else 2
    rows = -(-count // columns)
    height = HEIGHT if rows == 1 else LOW * rows
    figure = Figure((WIDTH * (1 if columns == 1 else 1.6), height))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[count:]:
        ax.set_visible(False)
    if title is not None and count > 1:
        figure.suptitle(title, x=0.01, ha="left", fontsize=14, color=INK)
    figure.set_layout_engine("constrained", w_pad=PAD, h_pad=PAD)
    return figure, list(axes[:count])
