"""The description of a member of the LSTM family: its gates, their inputs and couplings.

The recurrence in `gated.py` reads this description; so does whoever lays out weights, because the
order of the gates in every weight follows from it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

GateName = Literal["input", "forget", "output"]
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
        open: Names of the gates that let everything through: they are 1, have no weights, and are
            left out of every layout. Default: none.
        peepholes: Names of the gates that see the cell state, out of `names`, in any order.
            Default: none.

    Raises:
        TypeError: `open` or `peepholes` is a string, or cannot be iterated over.
        ValueError: `open` names something else than an input, forget or output gate that stands
            alone; `peepholes` names something that is not one of `names`; or either names
            a gate twice.

    Example:
        >>> gates = Gates(coupled=True, peepholes=["output", "input"])
        >>> gates.blocks
        ('input', 'candidate', 'output')
        >>> gates.peepholes
        ('input', 'output')
        >>> Gates(open=["forget"]).names
        ('input', 'output')
    """

    coupled: bool = False
    open: Sequence[str] = ()
    peepholes: Sequence[str] = ()

    def __post_init__(self):
        # `object.__setattr__` is the way to set a field of a frozen class.
        alone = ("output",) if self.coupled else ("input", "forget", "output")
        object.__setattr__(self, "open", _ordered("open", self.open, alone))
        object.__setattr__(self, "peepholes", _ordered("peepholes", self.peepholes, self.names))

    @property
    def blocks(self) -> tuple[str, ...]:
        """Return the order of the blocks, `units` columns each, in kernels and bias."""
        missing = {*self.open, *(["forget"] if self.coupled else [])}
        return tuple(name for name in BLOCKS if name not in missing)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the gates that have weights, in the order of the rows of `peephole_kernel`."""
        return tuple(name for name in self.blocks if name != "candidate")

    @property
    def remembering_bias(self) -> dict[str, float]:
        """Return by gate the bias with which an untrained cell keeps most of its state.

        Both cases start from f = sigmoid(1): a coupled cell gets there by 1 - sigmoid(-1). Without
        a forget gate there is nothing to set.
        """
        if self.coupled:
            return {"input": -1.0}
        return {} if "forget" in self.open else {"forget": 1.0}

    @property
    def chrono_signs(self) -> dict[str, float]:
        """Return by gate the sign with which chrono initialization puts log(lag) into its bias."""
        if self.coupled:
            return {"input": -1.0}
        if "forget" in self.open:
            return {}
        return {"forget": 1.0} if "input" in self.open else {"input": -1.0, "forget": 1.0}


def _ordered(argument: str, names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Check that `names` are out of `known`, and return them in that order."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(
            f"`{argument}` must be a sequence of gate names. "
            f"Received: {argument}={names!r}. "
            f'Write {argument}=("output",) for one gate, {argument}=() for none.'
        )
    names = list(names)
    if any(name not in known or names.count(name) > 1 for name in names):
        raise ValueError(
            f"`{argument}` must name gates out of {tuple(known)}, each at most once. "
            f"Received: {argument}={names}. "
            f"Other gates do not exist here or have no weights; write {argument}=() for none."
        )
    return tuple(name for name in known if name in names)
