"""What the user names as sources, as a stream of media: files, folders, patterns, manifests and tars, here or remote.

Nothing here keeps more than one folder's names at a time: a listing of millions of files costs no memory.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.urls import is_url
from macaw_cli.config.loading import Workspace
from macaw_cli.features.remote.fetching import Staging
from macaw_cli.features.source import Found, Ignored, Refused, Source, Uncounted
from macaw_cli.features.sources.local import list_local, local_manifests
from macaw_cli.features.sources.remote import list_remote, remote_manifests
from macaw_cli.features.sources.unique_names import UniqueNames
from macaw_cli.modalities.table import Modality, in_words

_KINDS_SHOWN = 5
_LONGEST_EXTENSION = 12


@dataclass(slots=True)
class Survey:
    """A first look over the sources: how many media of each modality, unusable rows, and files that are no media."""

    media: Counter[Modality] = field(default_factory=Counter)
    refused: int = 0
    kinds_left_out: Counter[str] = field(default_factory=Counter)
    """Files that are no media, by extension."""
    uncounted: Counter[Modality] = field(default_factory=Counter)
    """Those of `media` that are an estimate of what the rest of remote tars holds."""

    @property
    def ignored(self) -> int:
        """How many files are no media."""
        return self.kinds_left_out.total()

    @property
    def left_out(self) -> str:
        """`5 (.txt 3, .json 1, no extension 1)`: how many files are no media, the most frequent kinds named."""
        frequent = self.kinds_left_out.most_common(_KINDS_SHOWN)
        shown = [f"{extension or 'no extension'} {count}" for extension, count in frequent]
        more = ["..."] if len(self.kinds_left_out) > len(frequent) else []
        return f"{self.ignored} ({', '.join([*shown, *more])})"


def survey_sources(workspace: Workspace, sources: list[str], limit: int | None = None) -> Survey:
    """Count what `list_sources` will give.

    Raises:
        UsageError: no source is named.
        InputError: a path does not exist, nothing under the sources is a medium, or a manifest has no good row.
    """
    if not sources:
        raise UsageError("No sources were given.", "Run `macaw extract-features FOLDER`, or set features.sources.")
    found = Survey()
    for entry in _limited(_everything(workspace, sources, None), limit):
        if isinstance(entry, Ignored):
            found.kinds_left_out[entry.extension[:_LONGEST_EXTENSION]] += 1
        elif isinstance(entry, Refused):
            found.refused += 1
        elif isinstance(entry, Uncounted):
            found.media.update(entry.media)
            found.uncounted.update(entry.media)
        else:
            found.media[entry.modality] += 1
    if not found.media and not found.refused:
        others = f" ({counted(found.ignored, 'file')} of other kinds)" if found.ignored else ""
        raise InputError(f"No {in_words()} files in {', '.join(sources)}{others}.", "Check the path.")
    return found


def list_sources(
    workspace: Workspace, sources: list[str], limit: int | None = None, staging: Staging | None = None
) -> Iterator[Source | Refused]:
    """The media that `sources` name, each file once; folders recursively, in the order of their names.

    Where two files would have one name, the later is called by more of its path (`d2/images/a.png`).

    Args:
        workspace: paths are relative to it, and names too for what lies inside it.
        sources: files, folders, glob and brace patterns, tars, or `.jsonl` manifests with
            `{"path", "start"?, "end"?}` rows; each a path or a URL.
        limit: take only the first so many media.
        staging: where remote tars are fetched to; without it only their beginnings are read.

    Yields:
        Media, and rows of manifests that cannot be used.

    Raises:
        InputError: a path or URL does not exist, or a manifest has no good row.
    """
    names = UniqueNames()
    for entry in _limited(_everything(workspace, sources, staging), limit):
        if isinstance(entry, Ignored | Uncounted):
            continue
        if named := names.named(entry):
            yield named


def names_of_manifests(workspace: Workspace, sources: list[str]) -> set[str]:
    """What the manifests among the sources are called in the rejects of their rows."""
    return {
        name
        for source in sources
        for name in (remote_manifests(source) if is_url(source) else local_manifests(workspace, source))
    }


def _limited(found: Iterator[Found], limit: int | None) -> Iterator[Found]:
    if limit is None:
        yield from found
        return
    count = 0
    for entry in found:
        count += entry.media.total() if isinstance(entry, Uncounted) else isinstance(entry, Source)
        if count > limit:
            return
        yield entry


def _everything(workspace: Workspace, sources: list[str], staging: Staging | None) -> Iterator[Found]:
    for source in sources:
        yield from list_remote(source, staging) if is_url(source) else list_local(workspace, source)
