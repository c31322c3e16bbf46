"""Search space: the default one, narrowed or widened by `space`.

A space is any function ``(hp) -> dict``: it asks keras-tuner's `HyperParameters` for values, and
returns them by the names of `Forecaster.set_params`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any, TypeAlias

from keras_tuner import HyperParameters

from forecaster.inputs.spec import WindowSpec
from forecaster.network.cells import CELLS
from forecaster.network.core import default_segment_length
from forecaster.network.heads import as_output
from forecaster.utils.checks import check_choice

SpaceFunction = Callable[[HyperParameters], dict[str, Any]]
Range: TypeAlias = list | tuple | str | int | float | None

# A new field of a spec joins the default space by one line.
RANGES: dict[str, Range] = {
    "network__cell": [*CELLS],
    "network__units": (16, 128),
    "network__num_layers": [1, 2],
    "network__dropout": [0.0, 0.1, 0.2, 0.3],
    "network__decoder": ["segments", "dense"],
    "normalization": ["last", "standard"],
    "training__learning_rate": (3e-4, 1e-2),
    "training__batch_size": (16, 128),
}
# Parameters that are active only where another one has one of the values.
CONDITIONS: dict[str, tuple[str, list[str]]] = {
    "network__segment_length": ("network__encoder", ["segments"])
}
# Parameters with ranges that depend on the data, which `Space.for_data` adds.
OF_DATA = (
    "input_length",
    "network__encoder",
    "network__segment_length",
    "training__loss",
)
PARAMETERS = (*RANGES, *OF_DATA)  # parents of `CONDITIONS` come before what depends on them
LONGEST_STEPWISE = 100  # steps of a window up to which the encoder "steps" is in the space


def space(
    *,
    cells: Range = None,
    units: Range = None,
    num_layers: Range = None,
    dropout: Range = None,
    encoders: Range = None,
    decoders: Range = None,
    segment_lengths: Range = None,
    input_lengths: Range = None,
    normalizations: Range = None,
    losses: Range = None,
    learning_rate: Range = None,
    batch_size: Range = None,
) -> Space:
    """Make the default space of a search, narrowed or widened.

    Each argument is a list of choices; a pair ``(low, high)``, sampled on a logarithmic scale (of
    integers low, 2 low, 4 low and so on up to high); or a fixed value. None is the default below.

    Args:
        cells: every registered cell.
        units: (16, 128).
        num_layers: [1, 2].
        dropout: [0.0, 0.1, 0.2, 0.3].
        encoders: "segments" and, where windows have no more than 100 steps, "steps".
        decoders: ["segments", "dense"].
        segment_lengths: 1/2, 1 and 2 times the default of `RecurrentNetwork`, where the encoder
            reads segments.
        input_lengths: 1/3, 2/3, 1, 3/2, 2 and 3 times that of the template, but no more than half
            of the rows that the first fold is fitted on.
        normalizations: ["last", "standard"].
        losses: all that fit the template's output.
        learning_rate: (3e-4, 1e-2).
        batch_size: (16, 128).

    Returns:
        A space: a function of keras-tuner's `HyperParameters`. Extend it by calling it:
        ``lambda hp: space()(hp) | {"time_features": None}``; then `encoders`, `segment_lengths`,
        `input_lengths` and `losses`, whose defaults depend on the data, are not searched.

    Raises:
        TypeError: if an argument is none of the above.
        ValueError: if a list is empty, or a pair is not in order and above 0.

    Example:
        >>> narrow = space(cells=["lstm", "peephole_lstm"], units=(16, 64), dropout=0.0)
        >>> narrow(HyperParameters())["network__units"]
        16
    """
    layers = {"cell": cells, "units": units, "num_layers": num_layers, "dropout": dropout}
    coders = {"encoder": encoders, "decoder": decoders, "segment_length": segment_lengths}
    training = {"loss": losses, "learning_rate": learning_rate, "batch_size": batch_size}
    return _space_of(
        {f"network__{name}": values for name, values in (layers | coders).items()}
        | {"input_length": input_lengths, "normalization": normalizations}
        | {f"training__{name}": values for name, values in training.items()}
    )


def _space_of(asked: Mapping[str, Range]) -> Space:
    """Make a space of ranges by the names of parameters; None is the default range."""
    ranges = RANGES | {name: values for name, values in asked.items() if values is not None}
    cells = ranges["network__cell"]
    for cell in cells if isinstance(cells, list | tuple) else [cells]:
        check_choice("cells", cell, tuple(CELLS))
    return Space({name: _range(name, ranges[name]) for name in asked if name in ranges})


@dataclass(frozen=True)
class Space:
    """Search space of ranges, as a function of keras-tuner's `HyperParameters`.

    Args:
        ranges: by the names of `Forecaster.set_params`, as `space` takes them; parents of
            `CONDITIONS` before what depends on them.
        start: the default values, as far as the ranges have them.
        left_out: parameters that stay as the template has them, whatever the data.
    """

    ranges: Mapping[str, Range]
    start: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    def __call__(self, hp: HyperParameters) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in self.ranges:
            if (value := self._value(hp, name, values)) is not None:
                values[name] = value
        return values

    def without(self, names: Collection[str]) -> Space:
        """Return the space with some parameters left as the template has them."""
        ranges = {name: values for name, values in self.ranges.items() if name not in names}
        return replace(self, ranges=ranges, left_out=self.left_out | {*names})

    def for_data(self, parameters: Mapping[str, Any], spec: WindowSpec, rows: int) -> Space:
        """Add ranges that depend on the data, and the template's values as defaults.

        Args:
            parameters: of the template, as `get_params()` gives them.
            spec: the shapes of the template's windows.
            rows: number of rows that the first fold is fitted on.
        """
        season, length = spec.season_length, spec.input_length
        part, losses = default_segment_length(season), as_output(parameters["output"]).losses
        lengths = {
            max(length * sixths // 6 // season, 1) * season for sixths in (2, 4, 6, 9, 12, 18)
        }
        of_data: dict[str, list[Any]] = {
            "input_length": sorted({n for n in lengths if n <= rows // 2} | {length}),
            "network__encoder": ["segments", "steps"][: 1 if length > LONGEST_STEPWISE else 2],
            "network__segment_length": sorted({max(part // 2, 1), part, 2 * part}),
            "training__loss": [*losses],
        }
        found = {
            name: values
            for name, values in of_data.items()
            if len(values) > 1 and name not in {*self.ranges, *self.left_out}
        }
        start: dict[str, Any] = {**parameters, "input_length": length}
        for name, stands_for in (("network__segment_length", part), ("training__loss", losses[0])):
            if start.get(name) in (None, "auto"):
                start[name] = stands_for
        ranges: dict[str, Range] = {**found, **self.ranges}
        return replace(self, ranges={n: ranges[n] for n in PARAMETERS if n in ranges}, start=start)

    def _value(self, hp: HyperParameters, name: str, values: Mapping[str, Any]) -> Any:
        """Return the value of a parameter; None where it is not active."""
        if name not in CONDITIONS or CONDITIONS[name][0] not in values:
            return self._declared(hp, name)
        parent, wanted = CONDITIONS[name]
        if not _is_free(self.ranges[parent]):
            return self._declared(hp, name) if values[parent] in wanted else None
        with hp.conditional_scope(parent, wanted):
            return self._declared(hp, name)

    def _declared(self, hp: HyperParameters, name: str) -> Any:
        """Ask `hp` for the value of a parameter, unless it is fixed."""
        values, start = self.ranges[name], self.start.get(name)
        if isinstance(values, list) and len(values) > 1:
            return hp.Choice(name, values, default=start if start in values else None)
        if not isinstance(values, tuple):
            return values[0] if isinstance(values, list) else values
        low, high = values
        is_inside = start is not None and low <= start <= high
        return hp.Float(name, low, high, sampling="log", default=start if is_inside else None)


def _is_free(values: Range) -> bool:
    """Return whether a range leaves anything to choose."""
    return isinstance(values, tuple) or (isinstance(values, list) and len(values) > 1)


def _range(name: str, values: Range) -> Range:
    """Check a range, and write out pairs of integers as choices."""
    if isinstance(values, list):
        if not values or len({type(value) for value in values}) > 1:
            raise ValueError(
                f"`{name}` must list choices of one type. Received: {name}={values!r}."
            )
    elif isinstance(values, tuple):
        is_pair = len(values) == 2 and all(isinstance(value, Real) for value in values)
        if not (is_pair and 0 < values[0] < values[1]):
            raise ValueError(
                f"`{name}` must be a list of choices, a pair (low, high) with 0 < low < high, "
                f"or the only value. Received: {name}={values!r}. For choices write a list."
            )
        low, high = values
        if all(isinstance(value, Integral) for value in values):
            doublings = int(math.log2(high / low))
            return [int(low) * 2**power for power in range(doublings + 1)]
    return values
