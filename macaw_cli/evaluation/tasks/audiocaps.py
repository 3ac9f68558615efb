"""`audiocaps`: captions of clips of YouTube videos, which users download themselves."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from macaw_cli.basics.csv_rows import csv_rows
from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.audiocaps import AudioCapsSettings
from macaw_cli.evaluation.tasks.captioning import FIGURES, CaptionTask
from macaw_cli.evaluation.tasks.item import Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About

SUFFIXES = (".wav", ".flac", ".mp3", ".m4a", ".ogg")


class AudioCaps(CaptionTask[AudioCapsSettings]):
    """AudioCaps (Kim et al., NAACL 2019)."""

    about = About(
        what="captions of audio clips of ten seconds, five references each in the test split",
        paper="AudioCaps: Generating Captions for Audios in The Wild, NAACL 2019",
        data="https://github.com/cdjkim/audiocaps, clips: https://research.google.com/audioset",
        licence="for academic purposes only, as its README says; clips under the terms of their videos",
        files="`path`: `test.csv`; `media`: clips called `<youtube_id>`, `Y<youtube_id>`,"
        " `<youtube_id>_<start_time>` or `<audiocap_id>`, as WAV, FLAC, MP3, M4A or Ogg",
        figures=FIGURES,
    )
    modalities = ("audio",)

    def items(self) -> Iterator[Item | InputError]:
        """Every clip, with all its captions."""
        captions: dict[tuple[str, str], list[str]] = defaultdict(list)
        keys: dict[tuple[str, str], list[str]] = defaultdict(list)
        broken: list[tuple[int, Any]] = []
        for number, row in csv_rows(self.path):
            try:
                if isinstance(row, InputError):
                    raise row
                key, video, start, caption = texts_of(row, "audiocap_id", "youtube_id", "start_time", "caption")
            except InputError as error:
                broken.append((number, error))
                continue
            captions[video, start].append(caption)
            keys[video, start].append(key)
        clips = [(number, clip) for number, clip in enumerate(captions, start=1)]
        return items_of_rows(
            self.path, [*broken, *clips], lambda clip: self._item(*clip, captions=captions[clip], keys=keys[clip])
        )

    def _item(self, video: str, start: str, *, captions: list[str], keys: list[str]) -> Item:
        stems = (video, f"Y{video}", f"{video}_{start}", *keys)
        clip = self.medium("audio", *(f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES))
        question = user_turn(self.asked(self.settings.question), (clip,))
        return Item(id=f"{video}/{start}", messages=question, media=(clip,), references=tuple(captions))
