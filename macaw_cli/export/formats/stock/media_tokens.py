"""What stands for a medium in the text of a stock processor: its placeholder, and tokens around it.

A model of macaw has begin and end tokens with embeddings of their own, outside the LLM's vocabulary. A stock class has
one embedding matrix, so that they become further tokens of the tokenizer, and rows of the matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.surroundings import around_media


@dataclass(frozen=True)
class TokenNames:
    """How a stock processor calls them."""

    placeholder: str
    begin: str
    end: str
    further: Sequence[str] = ()
    """Tokens that the processor adds to a tokenizer by itself."""
    around: tuple[str, str] = ("", "")
    """What the processor itself writes before and after a medium's placeholders; a template writes the rest."""
    in_front: bool = False
    """Whether the processor writes placeholders before everything, the tokenizer's first token included: a template
    writes none."""


@dataclass(frozen=True)
class MediaTokens:
    """The tokens of one modality."""

    placeholder: str
    before: tuple[str, ...]
    """In front of a medium's placeholders."""
    after: tuple[str, ...]
    around: tuple[str, str] = ("", "")
    """What the processor writes by itself, see `TokenNames`."""
    added: dict[str, int] = field(default_factory=dict)
    """New tokens to their ids."""
    place_of: dict[int, int] = field(default_factory=dict)
    """Id of a begin or end token in macaw's model to its id here."""
    times: int = 1
    """Placeholders that a template writes for one medium."""
    in_front: bool = False
    """See `TokenNames`."""

    @property
    def written(self) -> str:
        """One medium, as a chat template writes it."""
        if self.in_front:
            return ""
        placeholders = self.placeholder * self.times
        return placeholders if any(self.around) else "".join([*self.before, placeholders, *self.after])

    def expanded(self, text: str) -> str:
        """What the processor makes of a text, with one placeholder for each medium."""
        return text.replace(self.placeholder * self.times, self.placeholder.join(self.around))

    def ids(self, tokenizer: Any, text: str) -> list[int]:
        """The ids that the processor makes of a prompt about one medium, with one placeholder for it.

        Args:
            tokenizer: with these tokens.
            text: as the chat template writes it.
        """
        begins = tokenizer.bos_token is not None and text.startswith(tokenizer.bos_token)  # as stock processors decide
        placeholder = [tokenizer.convert_tokens_to_ids(self.placeholder)] * self.in_front
        return [*placeholder, *tokenizer(self.expanded(text), add_special_tokens=not begins).input_ids]


def add_media_tokens(
    tokenizer: Any, config: MacawConfig, modality: Modality, names: TokenNames, times: int = 1
) -> MediaTokens:
    """Add to a tokenizer what a stock processor needs.

    Args:
        tokenizer: changed in place.
        config: of the model.
        modality: the one that the stock class reads.
        names: of the tokens; where the tokenizer has a begin or end token of that name already, which would have
            another meaning, another name is taken.
        times: placeholders that a template writes for one medium.
    """
    before, after = around_media(config, modality)
    outside = modality in config.begin_end_ids and config.begin_end_outside
    known = set(tokenizer.get_vocab())
    begin, end = (_free(name, known) for name in (names.begin, names.end))
    wanted = [names.placeholder, *((begin, end) if outside else ()), *names.further]
    new = [name for name in wanted if name not in known]
    tokenizer.add_tokens(_special(new), special_tokens=True)
    place_of = {}
    if outside:
        place_of = dict(zip([*before, *after], tokenizer.convert_tokens_to_ids([begin, end]), strict=True))
        around: tuple[tuple[str, ...], tuple[str, ...]] = (begin,), (end,)
    else:
        around = tuple(tokenizer.convert_ids_to_tokens(before)), tuple(tokenizer.convert_ids_to_tokens(after))
    added = dict(zip(new, tokenizer.convert_tokens_to_ids(new), strict=True))
    return MediaTokens(names.placeholder, *around, names.around, added, place_of, times, names.in_front)


def let_template_begin(tokenizer: Any, text: str) -> None:
    """Keep a tokenizer from putting its first token before a prompt that begins otherwise, as BLIP-2's do.

    A stock processor adds it wherever the template's text does not begin with it.

    Args:
        tokenizer: changed in place.
        text: a prompt that the template has written.
    """
    from tokenizers.processors import TemplateProcessing

    first = tokenizer.bos_token
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and first is not None and not text.startswith(first):
        backend.post_processor = TemplateProcessing(single="$A", pair="$A $B")


def with_rows(matrix: Tensor, size: int) -> Tensor:
    """A matrix (V, D) with rows of zeros up to `size`."""
    return torch.cat([matrix, matrix.new_zeros(max(0, size - len(matrix)), *matrix.shape[1:])])


@torch.no_grad()
def embedding_scale(embed: Any) -> float:
    """What an LLM multiplies its embeddings with when it looks them up, as Gemma 3 does; 1 as a rule."""
    ids = torch.arange(min(64, len(embed.weight)))
    rows, found = embed.weight[ids].float(), embed(ids.to(embed.weight.device)).float()
    return float((found * rows).sum() / rows.square().sum().clamp_min(1e-12))


def _free(name: str, known: set[str]) -> str:
    """The name, or one like it that is no token yet."""
    number = 2
    free = name
    while free in known:
        stem, last = (name[:-2], "|>") if name.endswith("|>") else (name[:-1], name[-1:])
        free, number = f"{stem}_{number}{last}", number + 1
    return free


def _special(names: Sequence[str]) -> list[Any]:
    from transformers import AddedToken

    return [AddedToken(name, normalized=False, special=True) for name in names]
