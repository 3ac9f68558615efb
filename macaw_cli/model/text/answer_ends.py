"""Which tokens end an answer: one rule for chat and evaluation."""

from typing import Any

from macaw_cli.model.text.encoding import ConversationEncoder


def answer_ends(model: Any, encoder: ConversationEncoder) -> frozenset[int]:
    """The tokens that end an answer, by the tokenizer and its template as well as by the model.

    Args:
        model: its `generation_config` may name none, one or several.
        encoder: of this model.

    Returns:
        Token ids; none for a published model whose tokenizer has no end token.
    """
    return encoder.stop_ids() | end_tokens(model)


def end_tokens(model: Any) -> frozenset[int]:
    """The tokens that end an answer by the model's `generation_config`; it may name none, one or several."""
    found = model.generation_config.eos_token_id
    if found is None:
        return frozenset()
    return frozenset([found] if isinstance(found, int) else found)
