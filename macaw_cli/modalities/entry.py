"""One row of the table of modalities, and what a row has to be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from macaw_cli.basics.errors import UsageError

Modality = str
"""The name of a modality: a key of `table.TABLE`."""
EncoderRole = Literal["image", "audio"]
"""Which of the settings' encoders makes the features of a modality."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_EXTENSION = re.compile(r"\.[a-z0-9]+")
_MADE_BY_MACAW = frozenset({".tar", ".jsonl"})
"""Extensions that already say something among sources: shards and manifests."""
_OTHER_WORDS = frozenset({
    "id", "messages", "kind", "choices", "split", "origin", "text", "name", "media", "bridges",
    "blind", "clear", "help", "exit",
})  # fmt: skip
"""What else stands where the name of a modality does: in a dataset's row, in settings, in the chat."""


@dataclass(frozen=True)
class ModalityEntry:
    """One row of the table.

    A modality without an encoder has features that its decoder reads from the file: `feature_shape` and `revision` say
    which. It takes part in everything else like the others. Those of other packages are of this kind.

    Attributes:
        name: as it stands in settings, in the rows of a dataset and in messages.
        plural: for people: "3 audio files".
        about: what its features are, for the documentation.
        extensions: of its files, in small letters, with the dot. They alone say that a file is of this modality.
        file_kinds: further extensions that the decoder reads, of files that could be anything: `.csv`. They count where
            something else names the modality: a second extension (`a.series.csv`), the key of a dataset's row, the
            `modality` of a manifest's row, or `series:` before a source.
        encoder: the role of the encoder that makes its features; None where the decoder reads them.
        feature_rank: dimensions of one medium's features: 2 for (N, C), 3 for (F, N, C).
        decoder: `module:function`, from a `media.decoding.Request` to what is known of the medium and a dict that has
            its array under `name`: for an encoder (H, W, 3) uint8 or the like, else the features (N, C). It runs in a
            process of its own, with limits of time and memory, and raises `InputError` for a file of no use.
        default_bridge: name of its bridge where the settings choose none.
        bridge_options: of that bridge, as pairs of key and value.
        original: one of the three of Macaw-LLM: every model has token ids for it, and `forward` names its inputs.
        default_soft_tokens: of the `macaw` bridge, per medium, where its settings name none.
        keyword: of `MacawProcessor`, for raw media.
        raw_keyword: the model's input for raw media; empty without an encoder.
        contains: other modalities that its files hold as well, as a video its soundtrack.
        feature_shape: without an encoder: (tokens of the longest medium, C).
        sized: without an encoder: a section of `features` with its name says what the shape is instead.
        revision: to be changed when the decoder gives other numbers for the same file. Without an encoder, and for
            images that a decoder renders, it is part of the fingerprint, so that two revisions are never mixed.
    """

    name: Modality
    plural: str
    extensions: tuple[str, ...]
    encoder: EncoderRole | None
    decoder: str
    about: str = ""
    file_kinds: tuple[str, ...] = ()
    default_bridge: str = "macaw"
    bridge_options: tuple[tuple[str, Any], ...] = ()
    original: bool = False
    default_soft_tokens: int = 8
    feature_rank: int = 2
    keyword: str = ""
    raw_keyword: str = ""
    contains: tuple[Modality, ...] = ()
    feature_shape: tuple[int, int] | None = None
    sized: bool = False
    revision: str = "1"

    @property
    def singular(self) -> str:
        """For people: "1 audio file"; the name itself where that is the plural, as in "series"."""
        return self.name if self.plural == self.name else self.plural.removesuffix("s")

    @property
    def is_image(self) -> bool:
        """Whether a medium is one image to the image encoder."""
        return self.encoder == "image" and self.feature_rank == 2

    @property
    def features_keyword(self) -> str:
        """Name of the model's input for stored features."""
        return f"{self.name}_features"

    @property
    def instructions_keyword(self) -> str:
        """Name of the model's input for what is asked about each medium, in tokens of its bridge."""
        return f"{self.name}_instructions"

    @property
    def processor_keyword(self) -> str:
        """What `MacawProcessor` calls raw media: `keyword`, or the name where there is none."""
        return self.keyword or self.name

    def fingerprint(self, shape: tuple[int, int] | None = None) -> dict[str, Any]:
        """Without an encoder: what the features depend on.

        Args:
            shape: instead of `feature_shape`.
        """
        return {"model": self.decoder, "revision": self.revision, "shape": list(shape or self.feature_shape or ())}

    def shape_in(self, fingerprint: Mapping[str, Any]) -> tuple[int, ...]:
        """(tokens of the longest medium, channels) that a fingerprint without an encoder tells."""
        return tuple(fingerprint.get("shape") or self.feature_shape or (0, 0))

    def rendered_fingerprint(self, encoder: dict[str, Any]) -> dict[str, Any]:
        """The fingerprint of an image encoder's features of what the decoder rendered; of images the encoder's own."""
        return encoder if self.original else {**encoder, "rendering": f"{self.decoder} {self.revision}"}

    @property
    def example(self) -> str:
        """Name of a file that says what it is."""
        return f"example{self.extensions[0] if self.extensions else f'.{self.name}{self.file_kinds[0]}'}"


def extensions(names: str) -> tuple[str, ...]:
    """`"jpg png"` as `(".jpg", ".png")`."""
    return tuple(f".{name}" for name in names.split())


def require_usable(row: Any, taken: "dict[Modality, ModalityEntry]", package: str) -> ModalityEntry:
    """The row that a package adds to the table, checked.

    Args:
        row: what its entry point names.
        taken: the rows before it.
        package: who adds it, for the message.

    Raises:
        UsageError: it is no row, or its name or an extension is taken.
    """
    wrong = _problem(row, taken)
    if wrong:
        raise UsageError(
            f"The package {package} adds a modality that cannot be used: {wrong}.",
            f"Repair the package, or uninstall it: pip uninstall {package}.",
        )
    checked: ModalityEntry = row
    return checked


def _problem(row: Any, taken: "dict[Modality, ModalityEntry]") -> str:
    """What is wrong with a row; empty where nothing is."""
    if not isinstance(row, ModalityEntry):
        return f"its entry point names a {type(row).__name__}, not a ModalityEntry"
    if row.name in taken:
        return f"there is a modality called {row.name} already"
    inputs = {other.raw_keyword for other in taken.values()}
    if not _NAME.fullmatch(row.name) or row.name in _OTHER_WORDS or row.features_keyword in inputs:
        return f"{row.name!r} is no name for a modality; take another word of small letters, digits and _"
    encoded = row.encoder is not None or row.keyword or row.raw_keyword or row.contains or row.feature_rank != 2
    if encoded or row.original or row.sized:
        return f"{row.name} sets what is for the modalities of macaw"
    if not row.feature_shape or min(row.feature_shape) < 1:
        return f"{row.name} needs a feature_shape (longest, channels)"
    return _problem_of_extensions(row, taken)


def _problem_of_extensions(row: ModalityEntry, taken: "dict[Modality, ModalityEntry]") -> str:
    known = {extension: other.name for other in taken.values() for extension in other.extensions}
    for extension in (*row.extensions, *row.file_kinds):
        if extension in row.extensions and extension in known:
            return f"files ending in {extension} are of the modality {known[extension]}"
        if not _EXTENSION.fullmatch(extension) or extension in _MADE_BY_MACAW:
            return f"{extension!r} is no extension for its files"
    return "" if row.extensions or row.file_kinds else f"{row.name} names no extension of its files"
