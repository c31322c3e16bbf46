"""The catalog: every fact about the datasets that can be loaded, as data.

A file comes in with the SHA-256 of the bytes that its publisher serves, and with the licence that
stands beside it there. Data under other people's terms are downloaded by the user, never bundled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from .files import BundledFile, RemoteFile
from .readers import read_beijing, read_dated, read_m4

_ETT_URL = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small"
_M4_URL = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset"
_BROWNLEE_URL = "https://raw.githubusercontent.com/jbrownlee/Datasets/master"


@dataclass(frozen=True)
class Dataset:
    """One dataset of the catalog.

    Args:
        description: what was measured, where and when.
        size: rows and columns, or series, for people to read.
        files: what `read` takes, in its order.
        read: makes one frame of the opened files.
        columns: the columns of the frame that `load_dataset` returns.
        freq: step of the time axis, an alias of pandas or, for integer times, an integer.
        season_length: steps in the season that a seasonal naive forecast repeats, 1 for none.
        horizon: steps that are usually forecast. Where the publisher set a test part apart, it is
            the last `horizon` steps of every series.
        licence: the licence as its publisher states it.
        has_split: whether the publisher set a test part apart.
    """

    description: str
    size: str
    files: tuple[BundledFile | RemoteFile, ...]
    read: Callable[..., pd.DataFrame]
    columns: tuple[str, ...]
    freq: str | int
    season_length: int
    horizon: int
    licence: str
    has_split: bool = False

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the URLs of the files; none for a bundled dataset."""
        return tuple(file.url for file in self.files if isinstance(file, RemoteFile))


def _ett(
    file: str, sha256: str, *, transformer: int, freq: str, season_length: int, size: str
) -> Dataset:
    return Dataset(
        description=f"Load and oil temperature of electricity transformer {transformer}, 2016-2018",
        size=size,
        files=(RemoteFile(f"{_ETT_URL}/{file}", sha256),),
        read=read_dated,
        columns=("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"),
        freq=freq,
        season_length=season_length,
        horizon=96,
        licence="CC BY-ND 4.0",
    )


def _m4(
    frequency: str, hashes: tuple[str, str], *, series: str, season_length: int, horizon: int
) -> Dataset:
    return Dataset(
        description=f"M4 competition, the {frequency.lower()} series",
        size=f"{series} series",
        files=tuple(
            RemoteFile(f"{_M4_URL}/{part}/{frequency}-{part.lower()}.csv", sha256)
            for part, sha256 in zip(("Train", "Test"), hashes, strict=True)
        ),
        read=read_m4,
        columns=("unique_id", "ds", "y"),
        freq=1,
        season_length=season_length,
        horizon=horizon,
        licence="none stated",
        has_split=True,
    )


_ett_hourly = partial(_ett, freq="h", season_length=24, size="17,420 rows x 7")
_ett_quarter_hourly = partial(_ett, freq="15min", season_length=96, size="69,680 rows x 7")

CATALOG: dict[str, Dataset] = {
    "air_passengers": Dataset(
        description="Passengers of international airlines, thousands a month, 1949-1960 "
        "(Box & Jenkins, series G)",
        size="144 rows x 1",
        files=(BundledFile("air_passengers.csv"),),
        read=read_dated,
        columns=("passengers",),
        freq="MS",
        season_length=12,
        horizon=12,
        licence="public facts",
    ),
    "ett_h1": _ett_hourly(
        "ETTh1.csv",
        "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        transformer=1,
    ),
    "ett_h2": _ett_hourly(
        "ETTh2.csv",
        "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b",
        transformer=2,
    ),
    "ett_m1": _ett_quarter_hourly(
        "ETTm1.csv",
        "6ce1759b1a18e3328421d5d75fadcb316c449fcd7cec32820c8dafda71986c9e",
        transformer=1,
    ),
    "ett_m2": _ett_quarter_hourly(
        "ETTm2.csv",
        "db973ca252c6410a30d0469b13d696cf919648d0f3fd588c60f03fdbdbadd1fd",
        transformer=2,
    ),
    "m4_hourly": _m4(
        "Hourly",
        (
            "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
            "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
        ),
        series="414",
        season_length=24,
        horizon=48,
    ),
    "m4_weekly": _m4(
        "Weekly",
        (
            "d478d3f6ed673e6ed3c2cb0fbed5425f72eedd51318ebebeb0b5ecfcefc37714",
            "3b2bc4be8e636e802260dcd843ca3c5da40536a1fbe1ecb3229a97dae4f44688",
        ),
        series="359",
        season_length=1,
        horizon=13,
    ),
    "m4_yearly": _m4(
        "Yearly",
        (
            "6aa668d4f04654c0bf5f07b266a51c556f0df2faf4709f852653755396a249e4",
            "6dc2dd45b3af320389e2d3735cb4b3cdf320b63cbcda15d1a17193ab99702306",
        ),
        series="23,000",
        season_length=1,
        horizon=6,
    ),
    "beijing_pm25": Dataset(
        description="Fine dust at the US embassy in Beijing with the weather, 2010-2014; "
        "2,067 hours of pm2.5 are missing",
        size="43,824 rows x 8",
        files=(
            RemoteFile(
                f"{_BROWNLEE_URL}/pollution.csv",
                "892e9559205d16d32623135c127a3951c12e46ea1e0b3093e107ce89a9fd60e2",
            ),
        ),
        read=read_beijing,
        columns=("pm2.5", "DEWP", "TEMP", "PRES", "cbwd", "Iws", "Is", "Ir"),
        freq="h",
        season_length=24,
        horizon=24,
        licence="UCI (CC BY 4.0)",
    ),
    "min_temperatures": Dataset(
        description="Daily minimum temperature in Melbourne, 1981-1990; "
        "31 December is missing in leap years",
        size="3,650 rows x 1",
        files=(
            RemoteFile(
                f"{_BROWNLEE_URL}/daily-min-temperatures.csv",
                "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
            ),
        ),
        read=read_dated,
        columns=("Temp",),
        freq="D",
        season_length=365,
        horizon=7,
        licence="none stated",
    ),
    "sunspots": Dataset(
        description="Monthly mean number of sunspots, 1749-1983",
        size="2,820 rows x 1",
        files=(
            RemoteFile(
                f"{_BROWNLEE_URL}/monthly-sunspots.csv",
                "c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3",
            ),
        ),
        read=read_dated,
        columns=("Sunspots",),
        freq="MS",
        season_length=1,
        horizon=12,
        licence="none stated",
    ),
}
