"""What a benchmark task is: it reads the published files as items, and makes figures of the answers."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Generic, TypeVar

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import is_there
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.tasks.base import SLOT, TaskSettings
from macaw_cli.evaluation.tasks.item import Answered, Item, Medium
from macaw_cli.modalities.table import Modality

Settings = TypeVar("Settings", bound=TaskSettings)
Measured = dict[str, float]
"""Name of a figure to its value; shares are from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What the page of tasks tells of a task.

    Args:
        what: is measured, in a few words.
        paper: title and arXiv number, or where else it was published.
        data: URL of the files.
        licence: of the data, as published.
        files: that `path` and `media` name.
        figures: that are reported, with their source.
    """

    what: str
    paper: str
    data: str
    licence: str
    files: str
    figures: str


class Task(ABC, Generic[Settings]):
    """One benchmark. A subclass says `about`, reads `items`, gives each answer a `score`, and may add figures.

    Args:
        settings: of the task; the paths in it (`TaskSettings.PATHS`) are absolute.
        path: the published file or folder; it exists.
        media: folder of the media files.
    """

    about: ClassVar[About]
    modalities: ClassVar[tuple[Modality, ...]] = ("image",)
    """That a model must have been trained on."""
    score_name: ClassVar[str] = "accuracy"
    """What the mean of `score` is called; reliance is the difference of this mean under `real` and `swapped`."""
    higher_is_better: ClassVar[bool] = True
    """False for an error rate: its reliance is swapped - real."""

    def __init__(self, settings: Settings, path: Path, media: Path) -> None:
        self.settings, self.path, self.media = settings, path, media

    @abstractmethod
    def items(self) -> Iterator[Item | InputError]:
        """Every question, in the order of the files; an InputError in place of a row that is unusable.

        Raises:
            InputError: the files are missing, or not of the published form.
        """

    @abstractmethod
    def score(self, answered: Answered) -> float:
        """How right one answer is."""

    def scores(self, answers: Sequence[Answered]) -> list[float]:
        """The score of each answer; a task whose scores need all answers says it here instead of in `score`."""
        return [self.score(answered) for answered in answers]

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """The figures of some answers under one condition, a pure function: the mean score, if a task says nothing.

        It is also called for each group. Under `none` and `swapped` the same items are there, but for those of which no
        other example can lend media.

        Args:
            answers: at least one.
        """
        return {self.score_name: sum(self.scores(answers)) / len(answers)}

    def count(self, answers: Sequence[Answered]) -> int:
        """How many questions some answers are of: as many, but in a task that asks each several times."""
        return len(answers)

    def compare(self, conditions: Mapping[str, Sequence[Answered]]) -> Measured:
        """Figures that need several conditions, such as the gain by images; none if a task says nothing.

        Args:
            conditions: name of each condition to its answers.
        """
        del conditions
        return {}

    def figures(self, answers: Sequence[Answered]) -> dict[str, Any]:
        """`n`, what `measure` gives of all answers, and under `groups` the same for each group."""
        groups: dict[str, dict[str, list[Answered]]] = defaultdict(lambda: defaultdict(list))
        for answered in answers:
            for label, group in answered.item.groups.items():
                groups[label][group].append(answered)
        return {
            "n": self.count(answers),
            **self.measure(answers),
            "groups": {
                label: {name: {"n": self.count(some), **self.measure(some)} for name, some in sorted(below.items())}
                for label, below in groups.items()
            },
        }

    def asked(self, question: str) -> str:
        """The text of the user turn: `settings.prompt` with the question in its place."""
        return self.settings.prompt.replace(SLOT, question)

    def published(self, name: str) -> Path:
        """The file `path`, or the one of this name where `path` is a folder.

        Raises:
            InputError: the folder has no such file.
        """
        file = self.path / name if self.path.is_dir() else self.path
        if not file.is_file():
            raise InputError(f"{self.path} has no file {name}.", "Name the file, or the folder that holds it.")
        return file

    def medium(self, modality: Modality, *names: str) -> Medium:
        """A file of the media folder.

        Args:
            modality: of the file.
            *names: where it may be below the folder; the first that is there counts.

        Raises:
            InputError: a name leads out of the folder, or none of them is there.
        """
        for name in names:
            if not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise InputError(
                    f"{shown(name)} leads out of the media folder {self.media}: "
                    "name a folder above it with the option media=FOLDER, and write the paths from there"
                    if name
                    else "the name of a file in the media folder is empty"
                )
            if is_there(self.media / name):
                return Medium(modality, self.media / name, name=name)
        raise InputError(
            f"the {modality} {shown(names[0])} is not in {self.media}: name its folder with the option media=FOLDER"
        )
