"""The processor as transformers' pipelines want it: of their own class, and with media files named in the messages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import BatchFeature, ProcessorMixin

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.urls import is_url, local_place
from macaw_cli.media.audio import decode_audio
from macaw_cli.media.images import load_image
from macaw_cli.media.video import load_frames
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model import processing
from macaw_cli.model.processing import KEYWORDS
from macaw_cli.model.text.media_places import with_first_media_unplaced

NAMES = ("url", "path")
"""Keys of a part under which transformers knows a file, beside the name of its modality."""


class MacawProcessor(processing.MacawProcessor, ProcessorMixin):  # type: ignore[misc]
    """`macaw_cli.MacawProcessor` for the Auto classes and pipelines of transformers; arguments as there."""

    @property
    def chat_template(self) -> str | None:
        """The tokenizer's; the prompts of macaw's own templates have no text form."""
        template: str | None = self.tokenizer.chat_template
        return template

    def __call__(self, text: Any = None, images: Any = None, **given: Any) -> BatchFeature:  # type: ignore[override]
        """As in `macaw_cli.MacawProcessor`, with a single image or file, and without what is always so.

        Args:
            text: one or several questions or conversations.
            images: one image or several: PIL images, arrays, or paths.
            **given: other media; `return_tensors` and `padding` change nothing.
        """
        for name in ("return_tensors", "padding"):
            given.pop(name, None)
        if images is not None:
            listed = list(images) if isinstance(images, list | tuple) else [images]
            images = [self._loaded("image", image) for image in listed]
            if not isinstance(text, str) and len(text) == len(images):
                images = [[image] for image in images]
        return super().__call__("" if text is None else text, images, **given)

    def apply_chat_template(self, conversation: Any, **kwargs: Any) -> BatchFeature:
        """As in `macaw_cli.MacawProcessor`; a part may name a file: `{"type": "image", "path": "cat.jpg"}`.

        Media of the first question stand before everything, as in the training data, unless text stands between them.

        Raises:
            InputError: a file cannot be read or must be fetched, or the conversation ends with an answer to go on with.
        """
        if kwargs.get("continue_final_message"):
            raise InputError("A Macaw model cannot continue an answer.", "End the conversation with a question.")
        several = not isinstance(conversation[0], Mapping)
        rows = [self._with_media(one) for one in (conversation if several else [conversation])]
        given = {keyword: [processing.media_in(row, name) for row in rows] for keyword, name in KEYWORDS.items()}
        given = {keyword: media for keyword, media in given.items() if any(media)}
        unplaced = [
            with_first_media_unplaced(row, [name for name in MODALITIES for _ in processing.media_in(row, name)])
            for row in rows
        ]
        return super().__call__(unplaced, **given)

    def post_process_image_text_to_text(
        self, generated_outputs: Any, skip_special_tokens: bool = True, **_: Any
    ) -> list[str]:
        """The text of each row of ids, without placeholders of media."""
        return self.batch_decode(generated_outputs, skip_special_tokens)

    def _with_media(self, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Messages with decoded media in their parts."""
        return [
            dict(message)
            if isinstance(message["content"], str)
            else {**message, "content": [self._with_medium(part) for part in message["content"]]}
            for message in messages
        ]

    def _with_medium(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        name = part["type"]
        given = next((part[key] for key in (name, *NAMES) if key in part), None)
        if name == "text" or given is None:
            return part
        return {"type": name, name: self._loaded(name, given)}

    def _loaded(self, modality: str, given: Any) -> Any:
        """A decoded medium, where a file is named."""
        if not isinstance(given, str | Path):
            return given
        place = str(given)
        if is_url(place) or place.startswith("data:"):
            raise InputError(
                f"The {modality} {cut(place)} is a URL, which is not fetched.", "Give the path of a file."
            )
        path = Path(local_place(place))
        if modality == "image":
            return load_image(path)
        if modality == "audio":
            return decode_audio(path, self.feature_extractor.sampling_rate).samples
        return load_frames(path, self.config.video_frames)[0]
