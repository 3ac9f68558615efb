"""Which example of a batch a medium belongs to, and what is asked about it. Pure functions.

The instruction of a medium is the text of the user turn that holds it, with what the template writes around it: from
the answer before the medium, or the beginning of its example, to the answer after it, or the end. So it is the same in
training (answers are what is supervised), for every candidate when answers are scored, and in every turn of a chat,
whatever lies in the cache. A later question about an earlier medium does not change what its bridge was asked.

Where a chat template rewrites the history, an earlier answer that is not supervised in an example belongs to the
prompt.

A bridge that has a tokenizer of its own is not read to from the ids of the LLM: it is given what `own_instructions`
makes of the messages.

Letters: B rows, T positions; places count over all rows behind one another.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import MismatchError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.losses import IGNORED
from macaw_cli.model.text.own_instructions import KEYWORDS


def reads_instructions(model: Any) -> bool:
    """Whether a bridge of a model reads what is asked about a medium; an LLM alone has no bridges."""
    fusion = getattr(model, "fusion", None)
    return fusion is not None and bool(fusion.bridges.need("instruction"))


def example_of(places: Sequence[int], borders: Sequence[int]) -> list[int]:
    """The number of the example in which each place is.

    Args:
        places: ascending or not.
        borders: where examples begin and the last one ends, from 0 to B T.
    """
    return [bisect_right(borders, place) - 1 for place in places]


def answered(answers: Tensor | None, labels: Tensor | None) -> list[int]:
    """The places of answers, ascending.

    Args:
        answers: (B, T) bool, where answers stand, and padding that no mask tells; None: where labels are.
        labels: (B, T), -100 where nothing is supervised, or None.
    """
    if answers is None:
        answers = None if labels is None else labels != IGNORED
    places: list[int] = [] if answers is None else answers.flatten().nonzero().squeeze(-1).tolist()
    return places


def turn_of(place: int, answers: Sequence[int], example: tuple[int, int]) -> tuple[int, int]:
    """Where the user turn that holds a medium begins, and where it ends.

    Args:
        place: of the medium.
        answers: the places of answers, ascending.
        example: where the medium's example begins and ends.
    """
    after = bisect_left(answers, place)
    begin = max(example[0], answers[after - 1] + 1 if after else 0)
    return begin, min(example[1], answers[after] if after < len(answers) else example[1])


def instruction_ids(
    places: Sequence[int], input_ids: Tensor, answers: Sequence[int], attention_mask: Tensor | None,
    borders: Sequence[int], vocabulary: int,
) -> list[Tensor]:  # fmt: skip
    """The instruction of each medium.

    Args:
        places: of the media.
        input_ids: (B, T).
        answers: see `answered`.
        attention_mask: (B, T), 0 for padding, which is left out; None or a mask over pairs leaves nothing out.
        borders: as in `example_of`.
        vocabulary: V; ids from here on stand for media.

    Returns:
        (L,) int64 ids per medium.
    """
    ids = input_ids.flatten()
    is_text = ids < vocabulary
    if attention_mask is not None and attention_mask.dim() == 2:
        is_text = is_text & attention_mask.flatten().bool()
    found = []
    for place, example in zip(places, example_of(places, borders), strict=True):
        begin, end = turn_of(place, answers, (borders[example], borders[example + 1]))
        found.append(ids[begin:end][is_text[begin:end]])
    return found


def given_instructions(
    config: MacawConfig, given: Mapping[str, Any], media: Mapping[Modality, Sequence[int]]
) -> dict[Modality, list[Tensor]]:
    """The instructions of media whose bridges have a tokenizer of their own.

    Args:
        config: of the model.
        given: `image_instructions` and the like: (L,) int64 ids per medium.
        media: modality to the place of each medium.

    Raises:
        MismatchError: there is not one for each of them.
    """
    found: dict[Modality, list[Tensor]] = {}
    for name in (name for name in config.instruction_tokenizers if name in media):
        found[name] = list(given.get(KEYWORDS[name]) or ())
        if len(found[name]) != len(media[name]):
            raise MismatchError(
                f"Received {len(found[name])} {KEYWORDS[name]} for {counted(len(media[name]), 'medium', 'media')}. The "
                f"bridge of this model reads what is asked about each {name} in tokens of its own.",
                "Pass everything that the processor returns.",
            )
    return found
