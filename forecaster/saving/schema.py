"""Schema of `manifest.json`, which reads as the documentation of the format.

A key that artifacts of today lack is a line in an `optional` of its record, so that they go on
loading. What a schema cannot say, that the parts agree with each other, is checked in manifest.py.
"""

from __future__ import annotations

from forecaster.data.covariates import COVARIATE_ROLES
from forecaster.inputs.spec import INPUT_OF_ROLE
from forecaster.network.guards import POLICIES
from forecaster.network.normalization import NORMALIZATIONS
from forecaster.network.recurrent import RecurrentNetwork
from forecaster.training.settings import Training
from forecaster.utils.schema import (
    Choice,
    FieldsOf,
    Integer,
    Items,
    Label,
    Nullable,
    Number,
    OneOf,
    Record,
    Table,
    Tagged,
    Text,
)

FORMAT_VERSION = 2  # increased by every change that an earlier version cannot load

STEPS = Integer(1, 2**20)  # of a window, a horizon or a season; no network reads a million
COLUMNS = Integer(0, 10**6)
FLAG = Choice(True, False)
ANY_NUMBER = OneOf({int: Number(), float: Number(), str: Choice("nan", "inf", "-inf")})
FREQ = OneOf({str: Text(r"[A-Za-z0-9 .:_-]{1,60}"), int: Integer(1)})
ZONE = Text(r"(?!dateutil)[A-Za-z0-9_+:-]+(/[A-Za-z0-9_+-]+){0,3}")  # a name, never a path
LABELS = Items(Label())
CATEGORIES = Nullable(LABELS)  # null for a column of numbers

NETWORK = OneOf(
    {
        str: Text(),  # name of a cell
        dict: Tagged(
            "kind",
            {
                "RecurrentNetwork": FieldsOf(RecurrentNetwork),
                "SavedNetwork": Record({"config": Text()}),  # JSON of Keras: see network/guards.py
            },
        ),
    }
)

PARAMETERS = Record(
    {
        "target": OneOf({list: LABELS, dict: Record({"label": Label()})}),
        **{name: Label() for name in ("id_column", "time_column", "weight_column")},
        **{role: LABELS for role in COVARIATE_ROLES},
        "freq": Nullable(FREQ),
        "horizon": STEPS,
        "input_length": Nullable(STEPS),
        "season_length": Nullable(STEPS),
        "time_features": Nullable(OneOf({str: Text(), list: Items(Text())})),
        "channels": Choice("independent", "joint"),
        "normalization": Choice(*NORMALIZATIONS),
        "network": NETWORK,
        "output": OneOf({str: Choice("point"), list: Items(Number(), at_least=1)}),
        "training": FieldsOf(Training),
        "seed": Integer(0, 2**32 - 1),
    },
)
SPEC = Record(
    {
        **dict.fromkeys(("input_length", "horizon", "season_length"), STEPS),
        **dict.fromkeys(("channels", "head_width"), Integer(1, COLUMNS.high)),
        "seed": Integer(0, 2**32 - 1),
    },
    optional=dict.fromkeys(INPUT_OF_ROLE.values(), COLUMNS),
)
CODED_COLUMN = Record(
    {"label": Label(), "categories": CATEGORIES},
    optional={"location": Number(), "scale": Number()},  # of a number
)
COVARIATES = Record(
    {
        **dict.fromkeys(("past", "future", "static"), Items(CODED_COLUMN)),
        "time_features": Record(
            {
                "names": Items(Text()),
                "transitions": Items(Integer(-(2**40), 2**40)),  # unix seconds
                "offsets": Items(Integer(-(2**20), 2**20), at_least=1),  # seconds ahead of UTC
                "holidays": Table(Items(Integer(-(2**20), 2**20))),  # days since 1970-01-01
            }
        ),
    }
)
LAYOUT = Record(  # of the table of the last rows: see data/table_json.py
    {
        "kind": Choice("datetime", "period", "integer"),
        "freq": FREQ,
        "unit": Nullable(Choice("s", "ms", "us", "ns")),
        "tz": Nullable(ZONE),
        "starts": Items(
            OneOf({str: Text(r"[0-9TZ:.+ -]{4,40}"), int: Integer(-(2**62), 2**62)}), 1
        ),
        "offsets": Items(Integer(0, 2**48), at_least=2),
        "targets": Items(Label(), at_least=1),
        "target_names": Items(Label(), at_least=1),
        "time_name": Label(),
        "time_column": FLAG,
        "ids": Nullable(LABELS),
        "id_name": Label(),
        "id_column": FLAG,
        **dict.fromkeys(
            COVARIATE_ROLES, Record({"names": LABELS, "categories": Items(CATEGORIES)})
        ),
    },
)
INPUT = Record(  # of the graph: see saving/serving.py
    {"dtype": Text(), "shape": Items(Nullable(Integer(0)))},
    optional={
        "kind": Choice("time"),
        "columns": Items(
            Record(
                {"name": Label(), "kind": Choice("number", "category")},
                optional={"categories": LABELS},
            )
        ),
    },
)
SCHEMA = Record(
    {
        "format_version": Integer(1, FORMAT_VERSION),
        "parameters": PARAMETERS,  # of the Forecaster
        "spec": SPEC,  # of the windows
        "covariates": COVARIATES,  # columns and categories of the fit, and its time features
        "freq": FREQ,
        "columns": Items(Text()),  # the targets, for people and other programs
        "quantiles": Items(Number()),
        "fit": Record(  # losses and scores, an entry an epoch
            {
                "loss": Items(ANY_NUMBER),
                "validation_score": Items(ANY_NUMBER),
                "naive_score": ANY_NUMBER,
            }
        ),
        "layout": LAYOUT,
        "versions": Table(Text()),
        "files": Table(Text(r"[0-9a-f]{64}")),  # SHA-256 of every other file
    },
    optional={
        "sizes": Table(Integer(0)),  # their numbers of bytes
        "serving_default": Record({"inputs": Table(INPUT), "kinds": Table(Text())}),
        "dtype_policy": Choice(*POLICIES),  # that Keras had when the network was built
        "spreads": Nullable(Items(Items(Nullable(Number())))),  # of each target of each id
    },
)
