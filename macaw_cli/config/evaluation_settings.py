"""The settings of `macaw evaluate`."""

import math
import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.basics.counts import counted
from macaw_cli.config.judge_settings import AnswerJudgeSettings
from macaw_cli.config.tasks.chosen import AnyTasks
from macaw_cli.config.text_metrics import TextMetric

MetricName = Literal["auto"] | TextMetric
MOST_ORDERS = 6
"""Orders of the same demonstrations that can be compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSettings:
    """`macaw evaluate`: accuracy with real, without and with swapped media."""

    data: str = ""
    """Dataset whose held-out conversations are asked; empty means the first that the run was trained on and that is
    there, and `dataset.out` for a model outside a run."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Questions per kind; `null` asks all."""
    batch_size: Annotated[int, Field(ge=1)] = 64
    """Sequences per forward pass."""
    generate: Annotated[int, Field(ge=0)] = 32
    """Questions without choices, per kind, unseen combinations counted separately, whose answers are generated for the
    text metrics; 0 generates none. Likelihoods are computed for all questions."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    """Longest generated answer in tokens."""
    samples: Annotated[int, Field(ge=1)] = 1
    """Answers that are sampled of each question whose metric is `crps`; 1 takes the likeliest one."""
    metrics: dict[str, MetricName] = field(default_factory=dict)
    """Pattern of kinds, such as `audio/*`, to text metric: `exact_match`, `token_f1`, `rouge_l`, `wer`, `cer`, `bleu`,
    `cider`, `mae`, `crps`, `missing_rate`, or `auto`, which is also used for other kinds: `wer` and `cer` where the
    kind's name says that it is a transcript, `mae`, `crps` and `missing_rate` where it says that it is a forecast, else
    `token_f1`, `rouge_l` and `exact_match`."""
    constraints: dict[str, Literal["number", "integer"]] = field(default_factory=dict)
    """Pattern of kinds to the form of their generated answers: `number` or `integer` leaves only the tokens of one."""
    judge: AnswerJudgeSettings = field(default_factory=AnswerJudgeSettings)
    """An LLM that scores the generated answers."""
    choices: str = ""
    """File of the possible answers to questions that have none of their own: one a line, or a JSON object of pattern of
    kinds to a list. The likeliest one counts as the model's answer."""
    reasoning: Literal["none", "one-prompt", "rationale-then-answer"] = "none"
    """Whether the first `evaluation.generate` questions of each kind are also answered by chain of thought: reasoning
    and answer in one text, or a rationale first and then the answer given question and rationale."""
    reasoning_prompt: str = "Think step by step."
    """What asks for the reasoning, behind the question."""
    answer_prompt: str = "End with: The answer is (X)."
    """What asks for the answer: behind `reasoning_prompt`, or behind the rationale."""
    answer_pattern: str = r"the answer is:? *\(?((?:[^\n().]|\.(?=\d))+)"
    """Regular expression for the answer, in whatever case: its first group, where it matches last. The letter of a
    choice or its text; what does not match, or is no choice, counts as wrong and as `failed`."""
    reasoning_tokens: Annotated[int, Field(ge=1)] = 512
    """Longest reasoning in tokens; an answer behind a rationale has `evaluation.max_new_tokens`."""
    shots: Annotated[int, Field(ge=0)] = 0
    """Demonstrations before each question: conversations of the training split, as earlier turns, which share no medium
    with the question, neither directly nor through other conversations. 0 shows none."""
    demonstrations: Literal["random", "nearest"] = "random"
    """Which ones: `random`, always the same for a question and `seed`, or `nearest` (RICES): those whose media are most
    alike by the cosine of their mean features, the most similar one last. Both take conversations of the question's
    kind and modalities first."""
    demonstration_pool: Annotated[int, Field(ge=1)] = 10000
    """Training conversations of each kind among which demonstrations are chosen, drawn by `seed` where there are more;
    `nearest` reads the features of all of them once."""
    permutations: Annotated[int, Field(ge=1, le=MOST_ORDERS)] = 1
    """Orders of the demonstrations in which each question is asked: figures per order, their mean and standard
    deviation, and those of the mean log-likelihood over all orders. At most the factorial of `shots`."""
    tasks: AnyTasks = ()
    """Benchmarks that are asked instead of the held-out conversations, see [tasks.md](tasks.md): `NAME:PATH[?OPTIONS]`
    each, or a section."""
    max_reject_ratio: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of a task's questions that cannot be asked above which the command ends with exit code 1."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs."""

    def __post_init__(self) -> None:
        """Refuse more orders than there are, and a pattern without an answer."""
        _require_pattern(self.answer_pattern)
        orders = math.factorial(min(self.shots, MOST_ORDERS))
        if self.permutations > max(orders, 1):
            raise ValueError(
                f"evaluation.permutations is {self.permutations}, and {counted(self.shots, 'demonstration')} "
                f"{'has' if self.shots == 1 else 'have'} {counted(orders, 'order')}: "
                "lower it, or raise evaluation.shots"
            )


def _require_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"evaluation.answer_pattern is no regular expression: {error}") from None
    if not groups:
        raise ValueError("evaluation.answer_pattern has no group: put the answer's part in parentheses")
