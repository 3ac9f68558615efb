"""YAML that others wrote: bounded in size, in depth and in what its aliases stand for.

A few lines of aliases of aliases mean more values than any memory holds ("billion laughs"), and PyYAML answers some
scalars with errors of Python. Both end in one clear error here.
"""

from pathlib import Path
from typing import Any

import yaml

from macaw_cli.basics.errors import InputError, MacawError
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.shown_text import cut

MAX_CHARACTERS = 4 << 20
MAX_DEPTH = 50
MAX_DIGITS = 100
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
MAX_VALUES = 100_000
"""With every alias counted as what it stands for."""
_WRONG_SCALARS = (ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError, RecursionError)
"""What PyYAML raises for `2026-99-99`, `!!bool x`, `!!int ""`, `!!timestamp x` and a number of 5,000 digits."""


def parse_yaml(text: str, what: str, kind: type[MacawError] = InputError, hint: str = "") -> Any:
    """The value of a YAML text of plain values; a key that stands twice in one section is an error.

    Args:
        text: the YAML.
        what: what the text is called at the beginning of the message.
        kind: class of the error.
        hint: of the error.

    Raises:
        MacawError: of the given kind: it is not YAML, too large, too deep, or its aliases stand for too much.
    """
    if len(text) > MAX_CHARACTERS:
        raise kind(f"{what} has {len(text):,} characters, but the limit for YAML is {MAX_CHARACTERS:,}.", hint)
    try:
        return yaml.load(text, _Bounded)
    except (yaml.YAMLError, *_WRONG_SCALARS) as error:
        raise kind(f"{what} is not valid YAML: {cut(str(error) or type(error).__name__, 500)}.", hint) from None


def read_yaml(path: Path, kind: type[MacawError] = InputError, hint: str = "") -> Any:
    """The value of a YAML file; see `parse_yaml`.

    Raises:
        MacawError: of the given kind: it is no file of YAML.
        OSError: it does not exist or cannot be read.
    """
    with open_regular(path) as file:
        content = file.read(4 * MAX_CHARACTERS + 1)  # a character has at most four bytes
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise kind(f"{path} is not valid YAML: it is not UTF-8 ({error.reason} at byte {error.start}).", hint) from None
    return parse_yaml(text, str(path), kind, hint)


class _Bounded(yaml.SafeLoader):
    """Counts nodes while they are composed, before any value is made of them."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._level = self._values = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        anchor = self.peek_event().anchor  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            if anchor in self.anchors and anchor not in self._sizes:
                raise yaml.YAMLError(f"the alias *{cut(anchor)} refers to itself")
            self._count(self._sizes.get(anchor, 0))
            return super().compose_node(parent, index)
        before, self._level = self._values, self._level + 1
        if self._level > MAX_DEPTH:
            raise yaml.YAMLError(f"it has more than {MAX_DEPTH} levels")
        self._count(1)
        if anchor is not None:
            self._sizes.pop(anchor, None)
        node = super().compose_node(parent, index)
        self._level -= 1
        if anchor is not None:
            self._sizes[anchor] = self._values - before
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """YAML forbids a key twice in one section; PyYAML would silently take the last one."""
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.construct_object(key, deep=True)
            try:
                repeated = name in seen
            except TypeError:  # a list or a section as a key, which is told below
                continue
            if repeated:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"`{cut(str(name))}` appears twice in the section at line {line}")
            seen.add(name)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: Any) -> Any:
        """A number is short; PyYAML takes minutes for the digits of a long one."""
        value = super().construct_scalar(node)
        if node.tag in _NUMBERS and len(value) > MAX_DIGITS:
            raise yaml.YAMLError(f"it has a number of {len(value):,} characters at line {node.start_mark.line + 1}")
        return value

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise yaml.YAMLError(f"it expands to more than {MAX_VALUES:,} values, aliases included")
