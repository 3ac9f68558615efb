"""WebDataset samples: conversations on the same set of media share one sample, which holds the features once."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from macaw_cli.dataset.scratch.spooled import Spooled, dumped
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.training_rows import Split

TEXT_ONLY_PER_SAMPLE = 256
TAR_BLOCK = 512
_BETWEEN, _LIST, _END = b",\n", b',"conversations":[\n', b"\n]}\n"

Identity = tuple[Modality, str]
"""Modality and content key of a medium."""


def member_names(first: Spooled, identities: Sequence[Identity]) -> dict[int, str]:
    """Number of each medium of a sample to the name of its member: `image.npy`, `image1.npy`, ...

    Args:
        first: the first conversation of the sample.
        identities: of all media, by number.
    """
    names: dict[int, str] = {}
    for modality in MODALITIES:
        media = dict.fromkeys(use.medium for use in first.uses if identities[use.medium][0] == modality)
        names |= {medium: f"{modality}{place or ''}.npy" for place, medium in enumerate(media)}
    return names


def sample_key(media: Iterable[int], identities: Sequence[Identity]) -> str:
    """The key of the sample of a set of media, which only their content decides."""
    lines = "\n".join(sorted("{}:{}".format(*identities[medium]) for medium in media))
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def text_key(split: Split, number: int) -> str:
    """The key of a sample of text alone."""
    return f"{split}-text-{number:06d}"


def json_begin(first: Spooled, names: Mapping[int, str], identities: Sequence[Identity]) -> bytes:
    """The sample's JSON up to its first conversation: what each member is."""
    described = {
        names[use.medium]: {"key": identities[use.medium][1], "source": use.source} for use in first.uses
    }
    return b'{"media":' + dumped(described) + _LIST


def media_json(given: Spooled, names: Mapping[int, str], identities: Sequence[Identity]) -> bytes:
    """The lists of a conversation's media, named by the sample's own members, as they stand in its JSON."""
    lists: dict[Modality, list[str]] = {}
    for use in given.uses:
        lists.setdefault(identities[use.medium][0], []).append(names[use.medium])
    # the silence of a video (`"audio": []`) stands behind the media; a conversation with audio has none
    return b"".join(b',"%b":%b' % (one.encode(), dumped(lists[one])) for one in MODALITIES if one in lists)


def sample_json(begin: bytes, conversations: Iterable[bytes]) -> tuple[bytes, list[tuple[int, int]]]:
    """The sample's JSON member.

    Args:
        begin: what `json_begin` says.
        conversations: the JSON of each.

    Returns:
        Its bytes, and where in them each conversation begins and how long it is, so that one can be read alone.
    """
    parts, spans, place = [begin], [], len(begin)
    for number, conversation in enumerate(conversations):
        if number:
            parts.append(_BETWEEN)
            place += len(_BETWEEN)
        spans.append((place, len(conversation)))
        parts.append(conversation)
        place += len(conversation)
    return b"".join([*parts, _END]), spans


def json_bytes(begin: int, conversations: int, count: int) -> int:
    """The length of a sample's JSON member.

    Args:
        begin: length of what `json_begin` says.
        conversations: length of the JSON of all conversations.
        count: how many they are.
    """
    return begin + conversations + len(_BETWEEN) * (count - 1) + len(_END)


def tar_bytes(contents: Iterable[int]) -> int:
    """Bytes of a sample in the tar, headers and padding included, from the sizes of its members."""
    return sum(TAR_BLOCK + -(-size // TAR_BLOCK) * TAR_BLOCK for size in contents)
