"""What is compared: `--bridges` and `--injections` as designs with names, seeds apart."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.shown_text import shown
from macaw_cli.basics.yaml_text import parse_yaml
from macaw_cli.config.experts.table import TABLE

NO_INJECTION = "none"
AS_TEXT = "as text"
"""Ends the label of a design that reads experts' texts instead of soft tokens."""
_EXAMPLE = "For example: --bridges 'mlp,{name: frame-stack, stride: 8},{image: mlp, audio: frame-stack}'"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._]+")


@dataclass(frozen=True)
class Design:
    """One bridge with one injection, as `bridge:` and `injection:` of `macaw.yaml` take them; or experts' texts.

    Attributes:
        bridge: a name, or a mapping of options; None leaves the workspace's own.
        injection: the same of an injection.
        experts: names of those whose texts take the place of the media that they describe; empty where none are read,
            None leaves that to the workspace.
    """

    bridge: Any = None
    injection: Any = None
    experts: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """How tables call it, such as `frame-stack stride=8 + gated-cross-attention`."""
        if self.experts:
            return f"{'+'.join(self.experts)} {AS_TEXT}"
        parts = [] if self.bridge is None else [" ".join(_words(self.bridge))]
        if self.injection is not None and self.injection != NO_INJECTION:
            parts.append(" ".join(_words(self.injection)))
        return " + ".join(parts) or NO_INJECTION

    @property
    def file_name(self) -> str:
        """The label as a part of a run's name."""
        return _NOT_IN_NAMES.sub("-", self.label).strip("-.")

    def overrides(self) -> dict[str, Any]:
        """Dotted key to value of the settings that make this design."""
        chosen: dict[str, Any] = {"bridge": self.bridge, "injection": self.injection}
        if self.experts is not None:
            chosen["expert_texts.names"] = list(self.experts)
            chosen["expert_texts.media"] = "replace" if self.experts else None
        return {key: value for key, value in chosen.items() if value is not None}


def designs_of(bridges: Sequence[str], injections: Sequence[str], experts: Sequence[str] = ()) -> list[Design]:
    """Every bridge with every injection, in the order in which they were typed, and then the experts.

    Args:
        bridges: every `--bridges`; none compares the injections with the workspace's bridge.
        injections: every `--injections`; none leaves the workspace's.
        experts: every `--experts`; where there is one, the other designs read no texts.

    Raises:
        UsageError: nothing to compare, a design that is neither a name nor a mapping, or one that is named twice.
    """
    own: list[Any] = [None]
    listed = _listed(bridges, "--bridges"), _listed(injections, "--injections")
    texts = [_expert_names(entry) for entry in _listed(experts, "--experts")]
    without = () if texts else None
    chosen = [Design(bridge, injection, without) for bridge, injection in product(listed[0] or own, listed[1] or own)]
    if not any(listed):
        chosen = []
    chosen += [Design(experts=names) for names in texts]
    if not chosen:
        raise UsageError("Nothing to compare: name the designs with --bridges, --injections or --experts.", _EXAMPLE)
    _require_different(chosen)
    return chosen


def as_override(key: str, value: Any) -> str:
    """A setting as `--set` takes it: JSON is YAML too."""
    return f"{key}={json.dumps(value)}"


def _listed(texts: Sequence[str], option: str) -> list[Any]:
    """The entries of a YAML list without its brackets, of all texts together."""
    found: list[Any] = []
    for text in texts:
        entries = parse_yaml(f"[{text}]", option, UsageError, _EXAMPLE)
        found += entries if isinstance(entries, list) else [entries]
    for entry in found:
        if not isinstance(entry, str | Mapping) or not entry:
            raise UsageError(f"{option} takes names and mappings separated by commas, found {shown(entry)}.", _EXAMPLE)
    return found


def _expert_names(entry: Any) -> tuple[str, ...]:
    """The experts of `transcript` or `transcript+tags`.

    Raises:
        UsageError: it is not of that form, or names an expert that there is not.
    """
    example = "For example: --experts transcript,transcript+tags"
    if not isinstance(entry, str):
        raise UsageError(f"--experts takes names separated by commas, found {shown(entry)}.", example)
    names = tuple(entry.split("+"))
    for name in names:
        if name not in TABLE:
            raise UsageError(f"--experts names {shown(name)}; there are {', '.join(TABLE)}.", example)
    if len(set(names)) < len(names):
        raise UsageError(f"--experts names an expert twice in {shown(entry)}.", example)
    return names


def _words(design: Any) -> Iterator[str]:
    """The name first, then every option as `key=value`; of one design per modality, `image=mlp`."""
    if not isinstance(design, Mapping):
        yield str(design)
        return
    if "name" in design:
        yield str(design["name"])
    for key, value in design.items():
        if key != "name":
            told = ",".join(_words(value)) if isinstance(value, Mapping) else value
            yield f"{key}={told}"


def _require_different(designs: Sequence[Design]) -> None:
    seen: dict[str, Design] = {}
    for design in designs:
        if design.file_name.lower() in seen:
            raise UsageError(f"{design.label} is named twice.", "Name every design once.")
        seen[design.file_name.lower()] = design
