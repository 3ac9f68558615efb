"""A tokenizer as the keys of a GGUF file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.export.gguf.pre_tokenizers import PreTokenizer, pre_tokenizer_of

SPACE = "\u2581"
"""What sentencepiece writes for a space."""

BEGINS = "tokenizer.ggml.add_bos_token"
"""The key that says whether every text begins with the token for it."""
NO_MERGES = ["\u0100 \u0100"]
"""For a tokenizer that merges nothing, because llama.cpp insists on a merge: of two bytes zero, to no token."""


class TokenType(IntEnum):
    """What GGUF calls the kinds of tokens."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True)
class Vocabulary:
    """What the file says of the tokenizer."""

    keys: dict[str, Any]
    notes: list[str]
    """What llama.cpp does otherwise, one sentence each."""


def vocabulary(tokenizer: Any, rows: int, more: Sequence[str] = ()) -> Vocabulary:
    """The vocabulary with its merges or scores, the special tokens, and how text is split.

    Args:
        tokenizer: a fast one of transformers.
        rows: of the LLM's embedding matrix; rows without a token become unused ones.
        more: tokens behind those rows, which only stand for what a template writes.

    Raises:
        MismatchError: llama.cpp has no such tokenizer.
    """
    described = _described(tokenizer)
    bytewise = _is_bytewise(described)
    texts, kinds = _tokens(described, rows)
    texts += more
    kinds += [TokenType.CONTROL] * len(more)
    keys: dict[str, Any] = {"tokenizer.ggml.tokens": texts, "tokenizer.ggml.token_type": [int(kind) for kind in kinds]}
    notes = []
    if bytewise:
        splits = _pre_tokenizer(described)
        keys |= _bytewise_keys(described, splits)
        if splits.differs:
            notes.append(f"llama.cpp splits {splits.differs} into other tokens than the model was trained with.")
        if described.get("normalizer"):
            kind = described["normalizer"].get("type")
            notes.append(
                f"The tokenizer brings text into Unicode's form {kind} first, and llama.cpp does not: text in another"
                " form is split into other tokens there."
            )
    else:
        keys |= _sentencepiece_keys(described, texts, kinds)
    keys |= _special_keys(tokenizer)
    return Vocabulary(keys, notes)


def tokenizer_obstacles(tokenizer: Any) -> list[str]:
    """What keeps a tokenizer from being written, in a few words; none where nothing does."""
    try:
        described = _described(tokenizer)
        if _is_bytewise(described):
            _pre_tokenizer(described)
        else:
            _space_before(described)
    except MismatchError as error:
        return [error.problem]
    return []


def _described(tokenizer: Any) -> dict[str, Any]:
    """The content of its `tokenizer.json`."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise MismatchError("The tokenizer is no fast one, and only those can be written as GGUF.")
    described: dict[str, Any] = parse_json(backend.to_str(), "the tokenizer")
    if described["model"].get("type") != "BPE":
        raise MismatchError(
            f"The tokenizer's model is {described['model'].get('type')}, and llama.cpp is given BPE only."
        )
    return described


def _is_bytewise(described: Mapping[str, Any]) -> bool:
    return not described["model"].get("byte_fallback")


def _tokens(described: Mapping[str, Any], rows: int) -> tuple[list[str], list[TokenType]]:
    """Text and kind of each id below `rows`."""
    of_model = {identity: text for text, identity in described["model"]["vocab"].items()}
    added = {token["id"]: token for token in described["added_tokens"]}
    highest = max([*of_model, *added])
    if highest >= rows:
        raise MismatchError(
            f"The tokenizer has the id {highest}, and the LLM's embedding matrix only {rows} rows.",
            "Export a model whose tokenizer fits.",
        )
    unknown = described["model"].get("unk_token")
    texts, kinds = [], []
    for identity in range(rows):
        text = of_model.get(identity)
        if identity in added:
            text = str(added[identity]["content"])
            special = added[identity].get("special")
            kind = TokenType.CONTROL if special else TokenType.USER_DEFINED
        elif text is None:
            text, kind = f"<unused {identity}>", TokenType.UNUSED
        else:
            kind = TokenType.BYTE if _is_byte(text, described) else TokenType.NORMAL
        if text == unknown and not _is_bytewise(described):
            kind = TokenType.UNKNOWN
        texts.append(text)
        kinds.append(kind)
    return texts, kinds


def _is_byte(text: str, described: Mapping[str, Any]) -> bool:
    return not _is_bytewise(described) and len(text) == 6 and text.startswith("<0x") and text.endswith(">")


def _pre_tokenizer(described: Mapping[str, Any]) -> PreTokenizer:
    found = pre_tokenizer_of(described)
    if found is None:
        raise MismatchError("The tokenizer splits text in a way that llama.cpp does not have.")
    return found


def _bytewise_keys(described: Mapping[str, Any], splits: PreTokenizer) -> dict[str, Any]:
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in described["model"]["merges"]]
    return {
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": splits.name, "tokenizer.ggml.merges": merges or NO_MERGES,
    }  # fmt: skip


def _sentencepiece_keys(
    described: Mapping[str, Any], texts: Sequence[str], kinds: Sequence[TokenType]
) -> dict[str, Any]:
    """Scores in the order of the merges: llama.cpp joins the neighbours whose joined token has the highest."""
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(described["model"]["merges"]):
        first, second = merge.split(" ") if isinstance(merge, str) else merge
        ranks.setdefault(first + second, rank)
    scores = [float(-ranks.get(text, len(ranks))) if kind == TokenType.NORMAL else 0.0
              for text, kind in zip(texts, kinds, strict=True)]  # fmt: skip
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.add_space_prefix": _space_before(described),
    }


def _space_before(described: Mapping[str, Any]) -> bool:
    """Whether text gets a space in front, also behind a control token, as llama.cpp does it.

    Raises:
        MismatchError: it is done in another way.
    """
    normalizer, metaspace = described.get("normalizer") or {}, described.get("pre_tokenizer") or {}
    steps = normalizer.get("normalizers", [normalizer] if normalizer else [])
    kinds = [step["type"] for step in steps]
    if not metaspace and kinds in (["Prepend", "Replace"], ["Replace"]):
        return bool(kinds[0] == "Prepend")
    if not steps and metaspace.get("type") == "Metaspace" and not metaspace.get("split", True):
        # with `first`, text behind a control token gets none, and in a chat it always stands behind one
        return bool(metaspace.get("prepend_scheme", "always") == "always")
    raise MismatchError("The tokenizer marks spaces in a way that llama.cpp does not have.")


def _special_keys(tokenizer: Any) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for ours, theirs in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        identity = getattr(tokenizer, f"{ours}_token_id", None)
        if identity is not None:
            keys[f"tokenizer.ggml.{theirs}_token_id"] = int(identity)
    ids = tokenizer("a")["input_ids"]
    keys[BEGINS] = bool(ids and ids[0] == tokenizer.bos_token_id)
    keys["tokenizer.ggml.add_eos_token"] = bool(ids and ids[-1] == tokenizer.eos_token_id)
    return keys
