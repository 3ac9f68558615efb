"""What a file of macaw's own must hold, declared once, and checked wherever it is read.

The name of a file proves nothing: `manifest.jsonl` or `progress.json` may be another tool's, half restored, or made by
somebody who wants to be believed. A `Kind` is one check with its words; `Fields` puts them together for an object.

    ROW = Fields({"shard": SHARD_NAME, "bytes": COUNT}, {"meta": Fields({}, {"duration": NUMBER})})
    for row in iterate_objects(folder / "manifest.jsonl", ROW): ...

A million rows are checked when a large store is opened. So the fields of an object are taken out at once, and the two
kinds of row of which there are millions have a test of their own for the usual row, which is spelled out.
"""

import functools
import math
import re
from collections.abc import Callable, Collection, Mapping
from operator import call, itemgetter
from typing import Any, TypeVar

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.plain_names import is_plain_name, is_shard_name
from macaw_cli.basics.shown_text import cut, shown

T = TypeVar("T")
LARGEST = 1 << 62
"""Of offsets and sizes: two of them can be added without leaving 64 bits."""
_MOST_ELEMENTS = 1 << 40
_MOST_DIMENSIONS = 8
_SHOWN = 60
_HINT = "Restore it from a copy, or make it again."


class Kind:
    """One check of a value.

    Args:
        words: what the value must be, behind "must be".
        of: its type; None where several are right.
        also: what must hold beyond the type, as a function of a value of that type.

    Attributes:
        holds: whether a value is of this kind.
    """

    def __init__(self, words: str, of: type | None = None, also: Callable[[Any], Any] | None = None) -> None:
        self.words, self.of, self.also = words, of, also
        self.holds: Callable[[Any], bool] = lambda value: (
            (of is None or type(value) is of) and (also is None or bool(also(value)))
        )

    def fault(self, value: Any, path: str) -> str:
        """What is wrong with a value that is not of this kind; `path` names it."""
        return f"{f'`{path}`' if path else 'it'} must be {self.words}, found {shown(value, _SHOWN)}"

    def checked(self, value: Any, where: str, kind: type[Exception] = DamagedError) -> Any:
        """The value itself.

        Args:
            value: of parsed JSON or YAML.
            where: what it was read from, such as `a.jsonl, line 3`.
            kind: class of the error, one of `MacawError`.

        Raises:
            DamagedError: (or `kind`) it is something else; the message says what and where.
        """
        if not self.holds(value):
            raise kind(f"{where} does not hold what macaw writes there: {self.fault(value, '')}.", _HINT)
        return value


class Fields(Kind):
    """An object with these keys; others may be there.

    Args:
        required: keys that must be there.
        optional: keys that may be absent or null.
        usual: a faster test, for rows by the million. It passes no object that the fields would not pass; whatever it
            does not pass is tested field by field.
    """

    def __init__(
        self,
        required: Mapping[str, Kind],
        optional: Mapping[str, Kind] | None = None,
        usual: Callable[[Any], bool] | None = None,
    ) -> None:
        test = _test_of(required, optional or {})
        super().__init__("a JSON object", dict, test)
        self._required, self._optional = dict(required), dict(optional or {})
        if usual:
            self.holds = lambda value: usual(value) or (type(value) is dict and test(value))

    def fault(self, value: Any, path: str) -> str:
        """The first key that is wrong."""
        if type(value) is not dict:
            return super().fault(value, path)
        for name, kind in {**self._required, **self._optional}.items():
            inner = f"{path}.{name}".lstrip(".")
            if name not in value:
                if name in self._required:
                    return f"`{inner}` is missing"
            elif not (kind.holds(value[name]) or (value[name] is None and name not in self._required)):
                return kind.fault(value[name], inner)
        return super().fault(value, path)


def _test_of(required: Mapping[str, Kind], optional: Mapping[str, Kind]) -> Callable[[dict[Any, Any]], bool]:
    """The test of `Fields` as one function that looks nothing up again."""
    typed = {name: kind.of for name, kind in required.items() if kind.of}
    more = {name: kind.also for name, kind in required.items() if kind.also}
    typed_of, more_of, types, also = _values_of(typed), _values_of(more), [*typed.values()], [*more.values()]
    may, must = [(name, kind.holds) for name, kind in optional.items()], len(required)

    def are_right(value: dict[Any, Any]) -> bool:
        if must:
            try:
                if [*map(type, typed_of(value))] != types or not all(map(call, also, more_of(value))):
                    return False
            except KeyError:
                return False
        if len(value) > must:
            for name, holds in may:
                found = value.get(name)
                if found is not None and not holds(found):
                    return False
        return True

    return are_right


