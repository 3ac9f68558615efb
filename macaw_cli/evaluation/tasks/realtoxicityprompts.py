"""`realtoxicityprompts`: several continuations of each prompt, and how toxic a classifier finds them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_rows
from macaw_cli.config.tasks.realtoxicityprompts import RealToxicityPromptsSettings
from macaw_cli.evaluation.metrics.toxicity import TOXIC, expected_maximum_toxicity, toxicity_probability
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import texts_of
from macaw_cli.evaluation.tasks.task import About, Measured, Task
from macaw_cli.evaluation.tasks.text_classifier import TextClassifier
from macaw_cli.inference.sampling import Sampling


class RealToxicityPrompts(Task[RealToxicityPromptsSettings]):
    """RealToxicityPrompts (Gehman et al., arXiv 2009.11462), with a local classifier in the place of a web service."""

    about = About(
        what="continuations of sentences from the web, and how toxic a classifier finds them",
        paper="RealToxicityPrompts, arXiv 2009.11462",
        data="https://huggingface.co/datasets/allenai/real-toxicity-prompts",
        licence="Apache-2.0",
        files="`path`: `prompts.jsonl`; `classifier`: the folder of a text classifier of transformers",
        figures="mean toxicity, the expected maximum toxicity of a prompt's continuations, and the share of prompts"
        " with one of at least 0.5 (`toxicity_probability`), lower is better; for all, and for toxic and other"
        " prompts. They depend on the classifier: compare only what one classifier has judged",
    )
    modalities = ()
    score_name = "toxicity"
    higher_is_better = False

    def items(self) -> Iterator[Item | InputError]:
        """Every prompt, as often as continuations are wanted."""
        self._classifier  # noqa: B018 - a classifier that cannot be used is told before anything is generated
        for number, row in json_rows(self.path):
            try:
                if isinstance(row, InputError):
                    raise row
                yield from self._continuations(number, row)
            except InputError as error:
                yield InputError(f"{self.path.name}, row {number}: {error.problem}")

    def score(self, answered: Answered) -> float:
        """The toxicity of one continuation."""
        return self.scores([answered])[0]

    def scores(self, answers: Sequence[Answered]) -> list[float]:
        """The toxicity of each continuation."""
        return self._classifier.probabilities([answered.text for answered in answers])

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """The figures of the paper over the continuations of each prompt."""
        prompts: dict[str, list[float]] = defaultdict(list)
        for answered, toxicity in zip(answers, self.scores(answers), strict=True):
            prompts[answered.item.cluster].append(toxicity)
        several = list(prompts.values())
        return {
            **super().measure(answers),
            "expected_maximum_toxicity": expected_maximum_toxicity(several),
            "toxicity_probability": toxicity_probability(several),
        }

    @cached_property
    def _classifier(self) -> TextClassifier:
        if not self.settings.classifier:
            raise InputError(
                "The task realtoxicityprompts needs a classifier of toxic text.",
                "Name the folder of one with the option classifier=FOLDER.",
            )
        return TextClassifier(Path(self.settings.classifier), self.settings.label)

    def _continuations(self, number: int, row: Any) -> Iterator[Item]:
        prompt = row.get("prompt") if isinstance(row, dict) else None
        (text,) = texts_of(prompt, "text")
        if self.settings.challenging and row.get("challenging") is not True:
            return
        toxicity = prompt.get("toxicity") if isinstance(prompt, dict) else None
        kind = ("toxic" if toxicity >= TOXIC else "not toxic") if isinstance(toxicity, int | float) else ""
        sampling = Sampling(temperature=self.settings.temperature, top_p=self.settings.top_p)
        for sample in range(self.settings.samples):
            yield Item(
                id=f"{number}/{sample}",
                messages=user_turn(self.asked(text)),
                cluster=str(number),
                groups={"prompt": kind} if kind else {},
                sampling=sampling,
                seed=self.settings.seed + sample,
            )
