"""From the text of a reply to question-answer pairs: every way in which a reply can fail has a name."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.dataset.generation.kinds.kind import ExampleKind
from macaw_cli.dataset.generation.pair import Pair
from macaw_cli.dataset.language import is_other_language


class Outcome(StrEnum):
    """What became of a request."""

    OK = "ok"
    REPAIRED = "repaired JSON"
    FEWER = "fewer pairs than asked"
    MORE = "more pairs than asked"
    TRUNCATED = "cut off at the token limit"
    EMPTY = "empty reply"
    NOT_JSON = "not JSON"
    WRONG_SCHEMA = "wrong schema"
    REFUSED = "refused by the model"
    FAILED = "request failed"
    UNREADABLE = "media cannot be read"
    NOT_ASKED = "not asked"


LONGEST_REPAIRED = 20_000
"""Characters of a reply whose JSON is repaired; the time that this takes grows with their square."""
UNUSABLE = frozenset({Outcome.EMPTY, Outcome.NOT_JSON, Outcome.WRONG_SCHEMA})
"""Replies after which the model is asked once more."""


@dataclass(frozen=True, slots=True)
class RejectedPair:
    """A pair that cannot be used."""

    pair: Pair
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedReply:
    """What a reply holds."""

    outcome: Outcome
    pairs: list[Pair] = field(default_factory=list)
    rejected: list[RejectedPair] = field(default_factory=list)
    reason: str = ""
    """Of a reply that holds no pair."""


def parse_reply(text: str, finish: str, refusal: str, kind: ExampleKind, asked: int, language: str) -> ParsedReply:
    """The pairs of a reply.

    Args:
        text: content of the message.
        finish: `finish_reason` of the API, such as `stop` or `length`.
        refusal: the API's `refusal`, empty without one.
        kind: what was asked for.
        asked: number of pairs that were asked for; further ones are left out.
        language: ISO 639-1 code in which pairs have to be.
    """
    if refusal or finish == "content_filter":
        return ParsedReply(Outcome.REFUSED, reason=refusal or "the API's content filter stopped the reply")
    if not text.strip():
        return ParsedReply(Outcome.EMPTY, reason="the reply has no text")
    content, repaired = _json_in(text)
    if content is None:
        return ParsedReply(Outcome.NOT_JSON, reason="the reply holds no JSON object")
    rows = _rows(content)
    if rows is None:
        return ParsedReply(Outcome.WRONG_SCHEMA, reason="the reply has no list of objects under `pairs`")
    cut_off = finish == "length"
    found = [_pair(row) for row in (rows[:-1] if cut_off and repaired else rows)]
    if rows and all(pair is None for pair in found):
        outcome = Outcome.TRUNCATED if cut_off else Outcome.WRONG_SCHEMA
        return ParsedReply(outcome, reason="no pair has text under `question` and `answer`")
    good, rejected = _sorted_out((pair for pair in found if pair is not None), kind, language)
    malformed = [RejectedPair(Pair("", ""), "not a question with an answer")] * found.count(None)
    return ParsedReply(_outcome(len(rows), asked, repaired, cut_off), good[:asked], [*rejected, *malformed])


def _outcome(found: int, asked: int, repaired: bool, cut_off: bool) -> Outcome:
    if cut_off:
        return Outcome.TRUNCATED
    if found != asked:
        return Outcome.FEWER if found < asked else Outcome.MORE
    return Outcome.REPAIRED if repaired else Outcome.OK


def _json_in(text: str) -> tuple[Any, bool]:
    """The JSON of a reply, and whether it had to be repaired: fences, text around it, missing ends."""
    try:
        return parse_json(text.strip()), False
    except InputError:
        pass
    if len(text) > LONGEST_REPAIRED:
        return None, False
    start = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=-1)
    if start < 0:
        return None, False
    from json_repair import repair_json

    try:
        content = repair_json(text[start:], return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None, False
    return (content, True) if isinstance(content, dict | list) and content else (None, False)


def _rows(content: Any) -> list[Any] | None:
    """The list of pairs, also where a model leaves out the object around it or writes a single pair."""
    if isinstance(content, dict) and "pairs" in content:
        content = content["pairs"]
    if isinstance(content, dict) and {"question", "answer"} <= content.keys():
        content = [content]
    return content if isinstance(content, list) and all(isinstance(row, dict) for row in content) else None


def _pair(row: dict[str, Any]) -> Pair | None:
    question, answer = row.get("question"), row.get("answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):  # "answer": 3
        answer = str(answer)
    if not isinstance(question, str) or not isinstance(answer, str):
        return None
    return Pair(_text(question), _text(answer))


def _text(text: str) -> str:
    """Without white space around it, and without halves of surrogate pairs, which no file can hold."""
    return text.encode("utf-8", "ignore").decode().strip()


def _sorted_out(
    pairs: Iterable[Pair], kind: ExampleKind, language: str
) -> tuple[list[Pair], list[RejectedPair]]:
    good: list[Pair] = []
    rejected: list[RejectedPair] = []
    seen: set[tuple[str, str]] = set()
    questions: set[str] = set()
    for pair in pairs:
        if not pair.question or not pair.answer:
            reason = "empty question or answer"
        elif pair.folded in seen or (not kind.multi_turn and pair.folded[0] in questions):
            reason = "the same question twice in one reply"
        elif is_other_language(f"{pair.question} {pair.answer}", language):
            reason = f"not in the language {language}"
        else:
            reason = kind.fault(pair)
        seen.add(pair.folded)
        questions.add(pair.folded[0])
        if reason:
            rejected.append(RejectedPair(pair, reason))
        else:
            good.append(pair)
    return good, rejected
