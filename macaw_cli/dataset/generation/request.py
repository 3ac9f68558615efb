"""One request to the writing model, and the hash under which its reply is kept."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from macaw_cli.dataset.generation.kinds.kind import ExampleKind
from macaw_cli.dataset.items import Item

SCHEMA: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "question_answer_pairs",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "pairs": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
                        "required": ["question", "answer"],
                        "additionalProperties": False,
                    },
                }
            },
            "required": ["pairs"],
            "additionalProperties": False,
        },
    },
}
"""The `response_format` of every request, for servers that have structured outputs."""
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sampling:
    """What decides a reply besides the messages."""

    model: str
    temperature: float | None
    max_new_tokens: int

    @property
    def parameters(self) -> dict[str, Any]:
        """Fields of the request."""
        temperature = {} if self.temperature is None else {"temperature": self.temperature}
        return {"model": self.model, "max_completion_tokens": self.max_new_tokens, **temperature}


@dataclass(frozen=True, slots=True)
class Request:
    """Examples of one kind for one item."""

    item: Item
    kind: ExampleKind
    pairs: int
    round: int
    """How often the same has been asked before: more examples of an item come from asking again."""
    messages: list[Message]
    hash: str
    """Names the request in the ledger. How it is sent (endpoint, structured output) does not change it."""


class UnreadableMedia(Exception):
    """The media of a request are missing or cannot be decoded; `request` has no messages."""

    def __init__(self, request: Request, reason: str) -> None:
        super().__init__(reason)
        self.request, self.reason = request, reason


def request_hash(messages: list[Message], sampling: Sampling, item: str, round_: int) -> str:
    """SHA-256, in hex, of what decides a reply, and of the item's id: equal captions of two items are asked twice."""
    content = {"messages": messages, "item": item, "round": round_, **sampling.parameters}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()
