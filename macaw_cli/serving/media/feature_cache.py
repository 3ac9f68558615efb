"""Features of media that were sent before, and what experts say of them."""

from collections import OrderedDict

from macaw_cli.inference.attachments import Attachment
from macaw_cli.modalities.table import Modality

_OVERHEAD = 1024
"""Bytes counted for an attachment besides its features and its text."""
Key = tuple[str, Modality]
"""SHA-256 of a file, and what it was read as."""


class FeatureCache:
    """Attachments by file; those that were not asked for longest are forgotten first. For one thread.

    Args:
        max_bytes: of all features and texts together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._kept: OrderedDict[Key, list[Attachment]] = OrderedDict()

    def get(self, key: Key) -> list[Attachment] | None:
        """The attachments of a file, where they are kept."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def put(self, key: Key, attachments: list[Attachment]) -> None:
        """Keep the attachments of a file, where there is room for them at all."""
        size = _size(attachments)
        if key in self._kept or size > self._max_bytes:
            return
        self._kept[key] = attachments
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= _size(dropped)


def _size(attachments: list[Attachment]) -> int:
    return sum(one.features.nbytes + len(one.text.encode()) + _OVERHEAD for one in attachments)
