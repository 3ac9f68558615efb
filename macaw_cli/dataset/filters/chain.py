"""The filters that were chosen, applied one after another; see `filter.py` for the three kinds."""

from array import array
from collections.abc import Callable, Iterable, Sequence

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.named_objects import named_object
from macaw_cli.config.filters.table import TABLE, FilterSettings
from macaw_cli.dataset.filters.filter import OrderedFilter, Row, RowFilter, Surroundings, WholeFilter

Removal = tuple[str, str]
"""The name of the filter that removed a conversation, and its reason."""
_Step = tuple[str, Callable[[Row], str]]


class FilterChain:
    """The chosen filters, with what they have seen so far.

    Equal conversations in equal order have equal outcomes; `blind-answerable`, `grounded` with a model and other
    filters that compute with one are as repeatable as the model.

    Args:
        chosen: settings of the filters, in the order in which they are applied.
        surroundings: what filters need besides.

    Raises:
        UsageError: a filter cannot be used with its settings.
        InputError: a model that a filter needs cannot be read.
    """

    def __init__(self, chosen: Sequence[FilterSettings], surroundings: Surroundings) -> None:
        self._chosen = list(chosen)
        made = [(one.name, named_object(TABLE[one.name].place)(one, surroundings)) for one in chosen]
        self._alone: list[_Step] = [(name, one.reason) for name, one in made if isinstance(one, RowFilter)]
        self._ordered: list[_Step] = [
            (name, one.reason_in_order) for name, one in made if isinstance(one, OrderedFilter)
        ]
        self._whole: list[tuple[str, WholeFilter]] = [(name, one) for name, one in made if isinstance(one, WholeFilter)]

    @property
    def names(self) -> list[str]:
        """Of the filters, in order."""
        return [one.name for one in self._chosen]

    def require_each_alone(self, where: str) -> None:
        """Refuse filters that have to see all conversations, where conversations are judged as they come.

        Args:
            where: the setting that chose the filters, for the message.

        Raises:
            UsageError: one of the filters is of that kind.
        """
        if self._whole:
            name = self._whole[0][0]
            raise UsageError(
                f"{where} has {name}, which has to see all conversations before it knows about one.",
                f"Put {name} into dataset.filters, which is applied when the dataset is built.",
            )

    def reason(self, row: Row) -> Removal | None:
        """The first filter that drops the next conversation, and why; None when all of them keep it.

        Those that judge a conversation by itself are asked first. Filters that have to see all conversations are not
        asked: see `judged_together`.
        """
        return self.reason_alone(row) or self.reason_in_order(row)

    def reason_alone(self, row: Row) -> Removal | None:
        """Like `reason`, but only filters that judge a conversation by itself are asked."""
        return _first(self._alone, row)

    def reason_in_order(self, row: Row) -> Removal | None:
        """Like `reason`, but only filters that compare a conversation with those before it are asked."""
        return _first(self._ordered, row)

    @property
    def needs_each(self) -> bool:
        """Whether a filter judges conversations by themselves."""
        return bool(self._alone)

    @property
    def needs_order(self) -> bool:
        """Whether a filter compares conversations with those before them."""
        return bool(self._ordered)

    @property
    def needs_all(self) -> bool:
        """Whether a filter has to see all conversations."""
        return bool(self._whole)

    def judged_together(self, rows: Callable[[], Iterable[Row]]) -> tuple[dict[int, Removal], dict[int, list[str]]]:
        """What the filters drop and tag that have to see all conversations; each sees what those before it kept.

        Args:
            rows: gives all conversations that the other filters kept, in the same order each time.

        Returns:
            By the number of the conversation, from 0: the removals, and the tags of conversations that stay.
        """
        removed: dict[int, Removal] = {}
        tags: dict[int, list[str]] = {}
        for name, one in self._whole:
            seen = array("q")
            for number, row in enumerate(rows()):
                if number not in removed:
                    one.see(row)
                    seen.append(number)
            for finding in one.findings():
                number = seen[finding.number]
                if finding.tag:
                    tags.setdefault(number, []).append(finding.tag)
                else:
                    removed[number] = name, finding.reason
        return removed, tags


def _first(steps: list[_Step], row: Row) -> Removal | None:
    for name, ask in steps:
        if reason := ask(row):
            return name, reason
    return None
