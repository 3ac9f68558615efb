r"""Text as the published training script makes it, with its deviations: for repeating the paper, and for nothing else.

Prompt and response are tokenised as one text, cut at a fixed length; the prompt's last token is supervised (an
off-by-one there); the response stands between "\n " and " \n\n" and no end token follows. Single-turn only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.model.losses import IGNORED
from macaw_cli.model.text.templates import alpaca_prompt, instruction_and_input, text_of


def published_response(response: str) -> str:
    """A response as it stands behind the prompt."""
    return f"\n {response} \n\n"


def published_text(
    tokens: Callable[[str], list[int]], messages: Sequence[Mapping[str, Any]], max_length: int
) -> tuple[list[int], list[int]]:
    """Ids and labels of one question, with its answer if it has one.

    Args:
        tokens: text to ids, without special tokens.
        messages: a user message and, for training, an assistant message; system messages are left out.
        max_length: what the text is cut to, the beginning-of-text token not counted; prompts alone are not cut.

    Raises:
        InputError: the conversation has more than one turn.
    """
    turns = [message for message in messages if message["role"] != "system"]
    if [message["role"] for message in turns] not in (["user"], ["user", "assistant"]):
        raise InputError(
            "The published format allows one question and one answer.", "Use --set training.as_published=false."
        )
    prompt = alpaca_prompt(*instruction_and_input(turns[0]))
    prompt_ids = tokens(prompt)
    if len(turns) == 1:
        return prompt_ids, [IGNORED] * len(prompt_ids)
    ids = tokens(prompt + published_response(text_of(turns[1])))[:max_length]
    hidden = max(len(prompt_ids) - 1, 0)
    if len(prompt_ids) >= max_length:  # nothing of the response is left: the published script skips it
        return ids, [IGNORED] * len(ids)
    return ids, [IGNORED] * hidden + ids[hidden:]
