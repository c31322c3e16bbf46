"""Specification of the usual core network, from which `core.py` builds its layers.

Nothing here loads Keras before a core is built, so that the command line can read the fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from forecaster.utils.fields import AtLeast, Share, check_fields

if TYPE_CHECKING:
    import keras

    from forecaster.inputs.spec import WindowSpec

# The names in cells.py, which loads Keras, repeated for editors and for the command line's help.
Cell = Literal[
    "simple_rnn",
    "lstm",
    "gru",
    "peephole_lstm",
    "coupled_lstm",
    "lstm_1997",
    "no_input_gate_lstm",
    "no_forget_gate_lstm",
    "no_output_gate_lstm",
    "linear_candidate_lstm",
    "linear_output_lstm",
    "full_gate_lstm",
    "janet",
    "mgu",
    "layer_norm_lstm",
    "projected_lstm",
    "slstm",
    "min_lstm",
    "min_gru",
]


@dataclass(frozen=True)
class RecurrentNetwork:
    """Recurrent encoder over the window, and a decoder for all steps of the horizon at once.

    Use it as a strong default. A segment is a run of steps fed to the recurrent layers as one
    input: with a day of hours as one input, a two-week window is a sequence of 14, which trains
    quickly and forgets little.

        segments encoder   x_k = relu(W [past, observed, past covariates of segment k; static] + b)
        steps encoder      x_k = [past, observed, past covariates of step k; static]
                           h_k = cell(x_k, h_{k-1})
        segments decoder   forecast of segment m = V cell(q_m, h_n) + v, all m in parallel,
                           with the query q_m = p_m + Q future covariates of segment m + S static
        dense decoder      forecast = V [h_n; static; future covariates of all steps] + v
        either one         + E relu(C [h_n; static] + F future covariates of step t + c) + e, for
                           each step t of the horizon (covariate skip connection)

    Absent inputs drop out of the formula; without future covariates there is no skip connection. It
    maps a step's own covariates to its forecast with the same weights for all steps, which learns
    much faster from few data; the covariates of other steps act through the decoder.

    Args:
        cell: name of the recurrent layers: "simple_rnn", "lstm", "gru", or any name that
            `custom_layers` registers.
        units: size of each layer's state, at least 1.
        num_layers: number of stacked recurrent layers, at least 1.
        dropout: share of each layer's output dropped in training, from 0 up to below 1.
        encoder: inputs of the recurrent layers, "segments" or "steps".
        decoder: outputs for the horizon, by "segments" or one "dense" layer.
        segment_length: steps in a segment, at least 1; None is one season, or the largest
            divisor of it that is at most 48 steps.

    Call arguments:
        spec: shapes and seed; see `WindowSpec`.

    Returns:
        A Keras model from ``{"past", "observed"}`` (B, L, S'), ``past_covariates`` (B, L, P),
        ``future_covariates`` (B, H, F) and ``static`` (B, K), the last three where their width in
        `spec` is above 0, to (B, H, S' * head_width), all in normalized units.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if an argument lies outside its range.

    Example:
        >>> from forecaster import WindowSpec
        >>> core = RecurrentNetwork("peephole_lstm", units=32)(WindowSpec(36, 12, season_length=12))
        >>> core.output_shape
        (None, 12, 1)

    Source: Lin et al. 2023, "SegRNN: Segment Recurrent Neural Network for Long-Term Time Series
        Forecasting". Here any cell will do, the position embedding p_m stands alone (no channel
        embedding), and the normalization is that of `InstanceNormalization`. Das et al. 2023,
        "Long-term Forecasting with TiDE", section 4.2, for a decoder of single steps with their
        covariates; there it is the last layer, here it is added to one.
    """

    cell: Cell = "gru"
    units: Annotated[int, AtLeast(1)] = 64
    num_layers: Annotated[int, AtLeast(1)] = 1
    dropout: Annotated[float, Share()] = 0.0
    encoder: Literal["segments", "steps"] = "segments"
    decoder: Literal["segments", "dense"] = "segments"
    segment_length: Annotated[int, AtLeast(1)] | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, spec: WindowSpec) -> keras.Model:
        from forecaster.network.core import CoreBuilder  # loads Keras

        return CoreBuilder(self, spec).build()
