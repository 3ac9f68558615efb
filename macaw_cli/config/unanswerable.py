"""Answers that say that the media do not tell what is asked: of generated examples, and of swapped ones in training."""

from collections.abc import Collection

from macaw_cli.modalities.table import MODALITIES, TABLE

ANSWERS = (
    "This cannot be told from the {medium}.",
    "The {medium} does not show that.",
    "There is nothing in the {medium} that answers this.",
    "I cannot tell, as the {medium} does not contain it.",
    "The {medium} gives no answer to this question.",
    "That is not part of the {medium}, so I cannot say.",
)
"""Drawn by seed; `{medium}` stands for what the question is about."""


def answer_about(text: str, medium: str) -> str:
    """One of the answers about a medium, such as "image"; audio does not "show" but "contain"."""
    answer = text.replace("{medium}", medium)
    return answer.replace("does not show", "does not contain") if medium == "audio" else answer


def main_medium(modalities: Collection[str]) -> str:
    """What an example is called by its media: its modality; of several, the one that holds the most."""
    first = next((name for name in sorted(MODALITIES, key=_holds_no_other) if name in modalities), None)
    return first or next(iter(modalities), "text")


def _holds_no_other(name: str) -> bool:
    """Whether files of a modality hold no other one, as those of videos do their soundtrack."""
    return not TABLE[name].contains