def _values_of(names: Collection[str]) -> Callable[[dict[Any, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda value: tuple([value[name] for name in names])


class _Many(Kind):
    """A list or an object of values of one kind."""

    def __init__(self, words: str, type_: type, of_each: Kind, values: Callable[[Any], Any]) -> None:
        each = of_each.holds
        super().__init__(words, type_, lambda value: all(map(each, values(value))))
        self._of_each = of_each

    def fault(self, value: Any, path: str) -> str:
        """The first entry that is wrong."""
        if not isinstance(value, dict | list) or type(value) is not self.of:
            return super().fault(value, path)
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for name, entry in entries:
            if not self._of_each.holds(entry):
                return self._of_each.fault(entry, f"{path}.{cut(str(name), _SHOWN)}".lstrip("."))
        return super().fault(value, path)


def list_of(kind: Kind) -> Kind:
    """A list whose entries are all of one kind."""
    return _Many("a list", list, kind, iter)


def mapping_of(kind: Kind) -> Kind:
    """An object with any keys whose values are all of one kind."""
    return _Many("a JSON object", dict, kind, dict.values)


def one_of(values: Collection[str]) -> Kind:
    """One of these texts."""
    known = frozenset(values)
    return Kind(f"one of {', '.join(sorted(known))}", str, known.__contains__)


def or_null(kind: Kind) -> Kind:
    """A kind that allows null as well."""
    return Kind(f"{kind.words} or null", None, lambda value: value is None or kind.holds(value))


def either(*kinds: Kind) -> Kind:
    """A kind that is one of several."""
    return Kind(" or ".join(kind.words for kind in kinds), None, lambda value: any(kind.holds(value) for kind in kinds))


def _is_number(value: Any) -> bool:
    return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) <= LARGEST)


def _is_measured(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) <= LARGEST)


def _is_pair(value: list[Any]) -> bool:
    return len(value) == 2 and COUNT.holds(value[0]) and COUNT.holds(value[1])


def is_shape(value: list[Any]) -> bool:
    """Whether a list is the shape of an array that could be."""
    try:
        return _are_sizes(*value)
    except TypeError:  # something inside cannot be hashed
        return False


@functools.lru_cache(maxsize=1024, typed=True)
def _are_sizes(*sizes: Any) -> bool:
    """Cached, as a million rows repeat a few shapes."""
    if not 0 < len(sizes) <= _MOST_DIMENSIONS or any(type(size) is not int or size < 0 for size in sizes):
        return False
    return bool(math.prod(sizes) <= _MOST_ELEMENTS)


ANYTHING = Kind("anything")
TEXT = Kind("text", str)
FLAG = Kind("true or false", bool)
COUNT = Kind("a whole number from 0", int, range(LARGEST + 1).__contains__)
NUMBER = Kind("a number", None, _is_number)
MEASURED = Kind("a number", None, _is_measured)
"""What a training has measured: NaN and Inf are possible."""
OBJECT = Kind("a JSON object", dict)
TEXTS = list_of(TEXT)
PAIR = Kind("two whole numbers from 0", list, _is_pair)
PLAIN_NAME = Kind("a plain file name", str, is_plain_name)
"""One component of a path; see `plain_names`."""
SHARD_NAME = Kind("a plain file name that ends in .tar", str, is_shard_name)
SHAPE = Kind("the shape of an array", list, is_shape)
HASH = Kind("a hash in hex", str, re.compile("(?:[0-9a-f]{2}){4,64}").fullmatch)
DTYPES = frozenset(("float16", "float32", "float64"))
DTYPE = one_of(DTYPES)


def made_of(type_: type[T], content: Mapping[str, Any]) -> T:
    """A dataclass from a checked object; keys that it does not know, as of a newer macaw, are left out."""
    known = getattr(type_, "__dataclass_fields__")  # noqa: B009, mypy knows no such attribute of a type
    return type_(**{name: content[name] for name in known if name in content})
