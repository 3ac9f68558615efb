"""A question in Python as messages in canonical form, checked before anything is read or generated."""

from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.shown_text import shown
from macaw_cli.modalities.table import MODALITIES

Conversation = str | Sequence[Mapping[str, Any]]
"""A question, or messages in canonical form of which the last is the user's."""
_ROLES = ("system", "user", "assistant")
_HINT = 'Give a text, or messages such as [{"role": "user", "content": "What is this?"}].'


def asked_messages(question: Any) -> list[dict[str, Any]]:
    """The messages of a question.

    Args:
        question: text, or messages `{"role", "content"}`, whose content is text or parts (`{"type": "image"}`,
            `{"type": "text", "text"}`).

    Raises:
        UsageError: it is neither, or the last message is not the user's.
    """
    if isinstance(question, str):
        return [{"role": "user", "content": question}]
    if not isinstance(question, list | tuple) or not question:
        what = f"an empty {type(question).__name__}" if isinstance(question, list | tuple) else type(question).__name__
        raise UsageError(f"The question was given as {what}.", _HINT)
    for number, message in enumerate(question, start=1):
        if not isinstance(message, Mapping) or not {"role", "content"} <= set(message):
            raise UsageError(f"Message {number} of the question has no `role` and `content`: {shown(message)}.", _HINT)
        if message["role"] not in _ROLES:
            problem = f"Message {number} of the question has the role {shown(message['role'])}."
            raise UsageError(problem, f"Roles are {', '.join(_ROLES)}.")
        _require_content(message["content"], number)
    if question[-1]["role"] != "user":
        problem = f"The last message of the question has the role {question[-1]['role']}; there is nothing to answer."
        raise UsageError(problem, "End the messages with one of the role user.")
    return [dict(message) for message in question]


def _require_content(content: Any, number: int) -> None:
    if isinstance(content, str):
        return
    where = f"Message {number} of the question"
    if not isinstance(content, list | tuple):
        raise UsageError(f"{where} has as its content {shown(content)}.", "Give a text or a list of parts.")
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind not in ("text", *MODALITIES):
            problem = f"{where} has the part {shown(part)}, whose `type` is none of text, {', '.join(MODALITIES)}."
            raise UsageError(problem, 'For example {"type": "text", "text": "What is this?"}.')
        if kind == "text" and not isinstance(part.get("text"), str):
            raise UsageError(f"{where} has a part of the type text without its `text`.", "Add it.")
