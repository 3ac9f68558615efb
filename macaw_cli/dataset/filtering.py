"""The chosen filters in a build: applied to conversations of which everything else is known to be good."""

from typing import Any

from macaw_cli.dataset.conversations import Conversation
from macaw_cli.dataset.filters.chain import FilterChain
from macaw_cli.dataset.rejects import FilteredOut


def require_passing(conversation: Conversation, chain: FilterChain) -> None:
    """Refuse a conversation that a filter drops which judges conversations by themselves.

    Raises:
        FilteredOut: with the filter and its reason.
    """
    if chain.needs_each and (removal := chain.reason_alone(canonical_row(conversation))):
        raise FilteredOut(*removal)


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
