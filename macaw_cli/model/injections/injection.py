"""What an injection is: a module that changes the hidden states inside the LLM's layers, by hooks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.injections.bound_media import BoundMedia
from macaw_cli.model.injections.sight import Sight

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


@dataclass
class Binding:
    """What hooks read during one call of the LLM."""

    media: BoundMedia
    offset: int
    """Positions in the cache, before those that are computed now."""
    shape: tuple[int, int]
    """Rows and positions that are computed now."""
    soft_tokens: Tensor | None = None
    """See `BoundMedia.soft_tokens_at`; for injections that ask for it."""
    sights: dict[tuple[int, int], Sight] = field(default_factory=dict)
    """See `Injection.sight`."""

    @property
    def is_behind_media(self) -> bool:
        """Whether no medium can stand at the positions that are computed now, as in a decode step."""
        return self.offset >= self.media.reach


class Injection(nn.Module):
    """One design of an injection.

    It is attached to the LLM once. Media are bound before every call of the LLM, for training, scoring and each decode
    step alike: see `bound`. Its parameters are a group of their own. At initialisation it changes nothing: the LLM's
    logits are the same to the bit. Every module that owns parameters is called exactly once per call of the LLM,
    whether there are media or not: under ZeRO-3 the calls of all ranks have to be the same.
    """

    takes_media: ClassVar[bool] = True
    """Whether media reach the LLM through this injection alone: a medium then takes one position of the input. If not,
    its soft tokens stand in the input, as without an injection."""
    looks_at_positions: ClassVar[bool] = False
    """Whether `Binding.soft_tokens` is needed."""

    def __init__(self) -> None:
        super().__init__()
        self._bound: Binding | None = None

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

    def beside(
        self, soft: Mapping[Modality, Tensor], features: Mapping[Modality, Sequence[Tensor]]
    ) -> Mapping[Modality, Tensor]:
        """What is bound of the media: their soft tokens by default, which may be made wider by what else they hold.

        Args:
            soft: (K, D) per modality, those of all media one after another.
            features: of each medium, per modality.

        Returns:
            (K, at least D) per modality.
        """
        return soft

    def bind(self, media: BoundMedia, offset: int, shape: tuple[int, int]) -> None:
        """Let the layers see these media.

        Args:
            media: of all positions so far.
            offset: positions in the cache, before those that are computed now.
            shape: rows and positions that are computed now.
        """
        self._bound = Binding(media, offset, shape)
        if self.looks_at_positions:
            self._bound.soft_tokens = media.soft_tokens_at(*shape, offset)

    def release(self) -> None:
        """Forget the media."""
        self._bound = None

    @property
    def is_bound(self) -> bool:
        """Whether there are media to see; an LLM that is called by itself has none."""
        return self._bound is not None

    def sight(self, rows: int, length: int) -> tuple[BoundMedia, Sight]:
        """The bound media, and which of their soft tokens each position sees."""
        now = self._bound
        assert now is not None
        if (rows, length) not in now.sights:  # the same for all layers
            latest = now.media.latest(rows, length, now.offset)
            now.sights[rows, length] = Sight(self.sees(now.media, latest))
        return now.media, now.sights[rows, length]

    def checkpointed(self, checkpoint: Callable[..., Any], run: Callable[..., Any], *inputs: Any) -> Any:
        """Call a layer that is computed again in the backward pass, where nothing is bound any more.

        Hooks of the layer itself are not called again, but those of the modules inside it are: they find what was bound
        in the forward pass.

        Args:
            checkpoint: as `torch.utils.checkpoint.checkpoint`.
            run: the layer's forward.
            *inputs: of the layer.
        """
        return checkpoint(partial(self._bound_as_then, self._bound, run), *inputs)

    def _bound_as_then(self, then: Binding | None, run: Callable[..., Any], *inputs: Any) -> Any:
        now, self._bound = self._bound, then
        try:
            return run(*inputs)
        finally:
            self._bound = now

    def sees(self, media: BoundMedia, latest: Tensor) -> Tensor:
        """(rows, length, S): which soft tokens positions see; those of their latest medium by default.

        Args:
            media: what is bound.
            latest: (rows, length), the number of each position's latest medium, or -1.
        """
        return latest[:, :, None] == media.medium


@contextmanager
def bound(
    injection: Injection | None, media: BoundMedia | None, cache: Any, shape: Sequence[int]
) -> Iterator[Callable[[Any], None]]:
    """Bind media around one call of the LLM: the only place where that is done.

    Media of earlier positions lie beside the cache that holds these positions: whoever goes on with the cache, goes on
    with its media. Yields a function that puts them beside the cache which the call has returned.

    Args:
        injection: of the model; None binds nothing.
        media: of the positions that are computed now, or None.
        cache: of earlier positions, or None.
        shape: begins with the rows and positions that are computed now.
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

    def keep(filled: Any) -> None:
        if filled is not None:
            filled.bound_media = whole

    try:
        injection.bind(whole, offset, (shape[0], shape[1]))
        yield keep
    finally:  # for what is computed again in the backward pass see `Injection.checkpointed`
        injection.release()
