"""`FORMAT:PATH[?OPTIONS][#N]`: how a source of conversations is written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.path_options import path_and_options
from macaw_cli.basics.shown_text import cut, shown
from macaw_cli.config.loading import Workspace
from macaw_cli.dataset.formats.beginning import beginning_of
from macaw_cli.dataset.formats.registry import FORMATS

SPEC = re.compile(
    r"(?:(?P<format>[a-z0-9_-]+):)?(?P<path>.+?)(?:#(?P<count>[0-9]+)(?P<mark>[+%]?))?", re.DOTALL
)  # fmt: skip
MAX_COUNT = 100_000_000
"""Conversations that `#N` may ask for: more than any dataset has."""


@dataclass(frozen=True, slots=True)
class Source:
    """One parsed `FORMAT:PATH[?OPTIONS][#N]`."""

    number: int
    """Its place among the sources, from 0."""
    format: str
    name: str
    """The path as given."""
    path: Path
    count: int | None = None
    """How many conversations to take at random; None is all. Where there are fewer, all are taken."""
    fill: bool = False
    """`#N+`: where there are fewer than N, repeat them until there are N (the paper's mix of three times 50,000)."""
    share: float | None = None
    """`#N%`: the share of its usable conversations that is used, chosen at random."""
    options: Mapping[str, str] = field(default_factory=dict)
    items: bool = True
    """Whether items (rows with captions and without messages) become descriptions; not where a model writes of them."""


def parse_sources(specs: Sequence[str], workspace: Workspace, limit: int | None = None) -> list[Source]:
    """Read every `FORMAT:PATH[?OPTIONS][#N]`. A format that is left out is guessed by the file, and said.

    Args:
        specs: as given in the settings or by `--source`.
        workspace: relative paths are relative to its folder.
        limit: take at most so many of each source.

    Raises:
        UsageError: none is given, or one is not of that form, or names an unknown format or option.
    """
    if not specs:
        raise UsageError(
            "No source of conversations was given.",
            f"Give --source FORMAT:PATH or dataset.sources in macaw.yaml; formats: {', '.join(FORMATS)}.",
        )
    return [_parse(spec, number, workspace, limit) for number, spec in enumerate(specs)]


def _parse(spec: str, number: int, workspace: Workspace, limit: int | None) -> Source:
    match = SPEC.fullmatch(spec)
    if not match:
        raise UsageError(
            f"A source has the form FORMAT:PATH or FORMAT:PATH#N, found {shown(spec)}.",
            f"For example jsonl:{cut(spec) or 'conversations.jsonl'}; formats: {', '.join(FORMATS)}.",
        )
    name, options = _options(match["path"], workspace)
    form = match["format"]
    if form is None:
        form = _guessed(name, spec, workspace)
    elif form not in FORMATS:
        if workspace.path(f"{form}:{name}").exists():  # a file with a colon in its name
            name = f"{form}:{name}"
            form = _guessed(name, spec, workspace)
        else:
            raise _unknown_format(spec, form, name)
    _require_known(form, options)
    if resolve := FORMATS[form].resolve:
        name, implied = resolve(name, lambda path: workspace.path(path).exists())
        options |= implied
    count = _count(match, spec, workspace)
    share = None
    if match["mark"] == "%":
        count, share = None, _share(count or 0, spec)
    if count == 0:
        problem = f"{shown(spec)} selects no conversations."
        raise UsageError(problem, "Remove the source, or give a larger number.")
    fill = match["mark"] == "+"
    if limit is not None:
        count, fill = min(count or limit, limit), fill and (count or 0) <= limit
    return Source(number, form, name, workspace.path(name), count, fill, share=share, options=options)


def _unknown_format(spec: str, form: str, path: str) -> UsageError:
    close = closest(form, FORMATS)
    meant = f" Did you mean {close[0]}:{cut(path)}?" if close else ""
    problem = f"{shown(spec)} has the unknown format {shown(form)}.{meant}"
    return UsageError(problem, f"Formats: {', '.join(FORMATS)}.")


def _guessed(name: str, spec: str, workspace: Workspace) -> str:
    """The one format whose files begin like this one."""
    path = workspace.path(name)
    if not path.exists():
        raise UsageError(
            f"A source has the form FORMAT:PATH or FORMAT:PATH#N, found {shown(spec)}, and there is no file {path}.",
            f"For example jsonl:{cut(name)}; formats: {', '.join(FORMATS)}.",
        )
    file = beginning_of(path)
    fitting = [one.name for one in FORMATS.values() if one.looks_like and one.looks_like(file)]
    if len(fitting) != 1:
        found = f"could be {' or '.join(fitting)}" if fitting else "is of no format that can be recognised"
        raise UsageError(
            f"The source {shown(name)} {found}.",
            f"Write the format in front of it, such as {(fitting or ['jsonl'])[0]}:{cut(name)};"
            f" formats: {', '.join(FORMATS)}.",
        )
    say(f"{name} is read as {fitting[0]}.")
    return fitting[0]


def _options(path: str, workspace: Workspace) -> tuple[str, dict[str, str]]:
    """Path and options, unless the question mark is part of a file's name."""
    if workspace.path(path).exists():
        return path, {}
    return path_and_options(path, "csv:labels.csv?image=file&answer=label")


def _require_known(form: str, options: Mapping[str, str]) -> None:
    known = FORMATS[form].options
    for key in options:
        if key not in known:
            close = closest(key, known, 3)
            meant = f" Did you mean {' or '.join(close)}?" if close else ""
            raise UsageError(
                f"The format {form} has no option {shown(key)}.{meant}",
                f"Its options: {', '.join(known)}." if known else "It has none.",
            )


def _share(percent: int, spec: str) -> float:
    if not 1 <= percent <= 100:
        raise UsageError(f"{shown(spec)} ends in a share that is not between 1% and 100%.", "For example #30%.")
    return percent / 100


def _count(match: re.Match[str], spec: str, workspace: Workspace) -> int | None:
    digits = match["count"]
    if digits is None:
        path, hash_mark, behind = match["path"].rpartition("#")
        meant = not behind.strip() or behind.strip()[0] in "+-" or behind.strip()[0].isnumeric()
        if hash_mark and path and meant and not workspace.path(match["path"]).exists():
            problem = f"{shown(spec)} ends in #{cut(behind, 40)}, which is not a number of conversations."
            raise UsageError(problem, "Write a whole number in digits, such as #50000 or #50000+.")
        return None
    if len(digits.lstrip("0")) > len(str(MAX_COUNT)) or int(digits) > MAX_COUNT:
        raise UsageError(f"{shown(spec)} asks for more than {MAX_COUNT:,} conversations.", "Leave #N out to use all.")
    return int(digits)
