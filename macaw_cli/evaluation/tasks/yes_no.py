"""Answers of yes or no: which of the two is said."""

import re


def first_said(answer: str, yes: str = "yes", no: str = "no") -> str:
    """`yes` or `no`, whichever stands first as a word in an answer, in any case; empty where neither does.

    Args:
        answer: of a model.
        yes: one of the words, such as `yes` or `A`.
        no: the other one.
    """
    found = re.search(rf"\b({re.escape(yes)}|{re.escape(no)})\b", answer, re.IGNORECASE)
    return "" if found is None else yes if found[1].lower() == yes.lower() else no


def only_said(answer: str) -> str:
    """`yes` or `no` where one of them is among the words of an answer and the other is not; else empty."""
    words = set(re.findall(r"[a-z]+", answer.lower()))
    said = words & {"yes", "no"}
    return said.pop() if len(said) == 1 else ""
