"""The classes that lmms-eval loads; it alone imports this file, as it needs lmms-eval.

`lmms-eval --model macaw --model_args pretrained=runs/quickstart --tasks TASK`
"""

from collections.abc import Callable, Sequence
from typing import Any

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from loguru import logger
from tqdm import tqdm

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import UsageError
from macaw_cli.evaluation.harness.answerer import DEFAULT_ROWS, Asked, HarnessAnswerer, Told

KNOWN = ("pretrained", "workspace", "system_prompt", "batch_size", "device")


class Macaw(lmms):  # type: ignore[misc] # lmms-eval has no types
    """What both kinds of tasks share.

    Args:
        pretrained: a run, a model folder or an export.
        workspace: where encoders are looked for that are neither in the model nor where it says.
        system_prompt: of conversations that have none, or a file with it.
        batch_size: answers that are generated together.
        device: `cuda`, `cpu`; empty takes a GPU where there is one.
        **others: what the harness gives every model, without effect here.
    """

    def __init__(
        self, pretrained: str = "", workspace: str = "", system_prompt: str = "", batch_size: int | str | None = None,
        device: str | None = None, max_batch_size: int | None = None, **others: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        for name in others:
            near = closest(name, KNOWN)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise UsageError(f"The model macaw has no argument {name}{hint}.", f"There are {', '.join(KNOWN)}.")
        if not pretrained:
            raise UsageError("The model macaw needs a folder.", "For example --model_args pretrained=runs/quickstart")
        rows = int(str(batch_size)) if str(batch_size).isdigit() else DEFAULT_ROWS
        self._answerer = HarnessAnswerer(
            pretrained, device=device or "auto", rows=max(rows, 1), workspace=workspace,
            system=self._resolve_system_prompt(system_prompt),
        )  # fmt: skip

    @property
    def batch_size(self) -> int:
        """Requests that the harness hands over; all are, and this class batches them."""
        return 1

    def clean(self) -> None:
        """Called at the end."""
        self._answerer.close()
        super().clean()

    def _document(self, task: str, split: str, number: int) -> Any:
        return self.task_dict[task][split][number]

    def _generated(self, asked: Sequence[Asked], contexts: Sequence[str]) -> list[GenerationResult]:
        """The answers in order; what cannot be answered is told and empty."""
        found = [Told("")] * len(asked)
        with tqdm(total=len(asked), desc="macaw", disable=self.rank != 0) as bar:
            for number, told in self._answerer.answers(asked):
                found[number] = told
                if told.error:  # kept out of the cache, so that it is asked again
                    logger.error(f"Request {number} is not answered: {told.error}")
                else:
                    self.cache_hook.add_partial("generate_until", (contexts[number], asked[number].options), told.text)
                bar.update(1)
        if wrong := sum(bool(told.error) for told in found):
            logger.error(f"{wrong} of {len(found)} requests have an empty answer, for the reasons above.")
        counts = [TokenCounts(input_tokens=told.prompt_tokens, output_tokens=told.completion_tokens) for told in found]
        return [GenerationResult(text=told.text, token_counts=count)
                for told, count in zip(found, counts, strict=True)]  # fmt: skip


class MacawChat(Macaw):
    """Tasks that hand over messages: generation, also in several rounds."""

    is_simple = False

    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """Answer every request; `args` are context, `doc_to_messages`, options, document, task and split."""
        rows = [request.args for request in requests]
        asked = [Asked(to_messages(self._document(task, split, number)), options)
                 for _, to_messages, options, number, task, split in rows]  # fmt: skip
        return self._generated(asked, [str(row[0]) for row in rows])

    def generate_until_multi_round(self, requests: list[Instance]) -> list[list[str]]:
        """Answer round after round; the task makes the messages of each from the answers before."""
        return [self._rounds(*request.args) for request in requests]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Tasks of likelihoods come to the other class."""
        raise UsageError("lmms-eval asks chat models for no likelihoods.", "Add --force_simple to the command.")

    def _rounds(
        self, context: str, to_messages: Callable[..., Any], options: dict[str, Any], number: int, task: str, split: str
    ) -> list[str]:
        document = self._document(task, split, number)
        messages, answers, known = to_messages(document), list[str](), None
        while True:
            answers.append(self._generated([Asked(messages, options)], [str(context)])[0].text)
            payload = to_messages(
                document, round_idx=len(answers), previous_output=list(answers), previous_round_info=known
            )
            if not (isinstance(payload, tuple) and len(payload) == 4):
                return answers
            messages, is_last, _, known = payload
            if is_last:
                return answers


class MacawSimple(Macaw):
    """Tasks that hand over a text and media beside it: generation and likelihoods."""

    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """Answer every request; `args` are context, options, `doc_to_visual`, document, task and split."""
        rows = [request.args for request in requests]
        asked = [Asked(self._messages(context, to_media, number, task, split), options)
                 for context, options, to_media, number, task, split in rows]  # fmt: skip
        return self._generated(asked, [str(row[0]) for row in rows])

    def loglikelihood(self, requests: list[Instance]) -> list[GenerationResult]:
        """Of each continuation with the end of its answer; those without a document have no media.

        As with its own models the number is the loss, the negative log-likelihood: its scorer takes the smallest. Each
        pair comes in a `GenerationResult`, as lmms-eval 0.7 makes text of a bare one.
        """
        found = []
        for request in tqdm(requests, desc="macaw", disable=self.rank != 0):
            context, continuation, *place = request.args
            messages = self._messages(context, *place) if place else _user([], context)
            document = self._document(place[2], place[3], place[1]) if place else None
            answer = continuation(document) if callable(continuation) else continuation
            likelihood, is_greedy = self._answerer.log_likelihood(messages, str(answer).strip())
            found.append(GenerationResult(text=(-likelihood, is_greedy)))
        return found

    def generate_until_multi_round(self, requests: list[Instance]) -> list[list[str]]:
        """Rounds come to the other class."""
        raise UsageError("Tasks of several rounds are answered as a chat.", "Leave --force_simple out.")

    def _messages(
        self, context: str, to_media: Callable[[Any], Any] | None, number: int, task: str, split: str
    ) -> list[dict[str, Any]]:
        media = to_media(self._document(task, split, number)) if to_media is not None else []
        return _user(media if isinstance(media, list | tuple) else [media], context)


def _user(media: Sequence[Any], text: str) -> list[dict[str, Any]]:
    parts = [{"type": "video", "url": medium} for medium in media if medium is not None]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]
