"""`yes-no-balance`: as many answers of no as wanted, so that a model learns no bias to agree."""

import hashlib
import math
import re
from array import array
from collections.abc import Iterator

from macaw_cli.basics.console import say
from macaw_cli.config.filters.yes_no_balance import YesNoBalanceSettings
from macaw_cli.dataset.filters.conversation_texts import answers
from macaw_cli.dataset.filters.filter import Finding, Row, Surroundings

_ANSWER = re.compile(r"\s*(yes|no)\b", re.IGNORECASE)


class YesNoBalanceFilter:
    """Drops conversations of the side that has too many, chosen by seed; those of several turns are left alone."""

    def __init__(self, settings: YesNoBalanceSettings, surroundings: Surroundings) -> None:
        self._no_share = settings.no_share
        self._seed = surroundings.seed
        self._count = 0
        self._numbers = {"yes": array("q"), "no": array("q")}

    def see(self, row: Row) -> None:
        """Take note of the side that the conversation is on."""
        given = answers(row)
        if len(given) == 1 and (found := _ANSWER.match(given[0])):
            self._numbers[found[1].lower()].append(self._count)
        self._count += 1

    def findings(self) -> Iterator[Finding]:
        """Those beyond what the other side allows."""
        yes, no = len(self._numbers["yes"]), len(self._numbers["no"])
        if not yes or not no:
            if yes or no:
                missing = "no" if yes else "yes"
                say(f"yes-no-balance drops nothing, because no answer is {missing}.")
            return
        side, wanted = ("yes", no * (1 / self._no_share - 1)), ("no", yes / (1 / self._no_share - 1))
        name, most = side if yes > side[1] else wanted
        # rounded up, so that sides that agree but for a fraction stay as they are
        surplus = max(0, len(self._numbers[name]) - math.ceil(most))
        drawn = sorted(self._numbers[name], key=self._draw)[:surplus]
        for number in sorted(drawn):
            yield Finding(number, f"more answers are {name} than the share of no of {self._no_share:g} allows")

    def _draw(self, number: int) -> bytes:
        return hashlib.sha256(f"{self._seed}/yes-no/{number}".encode()).digest()
