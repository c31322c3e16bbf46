"""Attention of a decoder to the states of a recurrent encoder."""

import math
from typing import Literal, Unpack, get_args

import keras
from keras import ops
from keras.saving import register_keras_serializable

from custom_layers.arguments import check_inputs, check_mask, check_units
from custom_layers.signatures import FullSignature, Initializer, LayerArguments, Regularizer

Score = Literal["additive", "dot"]
SCORES = get_args(Score)


@register_keras_serializable(package="custom_layers")
class Attention(keras.layers.Layer):
    """Weighted averages of an encoder's states, the weights learned from a decoder's states.

    Use it between a recurrent encoder with `return_sequences=True` and a decoder: each state of the
    decoder (the query) gets an average of the encoder's states (the memory), and the weights tell
    which steps it came from. For query q and memory m_1, m_2, ...:

        e_j = v tanh(W q + R m_j)               score="additive"
        e_j = (W q) (R m_j) / sqrt(units)       score="dot"
        a = softmax(e), over the steps that the mask shows
        context = sum of a_j m_j

    Keras's own layers are made for other uses: `keras.layers.Attention` and
    `keras.layers.AdditiveAttention` have no W and R, so that query and memory must be of one size
    and space; `keras.layers.MultiHeadAttention` projects the values too, knows no additive score,
    and projects the memory anew in each call, which a decoder that goes step by step pays for at
    every step (see `keys`). In each of them a memory that is masked everywhere gets an average of
    what the mask hides; here it gets zeros.

    Weights: `query_kernel` W (query features, units), `key_kernel` R (memory features, units) and,
    with the additive score, `score_kernel` v (units).

    Args:
        units: Size of the space in which query and memory are compared, an int above 0.
        score: "additive" or "dot". Default: "additive".
        kernel_initializer: Initializer of all weights. Default: "glorot_uniform".
        kernel_regularizer: Regularizer of all weights. Default: None.
        name, dtype, trainable: As in every Keras layer.

    Call arguments:
        query: (batch, queries, query features), float; states of the decoder.
        memory: (batch, time, memory features), float; states of the encoder.
        memory_mask: (batch, time), boolean; False hides a step. Default: None, the mask that Keras
            carries along with `memory`, if there is one.
        keys: `keys(memory)`, where that is at hand. Default: None, computed here.
        return_attention_scores: Whether to return the weights too. Default: False.

    Returns:
        The context, (batch, queries, memory features), in the compute dtype; with
        `return_attention_scores` a tuple of that and the weights a, (batch, queries, time).

    Raises:
        ValueError: `units` is not a positive int, or `score` is neither "additive" nor "dot". In
            a call, `query`, `memory` or `keys` has another rank than 3, another size than before or
            no step, or `memory_mask` is not (batch, time).
        TypeError: In a call, `query`, `memory` or `keys` is not of real floating-point numbers.

    Example:
        >>> import keras
        >>> from custom_layers import Attention
        >>> encoded, decoded = keras.ops.zeros((2, 96, 32)), keras.ops.zeros((2, 24, 16))
        >>> context, weights = Attention(8)(decoded, encoded, return_attention_scores=True)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 24, 32), (2, 24, 96))

    Source:
        Additive: Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align
        and Translate", ICLR 2015, section 3.1 and appendix A.1.2. Dot: Luong, Pham and Manning,
        "Effective Approaches to Attention-based Neural Machine Translation", EMNLP 2015, score
        "general", whose matrix is W'R here; divided by sqrt(units) as in Vaswani et al., "Attention
        Is All You Need", NeurIPS 2017.
    """

    __signature__ = FullSignature()

    def __init__(
        self,
        units: int,
        *,
        score: Score = "additive",
        kernel_initializer: Initializer = "glorot_uniform",
        kernel_regularizer: Regularizer = None,
        **layer_arguments: Unpack[LayerArguments],
    ) -> None:
        check_units(units)
        if score not in SCORES:
            raise ValueError(
                f"`score` must be one of {SCORES}. Received: score={score!r}. "
                "Leave it out for the additive one."
            )
        super().__init__(**layer_arguments)
        self.units = int(units)
        self.score = score
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.supports_masking = True  # the mask of the queries goes on with the context

    def build(self, query_shape, memory_shape):
        def weight(name, *shape):
            initializer = self.kernel_initializer
            if isinstance(initializer, keras.Initializer):
                initializer = initializer.clone()  # one object would give all weights one draw
            return self.add_weight(
                shape=shape,
                name=name,
                initializer=initializer,
                regularizer=self.kernel_regularizer,
            )

        self.query_kernel = weight("query_kernel", query_shape[-1], self.units)
        self.key_kernel = weight("key_kernel", memory_shape[-1], self.units)
        self.score_kernel = None
        if self.score == "additive":
            self.score_kernel = weight("score_kernel", self.units)

    def keys(self, memory):
        """Project the memory into the space in which it is compared with queries.

        Use it in a decoder that queries at each of its steps, to compute this once and pass it on.

        Args:
            memory: As in a call.

        Returns:
            (batch, time, units).
        """
        return ops.matmul(memory, self.key_kernel)

    def call(self, query, memory, memory_mask=None, keys=None, return_attention_scores=False):
        _check_sequence("query", query, self.query_kernel.shape[0])
        _check_sequence("memory", memory, self.key_kernel.shape[0])
        check_mask(memory_mask, memory, "memory")
        if keys is None:
            keys = self.keys(memory)
        else:
            _check_sequence("keys", keys, self.units)

        scores = self._scores(ops.matmul(query, self.query_kernel), keys)  # (B, Q, T)
        if memory_mask is None:
            weights = ops.softmax(scores)
        else:
            seen = ops.expand_dims(ops.cast(memory_mask, "bool"), 1)  # (B, T) -> (B, 1, T)
            lowest = -3e4 if self.compute_dtype == "float16" else -1e9
            # The second `where` is for a memory that is hidden altogether.
            weights = ops.where(seen, ops.softmax(ops.where(seen, scores, lowest)), 0.0)
        context = ops.matmul(weights, memory)  # (B, Q, T), (B, T, M) -> (B, Q, M)
        return (context, weights) if return_attention_scores else context

    def _scores(self, query, keys):
        """Score each query against each key: (B, Q, U), (B, T, U) -> (B, Q, T)."""
        if self.score == "dot":
            return ops.matmul(query, ops.swapaxes(keys, 1, 2)) / math.sqrt(self.units)
        both = ops.expand_dims(query, 2) + ops.expand_dims(keys, 1)  # (B, Q, T, U)
        return ops.matmul(ops.tanh(both), self.score_kernel)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "score": self.score,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


def _check_sequence(name, tensor, size):
    if len(tensor.shape) != 3 or tensor.shape[-1] != size:
        raise ValueError(
            f"`{name}` must have the shape (batch, steps, {size}). "
            f"Received: shape={tuple(tensor.shape)}. "
            "Return the states of every step, or make one step of it with keras.ops.expand_dims."
        )
    check_inputs(tensor, name)
