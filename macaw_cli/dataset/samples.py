"""WebDataset samples: conversations on the same set of media share one sample, which holds the features once."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.dataset.feature_join import JoinedConversation, Medium
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.training_rows import Split

TEXT_ONLY_PER_SAMPLE = 256
TAR_BLOCK = 512


@dataclass(frozen=True, slots=True)
class PlannedSample:
    """One sample, before its features are read."""

    key: str
    media: Mapping[str, Medium]
    """Member name (`image.npy`, `image1.npy`, ...) to medium."""
    conversations: tuple[JoinedConversation, ...]

    @property
    def nbytes(self) -> int:
        """Bytes in the tar, headers and padding included."""
        contents = [medium.row.nbytes for medium in self.media.values()] + [len(sample_json(self)[0])]
        return sum(TAR_BLOCK + -(-size // TAR_BLOCK) * TAR_BLOCK for size in contents)


def plan_samples(joined: Sequence[JoinedConversation], split: Split) -> list[PlannedSample]:
    """All samples of one side, in the order in which their first conversations come.

    Args:
        joined: the conversations of that side.
        split: its name, which keeps the keys of both sides' text-only samples apart.
    """
    groups: dict[frozenset[tuple[Modality, str]], list[JoinedConversation]] = defaultdict(list)
    for conversation in joined:
        groups[frozenset(use.medium.identity for use in conversation.media)].append(conversation)
    samples: list[PlannedSample] = []
    for identities, group in groups.items():
        if identities:
            samples.append(PlannedSample(_key(identities), _members(group[0]), tuple(group)))
        else:
            samples += _text_only(group, split)
    return samples


def sample_json(sample: PlannedSample) -> tuple[bytes, list[tuple[int, int]]]:
    """The sample's JSON member.

    Returns:
        Its bytes, and where in them each conversation begins and how long it is, so that one can be read alone.
    """
    names = {medium.identity: name for name, medium in sample.media.items()}
    described = {
        names[use.medium.identity]: {"key": use.medium.row.key, "source": use.source}
        for use in sample.conversations[0].media
    }
    content = bytearray(b'{"media":' + _dumped(described) + b',"conversations":[\n')
    spans: list[tuple[int, int]] = []
    for number, joined in enumerate(sample.conversations):
        content += b",\n" if number else b""
        conversation = _dumped(_stored(joined, names))
        spans.append((len(content), len(conversation)))
        content += conversation
    return bytes(content + b"\n]}\n"), spans


def _stored(joined: JoinedConversation, names: Mapping[tuple[Modality, str], str]) -> dict[str, Any]:
    """The canonical conversation, its media named by the sample's own members."""
    given = joined.conversation
    media = {
        modality: [names[use.medium.identity] for use in joined.media if use.medium.row.modality == modality]
        for modality in MODALITIES
    }
    optional = {"kind": given.kind, "choices": given.choices}
    return {
        "id": given.id,
        **{modality: members for modality, members in media.items() if members},
        **({"audio": []} if given.silent else {}),
        "messages": given.messages,
        **{key: value for key, value in optional.items() if value is not None},
        **given.extra,
    }


def _members(joined: JoinedConversation) -> dict[str, Medium]:
    members: dict[str, Medium] = {}
    for modality in MODALITIES:
        media = {use.medium.identity: use.medium for use in joined.media if use.medium.row.modality == modality}
        members |= {f"{modality}{number or ''}.npy": medium for number, medium in enumerate(media.values())}
    return members


def _text_only(group: list[JoinedConversation], split: Split) -> list[PlannedSample]:
    size = TEXT_ONLY_PER_SAMPLE
    chunks = [tuple(group[start : start + size]) for start in range(0, len(group), size)]
    return [PlannedSample(f"{split}-text-{number:06d}", {}, chunk) for number, chunk in enumerate(chunks)]


def _key(identities: frozenset[tuple[Modality, str]]) -> str:
    lines = "\n".join(sorted(f"{modality}:{key}" for modality, key in identities))
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _dumped(content: Any) -> bytes:
    return _ENCODER.encode(content).encode()
