"""Text becomes ids here, and a control token only where a template put one.

A tokenizer takes `</s>` for its end token wherever it stands, also in a dataset or in what a user types. So whoever
has text says which of the control tokens in it are meant. Where others are spelled as well, a twin of the tokenizer
is used, in which every control token has a private name: what is meant is renamed, what is spelled is only text.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from macaw_cli.basics.errors import UsageError

Span = tuple[int, int]
"""Where a control token begins and ends in a text."""
PRIVATE = range(0xF0000, 0xFFFFE)
"""Characters without a meaning of their own, of which private names are made."""
BEFORE = "\n"
"""What a piece from the middle of a text is tokenised behind, so that SentencePiece takes it for no beginning."""
WORD = re.compile(r"\w+")


class TextEncoder:
    """Text to ids.

    Args:
        tokenizer: of transformers.

    Attributes:
        ids_of: every control token to its id. Added tokens that are only white space or only a word are text.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.ids_of = _control_tokens(tokenizer)
        self._unknown = tokenizer.unk_token_id
        self._twins: dict[str, Any] = {}

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches every control token, the longest first."""
        longest_first = sorted(self.ids_of, key=lambda token: (-len(token), token))
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def could_complete(self, text: str) -> tuple[bool, bool]:
        """Whether `text` begins like the end of a control token, and whether it ends like the beginning of one."""
        opens = text.startswith(self._endings.get(text[:1], ()))
        return opens, text.endswith(self._beginnings.get(text[-1:], ()))

    @cached_property
    def _beginnings(self) -> dict[str, tuple[str, ...]]:
        """What a control token can begin with, by the last character."""
        found = {token[:length] for token in self.ids_of for length in range(1, len(token))}
        return {last: tuple(one for one in found if one[-1] == last) for last in {one[-1] for one in found}}

    @cached_property
    def _endings(self) -> dict[str, tuple[str, ...]]:
        """What a control token can end with, by the first character."""
        found = {token[start:] for token in self.ids_of for start in range(1, len(token))}
        return {first: tuple(one for one in found if one[0] == first) for first in {one[0] for one in found}}

    def spelled(self, text: str) -> tuple[Span, ...]:
        """Every control token that is spelled in `text`, whoever wrote it."""
        return tuple(match.span() for match in self.pattern.finditer(text))

    def ids(self, text: str, controls: Sequence[Span] = ()) -> list[int]:
        """The ids of `text`, without those that the tokenizer adds around a text.

        Args:
            text: any.
            controls: which of the control tokens in it are meant, in order; all others are text.

        Raises:
            UsageError: the tokenizer makes a control token of what is only text, and cannot be kept from it.
        """
        if not text:
            return []
        meant = [self.ids_of[text[start:end]] for start, end in controls]
        if self.spelled(text) == tuple(controls):
            ids = self._tokenised(text)
            if self._controls_in(ids) == self._known(meant):
                return ids
        for encode in (self._with_twin, self._in_pieces):
            found = encode(text, controls)
            if found is not None and self._controls_in(found) == self._known(meant):
                return found
        raise UsageError(
            f"The tokenizer turns text into a control token: {text[:60]!r}.", "Remove the token from the text."
        )

    def _tokenised(self, text: str) -> list[int]:
        """The ids that the tokenizer makes of `text`, without the work it does around them where that changes none."""
        ids: list[int]
        if not self._wraps_backend:
            ids = self._tokenizer(text, add_special_tokens=False).input_ids
            return ids
        backend = self._tokenizer.backend_tokenizer
        # the tokenizer's own call sets these three each time as well
        if backend.truncation is not None:
            backend.no_truncation()
        if backend.padding is not None:
            backend.no_padding()
        if backend.encode_special_tokens != self._tokenizer.split_special_tokens:
            backend.encode_special_tokens = self._tokenizer.split_special_tokens
        [encoding] = backend.encode_batch_fast([text], add_special_tokens=False)
        ids = encoding.ids
        return ids

    @cached_property
    def _wraps_backend(self) -> bool:
        """Whether calling the tokenizer does what its backend does, and no more: some classes change the text first."""
        from transformers import PreTrainedTokenizerFast

        own = type(self._tokenizer)
        names = ("__call__", "_encode_plus")
        return isinstance(self._tokenizer, PreTrainedTokenizerFast) and all(
            getattr(own, name) is getattr(PreTrainedTokenizerFast, name) for name in names
        )

    def _controls_in(self, ids: Sequence[int]) -> list[int]:
        if self._control_ids.isdisjoint(ids):
            return []
        return self._known([one for one in ids if one in self._control_ids])

    def _known(self, ids: list[int]) -> list[int]:
        """Without the id of unknown text, which is no control token where a tokenizer has no other for a character."""
        return [one for one in ids if one != self._unknown]

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        return frozenset(self.ids_of.values())

    def _with_twin(self, text: str, controls: Sequence[Span]) -> list[int] | None:
        """With a twin whose names do not occur in the text; None where the tokenizer has no twin."""
        first = next((chr(code) for code in reversed(PRIVATE) if chr(code) not in text), None)
        if first is None:
            return None
        if first not in self._twins:
            self._twins[first] = _twin(self._tokenizer, self.ids_of, first)
        twin = self._twins[first]
        if twin is None:
            return None
        renamed, done = [], 0
        for start, end in controls:
            renamed += [text[done:start], _name(first, self.ids_of[text[start:end]])]
            done = end
        ids: list[int] = twin.encode("".join([*renamed, text[done:]]), add_special_tokens=False).ids
        return ids

    def _in_pieces(self, text: str, controls: Sequence[Span]) -> list[int]:
        """Control tokens and the texts between them separately, for tokenizers that are written in Python."""
        ids, done = [], 0
        for start, end in controls:
            ids += [*self._plain(text[done:start], first=done == 0), self.ids_of[text[start:end]]]
            done = end
        return ids + self._plain(text[done:], first=done == 0)

    def _plain(self, text: str, *, first: bool) -> list[int]:
        def tokenised(part: str) -> list[int]:
            ids: list[int] = self._tokenizer(part, add_special_tokens=False, split_special_tokens=True).input_ids
            return ids

        if not text:
            return []
        ids = tokenised(text) if first else _behind(tokenised, text)
        if not self._controls_in(ids):
            return ids
        # not even this keeps the tokenizer from it: no piece holds a whole control token
        parts = list(_broken(text, self.spelled(text)))
        return [one for at, part in enumerate(parts) for one in self._plain_part(tokenised, part, first and at == 0)]

    @staticmethod
    def _plain_part(tokenised: Callable[[str], list[int]], part: str, first: bool) -> list[int]:
        return tokenised(part) if first else _behind(tokenised, part)

    def __getstate__(self) -> dict[str, Any]:
        """Without the twins, which another process makes again when it needs one."""
        return {**self.__dict__, "_twins": {}}


def _control_tokens(tokenizer: Any) -> dict[str, int]:
    added = {token.content: (number, token.special) for number, token in tokenizer.added_tokens_decoder.items()}
    named = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    special = {str(token): number for token, number in named}
    others = {
        content: number
        for content, (number, is_special) in added.items()
        if is_special or not (content.isspace() or WORD.fullmatch(content.strip()))
    }
    return {content: number for content, number in {**special, **others}.items() if content}


def _name(first: str, number: int) -> str:
    """The private name of the control token with this id."""
    return first + "".join(chr(PRIVATE.start + int(digit)) for digit in str(number)) + first


def _twin(tokenizer: Any, ids_of: dict[str, int], first: str) -> Any | None:
    """A tokenizer that differs in the names of its control tokens alone; None where there is none."""
    from tokenizers import Tokenizer

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    names = {content: _name(first, number) for content, number in ids_of.items()}
    try:
        content = json.loads(backend.to_str())
        content["truncation"] = content["padding"] = None
        for token in content["added_tokens"]:
            if token["content"] in names:
                token |= {"content": names[token["content"]], "normalized": False, "single_word": False}
        _rename(content["model"], names)
        twin = Tokenizer.from_str(json.dumps(content))
    except Exception:  # the library raises nothing narrower: for parts written in Python, or that do not fit together
        return None
    added = {token.content for token in tokenizer.added_tokens_decoder.values()}
    fits = all(twin.token_to_id(names[one]) == number for one, number in ids_of.items() if one in added)
    return twin if fits else None


def _rename(model: dict[str, Any], names: dict[str, str]) -> None:
    """The control tokens in a vocabulary, which must not be made of text either."""
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {names.get(token, token): number for token, number in vocabulary.items()}
    else:
        model["vocab"] = [[names.get(token, token), score] for token, score in vocabulary]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    if "merges" in model:
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        model["merges"] = [pair for pair in pairs if not {*pair, "".join(pair)} & names.keys()]


def _behind(tokenised: Callable[[str], list[int]], text: str) -> list[int]:
    before, whole = tokenised(BEFORE), tokenised(BEFORE + text)
    return whole[len(before) :] if whole[: len(before)] == before else tokenised(text)


def _broken(text: str, spans: Sequence[Span]) -> Iterator[str]:
    """The text in pieces, of which none holds a whole control token."""
    done = 0
    for start, _ in spans:
        yield text[done : start + 1]
        done = start + 1
    yield text[done:]
