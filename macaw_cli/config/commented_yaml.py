"""Values of a commented YAML text changed in place: every comment that stands beside another value stays."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Edit = tuple[int, int, str]
"""Where the old text begins and ends, and the new one."""


def with_values(text: str, old: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The text with other values; what has not changed stays as it is written.

    A changed section that is written over several lines becomes one line, if its keys are not those of before.

    Args:
        text: of a mapping, as somebody wrote it, without anchors and tags.
        old: plain values that it holds.
        wanted: plain values of the whole mapping.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for begin, end, new in sorted(_edits(root, old, wanted), reverse=True):
        text = text[:begin] + new + text[end:]
    return text


def _edits(section: Any, old: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Edit]:
    """Edits of a mapping of which no key goes."""
    for key, value in section.value:
        before, now = old[key.value], wanted[key.value]
        if before == now and type(before) is type(now):
            continue
        if isinstance(value, yaml.MappingNode) and isinstance(now, Mapping) and set(before) <= set(now):
            yield from _edits(value, before, now)
        else:
            yield key.end_mark.index, _end(value), f": {_in_a_line(now)}"
    new = {key: value for key, value in wanted.items() if key not in old}
    if not new:
        return
    end = _end(section)
    if section.flow_style:
        inside = ", ".join(f"{key}: {_in_a_line(value)}" for key, value in new.items())
        yield end - 1, end - 1, f"{', ' if old else ''}{inside}"
    else:
        indent = " " * section.start_mark.column
        yield end, end, "".join(f"\n{indent}{key}: {_in_a_line(value)}" for key, value in new.items())


def _end(node: Any) -> int:
    """Where the text of a value ends: of sections of lines, where their last value does, without what follows it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    return end


def _in_a_line(value: Any) -> str:
    """A value as it stands in a line, also inside of braces."""
    return yaml.safe_dump([value], default_flow_style=True, width=1 << 20, allow_unicode=True).strip()[1:-1]
