"""What questions about the videos of MSVD and MSR-VTT share: both were made from captions in the same way."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, TypeVar

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_rows
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.evaluation.metrics.normalising import answer_words
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import Task

Settings = TypeVar("Settings", bound=TaskSettings)
QUESTION_WORDS = ("what", "who", "how", "when", "where")
FIGURES = (
    "accuracy of the answer word, after lower case and without punctuation and articles; for all, and per question word"
)


class VideoQa(Task[Settings]):
    """A task of Xu et al. 2017, "Video Question Answering via Gradually Refined Attention over Appearance and Motion".

    A subclass says what the files of videos are called.
    """

    modalities = ("video",)

    @abstractmethod
    def files_of(self, video: int) -> tuple[str, ...]:
        """Where the file of a video may be in the media folder."""

    def items(self) -> Iterator[Item | InputError]:
        """Every question."""
        return items_of_rows(self.path, json_rows(self.path), self._item)

    def score(self, answered: Answered) -> float:
        """1 where the answer is the reference."""
        return float(answer_words(answered.text) == answer_words(answered.item.reference))

    def _item(self, row: Any) -> Item:
        key, question, answer, number = texts_of(row, "id", "question", "answer", "video_id")
        if not number.isdecimal():
            raise InputError(f"`video_id` must be a whole number, found {shown(number, 60)}")
        video = self.medium("video", *self.files_of(int(number)))
        word = next((word for word in question.lower().split() if word in QUESTION_WORDS), "other")
        return Item(
            id=key,
            messages=user_turn(self.asked(question), (video,)),
            media=(video,),
            references=(answer,),
            kind=word,
            groups={"question": word},
        )
