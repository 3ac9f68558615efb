"""Settings of the task `scienceqa`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import SLOT, Prompt, TaskSettings

LEAST_TOKENS = 64
"""Of an answer behind its rationale."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScienceqaSettings(TaskSettings):
    """ScienceQA: multiple choice from school books, some with an image, with lectures and solutions."""

    name: Literal["scienceqa"] = "scienceqa"
    """Name of the task."""
    split: Literal["test", "val", "train"] = "test"
    """Which questions are asked."""
    input: Literal["QCM", "CQM", "QCMG", "QCML", "QCME", "QCMLE", "QCLM", "QCEM", "QCLEM"] = "QCM"
    """Order of question (Q), context (C) and options (M); with G a rationale that a model wrote (see `rationales`);
    with L and E the lecture and the solution of the data, which give the answer away: an upper bound."""
    output: Literal["A", "AL", "AE", "ALE", "AEL", "LA", "EA", "LEA", "ELA"] = "A"
    """What the answers of demonstrations say: the answer (A), the lecture (L), the explanation (E). As in the published
    code, which has them the wrong way round, AL is followed by the solution, and AE by the lecture."""
    shots: Annotated[int, Field(ge=0)] = 0
    """Demonstrations of the training split before each question, in the same prompt; those that have no image."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the choice of demonstrations."""
    captions: str = ""
    """JSON of captions, `captions.json` of the published files; a caption is added to the context."""
    rationales: str = ""
    """The `answers.jsonl` of an earlier run of this task, whose answers are the rationales of input QCMG (M-CoT)."""
    prompt: Prompt = SLOT
    """What the user turn says; `{question}` is the prompt of the published code, up to `Answer:`."""

    PATHS: ClassVar[tuple[str, ...]] = ("path", "media", "captions", "rationales")

    def __post_init__(self) -> None:
        """Refuse a rationale that is not there, or an answer that ends before it is given."""
        if ("G" in self.input) != bool(self.rationales):
            raise ValueError("input QCMG and `rationales` belong together")
        if self.output[0] != "A" and self.max_new_tokens < LEAST_TOKENS:
            raise ValueError(f"output {self.output} needs max_new_tokens of {LEAST_TOKENS} or more")
