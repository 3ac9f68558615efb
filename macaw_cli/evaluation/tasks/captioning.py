"""What the captioning tasks share: a caption is compared with those that people wrote."""

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, TypeVar

from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.evaluation.metrics.caption_bleu import ORDERS, caption_bleu
from macaw_cli.evaluation.metrics.caption_rouge import caption_rouge_l
from macaw_cli.evaluation.metrics.cider import cider_d
from macaw_cli.evaluation.metrics.referenced import Referenced
from macaw_cli.evaluation.tasks.item import Answered
from macaw_cli.evaluation.tasks.task import Measured, Task

Settings = TypeVar("Settings", bound=TaskSettings)
FIGURES = "CIDEr-D (0 to 10), BLEU-1 to BLEU-4 and ROUGE-L, those of the COCO scorer (arXiv 1504.00325)"


class CaptionTask(Task[Settings]):
    """A task whose answers are captions: a subclass reads the items."""

    score_name: ClassVar[str] = "cider"

    def score(self, answered: Answered) -> float:
        """CIDEr-D of one caption among itself alone: 0. `scores` is what counts."""
        return self.scores([answered])[0]

    def scores(self, answers: Sequence[Answered]) -> list[float]:
        """CIDEr-D of each caption; rare words are those of these answers' references."""
        return _cider_d(tuple(referenced(answers)))

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """The figures of the COCO scorer that need no Java."""
        compared = referenced(answers)
        return {
            **super().measure(answers),
            **{f"bleu_{n}": value for n, value in zip(ORDERS, caption_bleu(compared), strict=True)},
            "rouge_l": caption_rouge_l(compared),
        }


@lru_cache(maxsize=8)
def _cider_d(compared: tuple[Referenced, ...]) -> list[float]:
    """Figures, reliance and rows of a condition ask for the same scores."""
    return cider_d(compared)


def referenced(answers: Sequence[Answered]) -> list[Referenced]:
    """Answers beside their references, as the metrics take them."""
    return [Referenced(answered.item.references, answered.text) for answered in answers]
