"""`clotho`: captions of audio clips, five references each."""

from collections.abc import Iterator
from typing import Any

from macaw_cli.basics.csv_rows import csv_rows
from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.clotho import ClothoSettings
from macaw_cli.evaluation.tasks.captioning import FIGURES, CaptionTask
from macaw_cli.evaluation.tasks.item import Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About


class Clotho(CaptionTask[ClothoSettings]):
    """Clotho (Drossos et al., arXiv 1910.09387)."""

    about = About(
        what="captions of audio clips of 15 to 30 seconds, five references each",
        paper="Clotho, arXiv 1910.09387",
        data="https://zenodo.org/records/4783391",
        licence="Tampere University licence, not commercial; clips under their own Creative Commons licences",
        files="`path`: `clotho_captions_evaluation.csv`; `media`: `evaluation/`",
        figures=FIGURES,
    )
    modalities = ("audio",)

    def items(self) -> Iterator[Item | InputError]:
        """Every clip."""
        return items_of_rows(self.path, csv_rows(self.path), self._item)

    def _item(self, row: Any) -> Item:
        (file,) = texts_of(row, "file_name")
        captions = tuple(text.strip() for name, text in row.items() if name.startswith("caption_") and text.strip())
        if not captions:
            raise InputError("needs `caption_1` and others")
        clip = self.medium("audio", file, f"evaluation/{file}")
        question = user_turn(self.asked(self.settings.question), (clip,))
        return Item(id=file, messages=question, media=(clip,), references=captions)
