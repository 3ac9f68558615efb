"""`duplicates`: the same conversation again."""

import hashlib
import json
import re
import unicodedata

from macaw_cli.config.filters.duplicates import DuplicatesSettings
from macaw_cli.dataset.filters.conversation_texts import answers, media_of, questions
from macaw_cli.dataset.filters.filter import Row, Surroundings

_PUNCTUATION = re.compile(r"[.,;:!?\"'\u201c\u201d\u2018\u2019…]+(?=\s|$)|(?<!\S)[\"'\u201c\u201d\u2018\u2019¿¡]+")
"""Around words, not inside of them: `2+2` and `2-2` are different, and so are `3.5` and `35`."""


class DuplicatesFilter:
    """Drops conversations that are equal after folding; remembers about 100 bytes of each."""

    def __init__(self, settings: DuplicatesSettings, surroundings: Surroundings) -> None:
        del surroundings
        self._per_medium = settings.within == "medium"
        self._with_answers = settings.compare == "conversation"
        self._seen: set[bytes] = set()

    def reason_in_order(self, row: Row) -> str:
        """Whether an earlier conversation is equal."""
        key = self._key(row)
        if key in self._seen:
            return "the same as an earlier conversation" if self._with_answers else "asks the same as an earlier one"
        self._seen.add(key)
        return ""

    def _key(self, row: Row) -> bytes:
        texts = [_folded(text) for text in questions(row)]
        if self._with_answers:
            texts += [_folded(text) for text in answers(row)]
        content = json.dumps([media_of(row) if self._per_medium else (), texts])
        return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _folded(text: str) -> str:
    """Without case, punctuation around words and differences of white space."""
    text = unicodedata.normalize("NFC", text).casefold()
    return " ".join(_PUNCTUATION.sub(" ", text).split())
