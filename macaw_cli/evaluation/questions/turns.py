"""Conversations of several turns: each answer is a question of its own, given the turns before it.

The earlier turns have their reference answers, and the media that were attached by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from macaw_cli.evaluation.questions.pools import Question
from macaw_cli.evaluation.questions.swapping import swap_partners
from macaw_cli.model.text.templates import media_before
from macaw_cli.shards.training_rows import ConversationRow, MediaRef


def turns_of(
    row: ConversationRow, messages: Sequence[Mapping[str, Any]]
) -> list[tuple[ConversationRow, list[dict[str, Any]]]]:
    """A conversation up to each of its answers, the last one being the whole; one entry where it has one answer.

    Args:
        row: its media and choices; the choices are those of the last answer.
        messages: canonical messages that end with an answer.

    Returns:
        Per answer that follows a question, the row with the media that were attached by then, and the messages.
    """
    found = []
    for number in range(1, len(messages) - 1):
        if messages[number]["role"] == "assistant" and any(one["role"] == "user" for one in messages[:number]):
            media = _media_by_then(row.media, messages[number + 1 :])
            found.append((replace(row, media=media, choices=None), [dict(one) for one in messages[: number + 1]]))
    return [*found, (row, [dict(one) for one in messages])]


def partners_of_turns(questions: Sequence[Question], turns: Sequence[int], seed: int) -> list[int | None]:
    """For each question, the index of the one whose media it is given instead of its own: `swap_partners` for turns.

    The last answer of a conversation finds its partner among last answers. The earlier ones are given the media of the
    same conversation, as far as they were attached by then, so that all turns are read at once; where the answers of
    that turn are the same, or it has no such turn, they find one of their own among answers of the same turn.

    Args:
        questions: all turns of all conversations, those of one conversation in order and together.
        turns: the number of each in its conversation, which rises.
        seed: fixes the draw.
    """
    begins = [number for number, turn in enumerate(turns) if not number or turn <= turns[number - 1]]
    ends = [following - 1 for following in (*begins[1:], len(questions))] if begins else []
    chosen = swap_partners([questions[end] for end in ends], seed)
    partners: list[int | None] = [None] * len(questions)
    left: dict[int, list[int]] = {}
    for begin, end, other in zip(begins, ends, chosen, strict=True):
        partners[end] = None if other is None else ends[other]
        for number in range(begin, end):
            same = None if other is None else begins[other] + number - begin
            if other is not None and same is not None and same < ends[other] and _fits(questions, number, same):
                partners[number] = same
            else:
                left.setdefault(turns[number], []).append(number)
    for turn, numbers in left.items():
        pool = [number for number, one in enumerate(turns) if one == turn]
        own = dict(zip(pool, swap_partners([questions[number] for number in pool], seed), strict=True))
        for number in numbers:
            found = own[number]
            partners[number] = None if found is None else pool[found]
    return partners


def _fits(questions: Sequence[Question], number: int, other: int) -> bool:
    """Whether the media of the one may stand for those of the other."""
    own, lent = questions[number], questions[other]
    return own.layout == lent.layout and own.answer != lent.answer and not set(own.media) & set(lent.media)


def _media_by_then(media: Sequence[MediaRef], later: Sequence[Mapping[str, Any]]) -> tuple[MediaRef, ...]:
    """The media but those whose position is in a later message; a soundtrack goes with its video."""
    kept = media_before(later, [ref.modality for ref in media])
    kept = [at for at in kept if media[at].soundtrack_of is None or media[at].soundtrack_of in kept]
    place: dict[int | None, int | None] = {None: None, **{at: number for number, at in enumerate(kept)}}
    return tuple(replace(media[at], soundtrack_of=place[media[at].soundtrack_of]) for at in kept)
