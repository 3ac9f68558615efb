"""What an injection is: a module that changes the hidden states inside the LLM's layers, by hooks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

from torch import Tensor, nn

from macaw_cli.model.injections.bound_media import BoundMedia

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class Injection(nn.Module):
    """One design of an injection.

    It is attached to the LLM once. Media are bound before every call of the LLM, for training, scoring and each decode
    step alike: see `bound`. Its parameters are a group of their own. At initialisation it changes nothing: the LLM's
    logits are the same to the bit. Every module that owns parameters is called exactly once per call of the LLM,
    whether there are media or not: under ZeRO-3 the calls of all ranks have to be the same.
    """

    takes_media: ClassVar[bool] = True
    """Whether media reach the LLM through this injection alone: a medium then takes one position of the input."""

    def __init__(self) -> None:
        super().__init__()
        self._media: BoundMedia | None = None
        self._offset = 0
        self._visible: dict[tuple[int, int], Tensor] = {}

    @classmethod
    def from_config(cls, config: "MacawConfig") -> Self:
        """An injection with initial weights for the sizes in `config`.

        Raises:
            UsageError: the sizes do not fit this design.
        """
        raise NotImplementedError

    @staticmethod
    def extra_memory(
        config: "MacawConfig", tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False
    ) -> float:
        """Bytes that a forward pass keeps for the backward pass; 0 by default.

        Args:
            config: of the model.
            tokens: T, positions of the pass.
            soft_tokens: S, of all media in the pass.
            value_bytes: of one number in the precision of the training.
            recomputed: whether the LLM's layers are computed again in the backward pass (gradient checkpointing).
        """
        return 0.0

    @staticmethod
    def extra_operations(config: "MacawConfig", tokens: int, media: Sequence[int]) -> float:
        """Floating point operations that a forward pass over one example needs; 0 by default.

        Args:
            config: of the model.
            tokens: T, positions of the example.
            media: soft tokens of each of its media.
        """
        return 0.0

    def attach(self, llm: nn.Module) -> None:
        """Hook this injection into the layers of an LLM, without changing its parameters or their names.

        Raises:
            MismatchError: the LLM has not the layers that this design needs.
        """
        raise NotImplementedError

    def bind(self, media: BoundMedia, offset: int) -> None:
        """Let the layers see these media.

        Args:
            media: of all positions so far.
            offset: positions in the cache, before those that are computed now.
        """
        self._media, self._offset, self._visible = media, offset, {}

    def release(self) -> None:
        """Forget the media."""
        self._media, self._visible = None, {}

    @property
    def is_bound(self) -> bool:
        """Whether there are media to see; an LLM that is called by itself has none."""
        return self._media is not None

    def visible(self, rows: int, length: int) -> tuple[BoundMedia, Tensor]:
        """The bound media and, (rows, length, S), which soft tokens each position sees."""
        assert self._media is not None
        if (rows, length) not in self._visible:  # the same for all layers
            latest = self._media.latest(rows, length, self._offset)
            self._visible[rows, length] = latest[:, :, None] == self._media.medium
        return self._media, self._visible[rows, length]


@contextmanager
def bound(injection: Injection | None, media: BoundMedia | None, cache: Any) -> Iterator[Callable[[Any], None]]:
    """Bind media around one call of the LLM: the only place where that is done.

    Media of earlier positions lie beside the cache that holds these positions: whoever goes on with the cache, goes on
    with its media. Yields a function that puts them beside the cache which the call has returned.

    Args:
        injection: of the model; None binds nothing.
        media: of the positions that are computed now, or None.
        cache: of earlier positions, or None.
    """
    if injection is None:
        yield lambda _: None
        return
    offset = 0 if cache is None else int(cache.get_seq_length())
    earlier = getattr(cache, "bound_media", None) if offset else None
    if media is None or earlier is None:
        whole = earlier if media is None else media.after(offset)
    else:
        whole = earlier.followed_by(media.after(offset))
    if whole is None:
        yield lambda _: None
        return
    injection.bind(whole, offset)

    def keep(filled: Any) -> None:
        if filled is not None:
            filled.bound_media = whole

    try:
        yield keep
    finally:  # what is computed again in the backward pass begins behind the hooks, so nothing is needed there
        injection.release()
