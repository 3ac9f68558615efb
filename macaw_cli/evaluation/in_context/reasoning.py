r"""Chain of thought: answers that a model reasons about before it gives them, and how they are read.

Sources: one prompt, Kojima et al. 2022 (arXiv 2205.11916); a rationale first, then the answer given question and
rationale, MM-CoT (Zhang et al. 2023, arXiv 2302.00923, section 3); the form of the question and `The answer is (X).`,
ScienceQA (Lu et al. 2022, arXiv 2209.09513). An answer that cannot be read counts as wrong here, where ScienceQA's
scorer draws one of the choices.
"""

import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from macaw_cli.basics.console import progress
from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.evaluation.asking.generating import CONDITIONS
from macaw_cli.evaluation.asking.scoring import features_of, media_of
from macaw_cli.evaluation.in_context.fitting_prompts import Fitting
from macaw_cli.evaluation.metrics.normalising import answer_words
from macaw_cli.evaluation.questions.conditions import Asked
from macaw_cli.evaluation.questions.held_out import HeldOut, Reasoned, kind_of
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import EndEvent, GenerationRequest
from macaw_cli.inference.sampling import GREEDY
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.positions import position_table_of
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.joined_datasets import DatasetReader

RATIONALE = "Solution: "
Asking = tuple[Asked, str, Callable[[str], HeldOut]]
"""A condition, a text that may be cut, and the question with it."""


class Reasoner:
    """Answers questions by chain of thought.

    Args:
        model: in evaluation mode.
        encoder: of this model.
        dataset: holds the features.
        settings: how, and in which words.
    """

    def __init__(
        self, model: MacawForConditionalGeneration, encoder: ConversationEncoder, dataset: DatasetReader,
        settings: EvaluationSettings,
    ) -> None:  # fmt: skip
        self._model, self._encoder, self._dataset, self._settings = model, encoder, dataset, settings
        self._engine = Engine.of(model, encoder)
        self._fitting = Fitting(encoder, position_table_of(self._engine.llm))

    def answer(self, questions: Sequence[HeldOut], asked: Sequence[Asked]) -> None:
        """Answer the first questions of each kind, with their own and with swapped media; `reasoned` holds the answers.

        Args:
            questions: all held-out questions.
            asked: everything that is asked.
        """
        chosen = _chosen(questions, self._settings.generate)
        wanted = [item for item in asked if item.row in chosen and item.condition in CONDITIONS]
        settings, at_once = self._settings, self._settings.reasoning == "one-prompt"
        words = [settings.reasoning_prompt, settings.answer_prompt] if at_once else [settings.reasoning_prompt]
        texts = self._generated(
            "reason", [(item, "", partial(_asked, questions[item.row], " ".join(words))) for item in wanted],
            settings.reasoning_tokens,
        )  # fmt: skip
        if at_once:
            for item, text in zip(wanted, texts, strict=True):
                self._keep(item, questions[item.row], text, text)
            return
        answers = self._generated(
            "answer",
            [(item, text, partial(_asked_behind_rationale, questions[item.row], settings.answer_prompt))
             for item, text in zip(wanted, texts, strict=True)],
            settings.max_new_tokens,
        )  # fmt: skip
        for item, text, answer in zip(wanted, texts, answers, strict=True):
            self._keep(item, questions[item.row], text, answer)

    def _keep(self, item: Asked, question: HeldOut, text: str, answer: str) -> None:
        read = read_answer(answer, self._settings.answer_pattern, question.row.choices or ())
        question.reasoned[item.condition] = Reasoned(text, read, read is not None and _same(read, question.answer))

    def _generated(self, title: str, asking: Sequence[Asking], longest: int) -> list[str]:
        """The greedy answers, in order; empty ones where a question has no room in the LLM's positions."""
        texts = [""] * len(asking)
        prompts = {
            at: (item, *found) for at, (item, written, asked) in enumerate(asking)
            if (found := self._fitting.prompt(item, written, asked, longest)) is not None
        }  # fmt: skip
        order = sorted(prompts, key=lambda at: len(prompts[at][2].input_ids))
        with progress(title, len(prompts), "answers") as advance:
            for places in _batches(order, self._settings.batch_size):
                requests = [
                    GenerationRequest(
                        prompt=encoded.input_ids, answered=encoded.answered, max_new_tokens=longest, sampling=GREEDY,
                        features=features_of(
                            media_of(item, question), self._dataset, self._model, instructions=encoded.instructions
                        ),
                    )
                    for item, question, encoded in (prompts[at] for at in places)
                ]  # fmt: skip
                for event in self._engine.generate(requests):
                    if isinstance(event, EndEvent):
                        texts[places[event.number]] = event.text
                        advance(1, "")
        return texts


