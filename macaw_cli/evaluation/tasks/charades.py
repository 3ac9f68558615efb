"""`charades`: descriptions of videos of everyday activities."""

from collections.abc import Iterator
from typing import Any

from macaw_cli.basics.csv_rows import csv_rows
from macaw_cli.basics.errors import InputError
from macaw_cli.config.tasks.charades import CharadesSettings
from macaw_cli.evaluation.tasks.captioning import FIGURES, CaptionTask
from macaw_cli.evaluation.tasks.item import Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About


class Charades(CaptionTask[CharadesSettings]):
    """Charades (Sigurdsson et al., arXiv 1604.01753)."""

    about = About(
        what="descriptions of videos of everyday activities",
        paper="Hollywood in Homes, arXiv 1604.01753",
        data="https://prior.allenai.org/projects/charades",
        licence="Allen Institute licence, not commercial",
        files="`path`: `Charades_v1_test.csv`; `media`: `Charades_v1_480/`",
        figures=FIGURES,
    )
    modalities = ("video",)

    def items(self) -> Iterator[Item | InputError]:
        """Every video with its descriptions."""
        return items_of_rows(self.path, csv_rows(self.path), self._item)

    def _item(self, row: Any) -> Item:
        key, descriptions = texts_of(row, "id", "descriptions")
        video = self.medium("video", f"{key}.mp4", f"Charades_v1_480/{key}.mp4", f"Charades_v1/{key}.mp4")
        references = tuple(text.strip() for text in descriptions.split(";") if text.strip())
        question = user_turn(self.asked(self.settings.question), (video,))
        return Item(id=key, messages=question, media=(video,), references=references)
