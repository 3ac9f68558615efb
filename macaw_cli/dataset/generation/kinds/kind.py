"""What a kind of example is: its instruction to the writing model, and the check of what comes back."""

from collections.abc import Callable
from dataclasses import dataclass

from macaw_cli.dataset.generation.pair import Pair


def _anything(pair: Pair) -> str:
    del pair
    return ""


@dataclass(frozen=True, slots=True)
class ExampleKind:
    """One kind of example.

    Attributes:
        name: as in `generation.want` and in the conversations' `kind`.
        instruction: what the model is asked to write; `{pairs}` stands for the number of pairs and `{medium}` for what
            the item is, such as "image".
        most_pairs: in one request, whatever `generation.pairs` says.
        multi_turn: the pairs of one reply are the turns of one conversation.
        fault: why a pair is not of this kind; empty when it is.
        side: which of `sides` a pair belongs to.
        sides: a quota is divided equally among them.
    """

    name: str
    instruction: str
    most_pairs: int = 100
    multi_turn: bool = False
    fault: Callable[[Pair], str] = _anything
    side: Callable[[Pair], str] = _anything
    sides: tuple[str, ...] = ("",)
