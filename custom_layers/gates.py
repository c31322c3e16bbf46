"""What a member of the LSTM family is, as data: its gates, what they see, how they are tied.

The recurrence in `gated.py` reads this description; so does whoever lays out weights, because the
order of the gates in every weight follows from it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Keras's order of the blocks in a fused kernel: i, f, g, o.
BLOCKS = ("input", "forget", "candidate", "output")


@dataclass(frozen=True)
class Gates:
    """The gates of one LSTM cell.

    Use it to define a new member of the family: a subclass of `GatedCell` has one as its `gates`.
    Without arguments it describes the LSTM of `keras.layers.LSTM`.

    Args:
        coupled: True ties the forget gate to the input gate, f = 1 - i. The forget gate then has
            no weights of its own and is left out of every layout. Default: False.
        peepholes: Names of the gates that see the cell state, out of `names`, in any order.
            Default: none.

    Raises:
        TypeError: `peepholes` is a string, or cannot be iterated over.
        ValueError: `peepholes` names something that is not one of `names`, or names a gate twice.

    Example:
        >>> gates = Gates(coupled=True, peepholes=["output", "input"])
        >>> gates.blocks
        ('input', 'candidate', 'output')
        >>> gates.peepholes
        ('input', 'output')
    """

    coupled: bool = False
    peepholes: Sequence[str] = ()

    def __post_init__(self):
        if isinstance(self.peepholes, str) or not isinstance(self.peepholes, Iterable):
            raise TypeError(
                "`peepholes` must be a sequence of gate names. "
                f"Received: peepholes={self.peepholes!r}. "
                'Write peepholes=("input",) for one gate, peepholes=() for none.'
            )
        seeing = list(self.peepholes)
        if any(name not in self.names or seeing.count(name) > 1 for name in seeing):
            raise ValueError(
                f"`peepholes` must name gates out of {self.names}, each at most once. "
                f"Received: peepholes={seeing}. "
                "Other gates do not exist here or have no weights; write peepholes=() for none."
            )
        ordered = tuple(name for name in self.names if name in seeing)
        object.__setattr__(self, "peepholes", ordered)  # the way to set a field of a frozen class

    @property
    def blocks(self) -> tuple[str, ...]:
        """Order of the blocks, `units` columns each, in `kernel`, `recurrent_kernel` and `bias`."""
        return tuple(name for name in BLOCKS if not (self.coupled and name == "forget"))

    @property
    def names(self) -> tuple[str, ...]:
        """Gates that have weights of their own, in the order of the rows of `peephole_kernel`."""
        return tuple(name for name in self.blocks if name != "candidate")

    @property
    def remembering_bias(self) -> tuple[str, float]:
        """The gate, and its bias, with which an untrained cell keeps most of its state.

        Both cases start from f = sigmoid(1): a coupled cell gets there by 1 - sigmoid(-1).
        """
        return ("input", -1.0) if self.coupled else ("forget", 1.0)
