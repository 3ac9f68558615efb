"""`refusals`: answers in which the writing model speaks as itself instead of answering."""

import re

from macaw_cli.config.filters.refusals import RefusalsSettings
from macaw_cli.dataset.filters.conversation_texts import answers, is_unanswerable
from macaw_cli.dataset.filters.filter import Row, Surroundings

_MEDIUM = (
    r"(?:the |this |that |any |your )?(?:attached |provided |given |actual )?"
    r"(?:images?|photos?|pictures?|videos?|clips?|audio|recordings?|files?|media|attachments?)"
)
_CANNOT = (
    r"(?:can ?not|can't|(?:am|'m) (?:unable|not able) to|(?:do not|don't) have the ability to)(?: directly)?"
)
_PERCEIVE = r"(?:see|view|watch|hear|listen to|access|open|play|process|analy[sz]e|display)"
PATTERNS = (
    r"\bas an? (?:ai|artificial intelligence|(?:large |visual )?language model|text-based (?:ai|model|assistant))\b",
    r"\bi(?:'m| am) (?:just |only )?an? (?:ai|artificial intelligence|(?:large )?language model|text-based)\b",
    rf"\bi ?{_CANNOT} {_PERCEIVE} {_MEDIUM}\b",
    rf"\bi (?:do not|don't) (?:actually )?(?:see|have access to) {_MEDIUM}\b",
    rf"\b(?:no|without (?:seeing|an?|the)) {_MEDIUM} (?:was|were|is|has been) (?:provided|attached|given|uploaded)\b",
    r"\bi(?:'m| am) (?:very )?sorry,? (?:but|i (?:can|am)|as an)\b",
    r"\bi (?:apologi[sz]e|must decline)\b",
    r"\bi (?:can ?not|can't|won't) (?:assist|help) (?:you )?with (?:that|this|your request)\b",
    r"\b(?:based on|according to|from) the (?:caption|description|text|information) (?:provided|given|you)\b",
)
"""What such answers say, in English."""


class RefusalsFilter:
    """Drops them, but not where the right answer is that the media do not tell."""

    def __init__(self, settings: RefusalsSettings, surroundings: Surroundings) -> None:
        del surroundings
        own = [re.escape(phrase) for phrase in settings.phrases if phrase.strip()]
        self._refusal = re.compile("|".join([*PATTERNS, *own]), re.IGNORECASE)

    def reason(self, row: Row) -> str:
        """The words by which it was recognised."""
        if is_unanswerable(row):
            return ""
        for answer in answers(row):
            if found := self._refusal.search(answer.replace("\u2019", "'")):
                return f"the answer refuses: {found[0]!r}"
        return ""
