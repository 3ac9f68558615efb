"""How a byte-level BPE tokenizer splits text before it merges, and what llama.cpp calls each way.

llama.cpp has the ways built in, by name; a file can choose one and not describe another. The patterns are those of
the tokenizers that are published with each name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Way = tuple[tuple[str, ...], ...]
"""The steps of a pre-tokenizer in order, each with what it depends on."""

BYTES_ALONE = ("bytes", "as they are")
"""Step `ByteLevel` without its own pattern."""
GPT2_WORDS = ("bytes", "words")
"""Step `ByteLevel` with the pattern of GPT-2."""
DIGITS = ("digits",)
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
_SYMBOLS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"


@dataclass(frozen=True)
class PreTokenizer:
    """One of llama.cpp's."""

    name: str
    way: Way
    whole_words: bool = False
    """Whether a word that is in the vocabulary is taken without merging (`ignore_merges`)."""
    differs: str = ""
    """Text that llama.cpp splits otherwise, for people."""


PRE_TOKENIZERS = (
    PreTokenizer("gpt-2", (GPT2_WORDS,)),
    PreTokenizer("smollm", (DIGITS, GPT2_WORDS)),
    PreTokenizer(
        "llama-bpe",
        (("split", _CONTRACTIONS + r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + _SYMBOLS), BYTES_ALONE),
        whole_words=True,
    ),
    PreTokenizer(
        "qwen2", (("split", _CONTRACTIONS + r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + _SYMBOLS), BYTES_ALONE)
    ),
    PreTokenizer(
        "tekken",
        (
            (
                "split",
                rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*|\p{{N}}|"
                + _SYMBOLS.replace(r"[\r\n]*", r"[\r\n/]*"),
            ),
            BYTES_ALONE,
        ),
        whole_words=True,
        differs="words with combining marks, as in Hindi",
    ),
)  # fmt: skip


def pre_tokenizer_of(described: Mapping[str, Any]) -> PreTokenizer | None:
    """llama.cpp's pre-tokenizer that splits as a tokenizer does; None where it has none.

    Args:
        described: the content of a `tokenizer.json` whose model is a byte-level BPE.
    """
    way = tuple(_steps(described.get("pre_tokenizer") or {}))
    whole_words = bool(described["model"].get("ignore_merges"))
    for known in PRE_TOKENIZERS:
        if known.way == way and known.whole_words == whole_words:
            return known
    return None


def _steps(described: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    kind = described.get("type")
    if kind == "Sequence":
        for step in described["pretokenizers"]:
            yield from _steps(step)
    elif kind == "ByteLevel":
        words = GPT2_WORDS if described.get("use_regex", True) else BYTES_ALONE
        yield (*words, "with a space before") if described.get("add_prefix_space") else words
    elif kind == "Digits" and described.get("individual_digits"):
        yield DIGITS
    elif kind == "Split" and described.get("behavior") == "Isolated" and not described.get("invert"):
        pattern = described["pattern"]
        yield ("split", str(pattern.get("Regex", pattern)))
    else:
        yield (str(kind),)
