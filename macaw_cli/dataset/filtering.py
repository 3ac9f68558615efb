"""The chosen filters in a build: applied to conversations of which everything else is known to be good."""

from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.conversations import Conversation
from macaw_cli.dataset.filters.chain import FilterChain, Removal


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