def read_answer(text: str, pattern: str, choices: Sequence[str]) -> str | None:
    """The answer that a text ends with; None where it has none, or none of the choices.

    Args:
        text: what was generated.
        pattern: regular expression whose first group is the answer; its last match counts, in whatever case.
        choices: the possible answers, which a letter may stand for: `A` for the first one; empty for any answer.
    """
    found = [match[1] for match in re.finditer(pattern, text, re.IGNORECASE) if match[1]]
    if not found:
        return None
    said = found[-1].strip()
    if not choices:
        return said or None
    same = next((choice for choice in choices if _same(choice, said)), None)
    lettered = string.ascii_uppercase[: len(choices)] if len(choices) <= len(string.ascii_uppercase) else ""
    if same is None and len(said) == 1 and said.upper() in lettered:
        return choices[lettered.index(said.upper())]
    return same


def reasoning_figures(questions: Iterable[HeldOut], how: str) -> dict[str, Any]:
    """The entry `reasoning` of the figures.

    Args:
        questions: with what was reasoned.
        how: as `evaluation.reasoning`.

    Returns:
        `how`, and per condition over all questions and for each of `kinds`: `n`, `accuracy`, `failed` (answers that
        could not be read, counted as wrong), and `direct`, the accuracy without reasoning on the same questions, where
        they have choices.
    """
    kinds: dict[str, list[HeldOut]] = defaultdict(list)
    for question in questions:
        if question.reasoned:
            kinds[kind_of(question.row)].append(question)
    everything = [question for group in kinds.values() for question in group]
    return {
        "how": how, **_measured(everything), "kinds": {name: _measured(group) for name, group in sorted(kinds.items())}
    }  # fmt: skip


def _measured(questions: Sequence[HeldOut]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for condition in CONDITIONS:
        asked = [question for question in questions if condition in question.reasoned]
        if not asked:
            continue
        direct = [question.right[condition] for question in asked if condition in question.right]
        found[condition] = {
            "n": len(asked), "accuracy": _share([question.reasoned[condition].right for question in asked]),
            "failed": sum(question.reasoned[condition].answer is None for question in asked),
            "direct": _share(direct) if direct else None,
        }  # fmt: skip
    return found


def _asked(question: HeldOut, words: str, written: str) -> HeldOut:
    """The question as it is asked once; nothing was written before."""
    del written
    return _behind(question, words)


def _asked_behind_rationale(question: HeldOut, words: str, rationale: str) -> HeldOut:
    return _behind(question, f"{RATIONALE}{rationale}\n{words}")


def _options(choices: Sequence[str]) -> str:
    """With a letter each; more than there are letters stand without."""
    if len(choices) > len(string.ascii_uppercase):
        return ", ".join(choices)
    return " ".join(f"({letter}) {choice}" for letter, choice in zip(string.ascii_uppercase, choices, strict=False))


def _behind(question: HeldOut, words: str) -> HeldOut:
    """The question with its options and some words behind its last text."""
    options = _options(question.row.choices or ())
    added = f"\nOptions: {options}\n{words}" if options else f"\n{words}"
    *earlier, asked, answer = question.messages
    content = asked["content"]
    if isinstance(content, str):
        content += added
    else:
        content = [*content]
        at = max((at for at, part in enumerate(content) if part["type"] == "text"), default=len(content))
        content[at : at + 1] = [{"type": "text", "text": (content[at]["text"] if at < len(content) else "") + added}]
    messages = [*earlier, {**asked, "content": content}, answer]
    return HeldOut(question.row, messages, demonstrations=question.demonstrations)


def _chosen(questions: Sequence[HeldOut], per_kind: int) -> set[int]:
    counts: Counter[tuple[str, str]] = Counter()
    chosen = set()
    for number, question in enumerate(questions):
        group = kind_of(question.row), question.modality
        counts[group] += 1
        if counts[group] <= per_kind:
            chosen.add(number)
    return chosen


def _batches(order: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(order), size):
        yield list(order[start : start + size])


def _same(one: str, other: str) -> bool:
    if one.strip().casefold() == other.strip().casefold():
        return True
    words = answer_words(one)
    return bool(words) and words == answer_words(other)


def _share(right: Sequence[bool]) -> float:
    return round(sum(right) / len(right), 4)
