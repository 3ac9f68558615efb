"""From answered requests to conversations and rejected rows."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from macaw_cli.dataset.generation.pair import Pair
from macaw_cli.dataset.generation.request import Request
from macaw_cli.dataset.items import Item

Row = dict[str, Any]


def conversations_of(request: Request, pairs: list[Pair]) -> Iterator[tuple[str, Row]]:
    """The conversations in the pairs of one reply.

    Yields:
        The side of the kind that a conversation counts for, and the conversation in canonical form.
    """
    groups = [pairs] if request.kind.multi_turn and pairs else [[pair] for pair in pairs]
    for number, group in enumerate(groups, start=1):
        yield request.kind.side(group[0]), _conversation(request, group, number)


def _conversation(request: Request, pairs: list[Pair], number: int) -> Row:
    item = request.item
    turns = [
        message
        for pair in pairs
        for message in ({"role": "user", "content": pair.question}, {"role": "assistant", "content": pair.answer})
    ]
    return {
        "id": f"{item.id}/{request.kind.name}/{request.round}.{number}",
        **{modality: list(names) for modality, names in item.media.items() if names},
        "messages": turns,
        "kind": request.kind.name,
        **known_of(item),
        **({"split": item.split} if item.split else {}),
        "origin": {"file": item.origin.file, "row": item.origin.row, "request": request.hash},
    }


def known_of(item: Item) -> Row:
    """What is known of the item's media, in canonical form: filters judge an example by it."""
    boxes = [{"category": box.category, "bbox": list(box.bbox)} for box in item.boxes]
    found = {"captions": list(item.captions), "transcript": item.transcript, "boxes": boxes}
    return {key: value for key, value in found.items() if value}


def rejected_row(request: Request, reason: str, *, pair: Pair | None = None, raw: str = "") -> Row:
    """A row of `rejects.jsonl`: a pair that cannot be used, or a whole reply.

    Args:
        request: what was asked.
        reason: why it cannot be used.
        pair: the pair, if it is only one of a reply.
        raw: the whole reply as it came.
    """
    item = request.item
    return {
        "file": item.origin.file,
        "row": item.origin.row,
        "id": item.id,
        "kind": request.kind.name,
        "reason": reason,
        "request": request.hash,
        **({"question": pair.question, "answer": pair.answer} if pair else {}),
        **({"raw": raw} if raw else {}),
    }


class SeenQuestions:
    """Questions of each item that were accepted, so that no item is asked the same twice; eight bytes each."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def is_new(self, request: Request, messages: list[dict[str, str]]) -> bool:
        """Whether no accepted example of the item has the same questions; it has from now on."""
        questions = [" ".join(turn["content"].casefold().split()) for turn in messages if turn["role"] == "user"]
        content = json.dumps([request.item.origin.source, request.item.origin.row, questions])
        key = hashlib.blake2b(content.encode(errors="surrogatepass"), digest_size=8).digest()
        if key in self._seen:
            return False
        self._seen.add(key)
        return True
