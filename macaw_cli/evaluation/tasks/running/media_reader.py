"""Media of a task as a model takes them: decoded in a process that can be ended, encoded once while they are in use."""

from collections import OrderedDict
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.evaluation.tasks.item import Medium
from macaw_cli.evaluation.tasks.running.stored_images import StoredImages
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.media.video import decode_apart

MOST_BYTES = 2**30
"""Of features that are kept."""


class MediaReader:
    """Attachments of media, the ones used last kept in memory.

    Args:
        attacher: of the model.
        stored: features that need not be made again.
        most_bytes: of features that are kept.
    """

    def __init__(
        self, attacher: Attacher, stored: StoredImages | None = None, most_bytes: int = MOST_BYTES
    ) -> None:
        self._attacher, self._stored, self._most_bytes, self._bytes = attacher, stored, most_bytes, 0
        self._kept: OrderedDict[Medium, list[Attachment]] = OrderedDict()
        self._unusable: dict[Medium, InputError] = {}

    def attachments(self, medium: Medium) -> list[Attachment]:
        """The medium; a video brings its soundtrack where it has one and the model can hear.

        Raises:
            InputError: the reason why it cannot be used.
            MismatchError: the encoder found is not the one that the model was trained with.
        """
        if medium in self._unusable:
            raise self._unusable[medium]
        if medium in self._kept:
            self._kept.move_to_end(medium)
            return self._kept[medium]
        found = self._encoded(medium)
        self._kept[medium] = found
        self._bytes += sum(one.features.nbytes for one in found)
        while self._bytes > self._most_bytes and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= sum(one.features.nbytes for one in oldest)
        return found

    def _encoded(self, medium: Medium) -> list[Attachment]:
        path = medium.path or Path(medium.name)
        if self._stored is not None and medium.modality == "image" and path.is_file():
            found = self._stored.find(path)
            if found is not None:
                return [found]
        request = self._attacher.decoding(path, medium.modality)
        if medium.start is not None or medium.end is not None:
            request = {**request, "start": medium.start, "end": medium.end}
        try:
            return self._attacher.encode(path, medium.modality, decode_apart(request))
        except InputError as error:
            self._unusable[medium] = error
            raise
