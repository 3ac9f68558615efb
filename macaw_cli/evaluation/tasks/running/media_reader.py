"""Media of a task as a model takes them: decoded in a process that can be ended, encoded once while they are in use."""

from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.evaluation.tasks.item import Medium
from macaw_cli.evaluation.tasks.running.stored_images import StoredImages
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.inference.file_reading import outcome_of
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.video import decode_apart

MOST_BYTES = 2**30
"""Of features that are kept."""
MOST_AHEAD = 8
"""Media that are decoded before they are needed."""


class MediaReader:
    """Attachments of media, the ones used last kept in memory.

    Args:
        attacher: of the model.
        stored: features that need not be made again; they come without texts of experts.
        most_bytes: of features and texts that are kept.
        pool: decodes what is needed soon; without one each medium is decoded when it is needed.
    """

    def __init__(
        self, attacher: Attacher, stored: StoredImages | None = None, most_bytes: int = MOST_BYTES,
        pool: DecoderPool | None = None,
    ) -> None:  # fmt: skip
        self._attacher, self._stored, self._most_bytes, self._bytes = attacher, stored, most_bytes, 0
        self._pool = pool
        self._decoding: dict[Medium, list[Future[Decoded]]] = {}
        self._in_store: dict[Medium, bool] = {}
        self._kept: OrderedDict[Medium, list[Attachment]] = OrderedDict()
        self._unusable: dict[Medium, InputError] = {}

    def needed_soon(self, media: Iterable[Medium]) -> None:
        """Begin to decode media, so far as they are not known and not too many are under way.

        Args:
            media: the first ones are needed first; what was begun and is not among them any more is let go.
        """
        if self._pool is None:
            return
        soon = dict.fromkeys(media)
        self._decoding = {medium: begun for medium, begun in self._decoding.items() if medium in soon}
        for medium in soon:
            if len(self._decoding) >= MOST_AHEAD:
                return
            if medium in self._kept or medium in self._unusable or medium in self._decoding or self._is_stored(medium):
                continue
            with suppress(InputError):  # told when it is needed
                self._decoding[medium] = [self._pool.submit(one) for one in self._requests(medium)]

    def attachments(self, medium: Medium) -> list[Attachment]:
        """The medium; a video brings its soundtrack where it has one and the model can hear.

        Raises:
            InputError: the reason why it cannot be used.
            MismatchError: an encoder or expert found is not that of the training.
        """
        if medium in self._unusable:
            raise self._unusable[medium]
        if medium in self._kept:
            self._kept.move_to_end(medium)
            return self._kept[medium]
        found = self._encoded(medium)
        self._kept[medium] = found
        self._bytes += _size(found)
        while self._bytes > self._most_bytes and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)
        return found

    def _encoded(self, medium: Medium) -> list[Attachment]:
        path = medium.path or Path(medium.name)
        if self._stored is not None and medium.modality == "image" and path.is_file():
            found = self._stored.find(path)
            if found is not None:
                return [found]
        requests, begun = self._requests(medium), self._decoding.pop(medium, None)
        work = [partial(decode_apart, one) for one in requests] if begun is None else [one.result for one in begun]
        try:
            return self._attacher.encode(path, medium.modality, [outcome_of(one) for one in work])
        except InputError as error:
            self._unusable[medium] = error
            raise

    def _is_stored(self, medium: Medium) -> bool:
        """Whether a store has its features, so that nothing must be decoded."""
        if self._stored is None or medium.modality != "image" or medium.path is None:
            return False
        if medium not in self._in_store:
            self._in_store[medium] = medium.path.is_file() and self._stored.holds(medium.path)
        return self._in_store[medium]

    def _requests(self, medium: Medium) -> list[Request]:
        requests = self._attacher.decodings(medium.path or Path(medium.name), medium.modality)
        if medium.start is None and medium.end is None:
            return requests
        return [{**one, "start": medium.start, "end": medium.end} for one in requests]


def _size(attachments: list[Attachment]) -> int:
    return sum(one.features.nbytes + len(one.text) for one in attachments)
