"""One media file and all that read it: what has to be decoded, each thing once, and who gets what came of it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.modalities.table import Modality

Reader = tuple[str, Modality]
"""Who reads: the name of an expert, empty for the model's encoder; and what of the file."""


class FileReading:
    """What is decoded of a file.

    Args:
        path: of the file.
        modality: of the file.
        wanted: what has to be decoded for each reader, without the path.

    Attributes:
        requests: what has to be decoded; readers that want the same share one.
    """

    def __init__(self, path: Path, modality: Modality, wanted: Sequence[tuple[Reader, Request]]) -> None:
        self._path, self._modality = path, modality
        self.requests: list[Request] = []
        self._readers: list[list[Reader]] = []
        for reader, one in wanted:
            request: Request = {**one, "path": str(path)}
            if request not in self.requests:
                self.requests.append(request)
                self._readers.append([])
            self._readers[self.requests.index(request)].append(reader)

    def read(self, decoded: Sequence[Decoded | NoAudio]) -> Iterator[tuple[Reader, Decoded]]:
        """What each reader gets; none of the soundtrack of a video without one, which is still a video.

        Args:
            decoded: what came of each request.

        Raises:
            InputError: the file has nothing of its modality, or nothing that anything reads.
        """
        missing, found = None, False
        for request, readers, outcome in zip(self.requests, self._readers, decoded, strict=True):
            inner = request["modality"]
            if isinstance(outcome, NoAudio):
                if inner == self._modality:
                    raise outcome
                missing = outcome
                continue
            if inner not in outcome[1]:
                raise InputError(f"{self._path} has no {inner}.", "Check the file.")
            found = True
            for reader in readers:
                yield reader, outcome
        if missing and not found:
            hint = f"Give the model a {self._modality} that can be heard: it reads nothing else of one."
            raise NoAudio(missing.problem, hint) from missing


def outcome_of(decoding: Callable[[], Decoded]) -> Decoded | NoAudio:
    """What came of decoding, as `Attacher.encode` takes it.

    Raises:
        InputError: a file that cannot be decoded.
    """
    try:
        return decoding()
    except NoAudio as error:
        return error
