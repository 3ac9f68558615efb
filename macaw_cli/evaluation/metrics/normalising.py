"""Forms of a text in which answers are compared."""

import re
import string

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
NO_WORD = re.compile(r"[^\w\s']+")


def answer_words(text: str) -> list[str]:
    """Lower case, without ASCII punctuation and English articles, as in the evaluation of SQuAD.

    Source: Rajpurkar et al. 2016 (arXiv 1606.05250), section 6.1.
    """
    return ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split()


def spoken_words(text: str) -> str:
    """Lower case, punctuation but apostrophes taken out, single spaces: what a transcript is compared in."""
    return " ".join(NO_WORD.sub(" ", text.lower()).split())
