"""The chosen filters in a build: applied to conversations of which everything else is known to be good."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.conversations import Conversation
from macaw_cli.dataset.feature_join import JoinedConversation
from macaw_cli.dataset.filters.chain import FilterChain, Removal
from macaw_cli.dataset.rejects import Reject


class FilteredOut(InputError):
    """A chosen filter drops a conversation while it is read.

    Args:
        removal: which filter, and why.
    """

    def __init__(self, removal: Removal) -> None:
        super().__init__(removal[1])
        self.filter = removal[0]


def require_passing(conversation: Conversation, chain: FilterChain) -> Conversation:
    """The conversation, unless a filter drops it that judges conversations by themselves.

    Raises:
        FilteredOut: with the filter and its reason.
    """
    if removal := chain.reason_alone(canonical_row(conversation)):
        raise FilteredOut(removal)
    return conversation


def compared(
    joined: Sequence[JoinedConversation], chain: FilterChain
) -> tuple[list[JoinedConversation], list[Reject]]:
    """Apply the filters that compare conversations with each other.

    What `#N+` repeats stands there several times on purpose: it is judged once.

    Args:
        joined: in the order of sources and rows.
        chain: of which only these filters are applied.

    Returns:
        Those that are kept, some with more tags, and those that are not.
    """
    if chain.needs_order:
        kept, rejects = _in_order(joined, chain)
    else:
        kept, rejects = list(joined), []
    if not chain.needs_all:
        return kept, rejects
    starts = [number for number in range(len(kept)) if not _repeats(kept, number)]
    removed, tags = chain.judged_together(lambda: (canonical_row(kept[number].conversation) for number in starts))
    left: list[JoinedConversation] = []
    for place, start in enumerate(starts):
        end = starts[place + 1] if place + 1 < len(starts) else len(kept)
        if place in removed:
            rejects += [_reject(one, removed[place]) for one in kept[start:end]]
        elif place in tags:
            tagged = _tagged(kept[start], tags[place])
            left += [tagged] * (end - start)
        else:
            left += kept[start:end]
    return left, rejects


def canonical_row(conversation: Conversation) -> dict[str, Any]:
    """The conversation in canonical form."""
    optional = {"kind": conversation.kind, "choices": conversation.choices, "split": conversation.split}
    return {
        **conversation.extra,
        "id": conversation.id,
        **{modality: list(names) for modality, names in conversation.media.items() if names},
        "messages": conversation.messages,
        **{key: value for key, value in optional.items() if value is not None},
    }


def _in_order(
    joined: Sequence[JoinedConversation], chain: FilterChain
) -> tuple[list[JoinedConversation], list[Reject]]:
    kept: list[JoinedConversation] = []
    rejects: list[Reject] = []
    removal: Removal | None = None
    for number, one in enumerate(joined):
        if not _repeats(joined, number):
            removal = chain.reason_in_order(canonical_row(one.conversation))
        if removal:
            rejects.append(_reject(one, removal))
        else:
            kept.append(one)
    return kept, rejects


def _repeats(joined: Sequence[JoinedConversation], number: int) -> bool:
    return number > 0 and joined[number].conversation.origin == joined[number - 1].conversation.origin


def _reject(one: JoinedConversation, removal: Removal) -> Reject:
    return Reject(one.conversation.origin, *removal, one.conversation.id)


def _tagged(one: JoinedConversation, tags: Sequence[str]) -> JoinedConversation:
    given = one.conversation.extra.get("tags")
    extra = {**one.conversation.extra, "tags": [*(given if isinstance(given, list) else []), *tags]}
    return replace(one, conversation=replace(one.conversation, extra=extra))
