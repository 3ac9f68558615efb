"""Generation for one or many prompts at once: batched, streamed, with the cache of earlier turns."""

from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from typing import Any, Self

import torch

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.inference.prompts import prompt_batch
from macaw_cli.inference.requests import EndEvent, Ending, Event, GenerationRequest, TokenEvent
from macaw_cli.inference.sampling import TokenChooser
from macaw_cli.inference.text_stream import TextStream
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.packing.packing_support import branches_are_supported
from macaw_cli.model.positions import position_table_of
from macaw_cli.model.text.answer_ends import answer_ends
from macaw_cli.model.text.encoding import ConversationEncoder


class Engine:
    """Generates with one model.

    Args:
        model: in evaluation mode; any causal model of transformers that takes `input_ids`.
        tokenizer: decodes the answers.
        ends: tokens that end an answer.
    """

    def __init__(self, model: Any, tokenizer: Any, ends: frozenset[int]) -> None:
        self.model, self.tokenizer, self.ends = model, tokenizer, ends

    @classmethod
    def of(cls, model: MacawForConditionalGeneration, encoder: ConversationEncoder) -> Self:
        """The engine of a Macaw model and the encoder that belongs to it."""
        return cls(model, encoder.tokenizer, answer_ends(model, encoder))

    def generate(self, requests: Sequence[GenerationRequest]) -> "Generation":
        """Answer all requests at once; see `Generation`.

        Answers are those of each request alone. Where the LLM would mix padded prompts of different lengths, and for
        conversations with a cache of their own, requests are answered one after the other.
        """
        return Generation(self, requests)

    def longest_answer(self, request: GenerationRequest) -> int:
        """How many tokens an answer may have: no more than there are learned positions.

        Raises:
            InputError: the prompt takes all of them.
        """
        table = self._position_table
        if table is None:
            return request.max_new_tokens
        if len(request.prompt) >= table:
            raise InputError(
                f"The prompt has {len(request.prompt)} tokens; the LLM has {table} positions.",
                "Shorten the conversation, or choose an LLM with more positions.",
            )
        return min(request.max_new_tokens, table - len(request.prompt))

    @cached_property
    def _position_table(self) -> int | None:
        return position_table_of(getattr(self.model, "language_model", self.model))

    def stays_apart(self, longest: int) -> bool:
        """Whether padding on the left changes nothing in rows of this length."""
        return branches_are_supported(getattr(self.model, "language_model", self.model), longest)


class Generation(Iterator[Event]):
    """Events of the requests, as they come; each request ends with one `EndEvent`.

    Closing it, or letting it go, ends all that is not finished.

    Args:
        engine: whose model answers.
        requests: in this order.
    """

    def __init__(self, engine: Engine, requests: Sequence[GenerationRequest]) -> None:
        self._engine = engine
        self._answers = [_Answer(number, request, engine) for number, request in enumerate(requests)]
        self._events = self._run()

    def __next__(self) -> Event:
        return next(self._events)

    def cancel(self, number: int) -> None:
        """End the answer to one request after its next token."""
        self._answers[number].cancelled = True

    def close(self) -> None:
        """End everything."""
        self._events.close()

    def _run(self) -> Generator[Event]:
        for group in self._groups():
            wanted = [answer for answer in group if not answer.cancelled]
            for answer in group:
                if answer.cancelled:
                    yield answer.end("cancelled")
            if wanted:
                yield from _decode(self._engine.model, wanted)

    def _groups(self) -> Iterator[list["_Answer"]]:
        """Answers that are decoded together."""
        answers = self._answers
        longest = max((len(answer.request.prompt) + answer.request.max_new_tokens for answer in answers), default=0)
        same = len({len(answer.request.prompt) for answer in answers}) == 1
        with_cache = any(answer.request.cache is not None for answer in answers)
        if len(answers) > 1 and not with_cache and (same or self._engine.stays_apart(longest)):
            yield answers
        else:
            yield from ([answer] for answer in answers)


class _Answer:
    """One answer while it grows."""

    def __init__(self, number: int, request: GenerationRequest, engine: Engine) -> None:
        self.number, self.request = number, request
        self.stream = TextStream(engine.tokenizer, request.stop)
        self.ends = engine.ends
        self.choose = TokenChooser(engine.model, request.sampling, request.seed)
        self.ending: Ending | None = None
        self.cancelled = False
        self.reused = 0
        self.longest = engine.longest_answer(request)

    def take(self, token: int) -> Iterator[Event]:
        """Say what becomes of the next token."""
        if token in self.ends:
            yield self.end("end")
            return
        text = self.stream.add(token)
        yield TokenEvent(self.number, token, text)
        if self.stream.stopped:
            yield self.end("stop")
        elif len(self.stream.tokens) >= self.longest:
            yield self.end("length")
        elif self.cancelled:
            yield self.end("cancelled")

    def end(self, ending: Ending) -> EndEvent:
        """Say that the answer is complete."""
        self.ending = ending
        rest = self.stream.finish()
        tokens = len(self.stream.tokens)
        return EndEvent(
            self.number, ending, self.stream.text, rest, len(self.request.prompt), tokens, reused_tokens=self.reused
        )


@torch.inference_mode()
def _decode(model: Any, answers: list[_Answer]) -> Iterator[Event]:
    """Answer requests together: prompts are padded on the left, media are looked at once, then the cache serves."""
    first = prompt_batch(model, [answer.request for answer in answers])
    inputs, mask, length = first.inputs, first.mask, first.length
    answers[0].reused = first.reused
    read: list[int] = list(answers[0].request.prompt)
    while True:
        output = model(**inputs, use_cache=True, logits_to_keep=1)
        if output.get("past_key_values") is None:
            kind = getattr(model.config.get_text_config(), "model_type", "")
            raise UsageError(
                f"macaw cannot generate text with this LLM ({kind}): it returns no key-value cache.",
                "Choose an LLM with attention layers.",
            )
        if answers[0].request.cache is not None:
            answers[0].request.cache.keep(read, answers[0].request.features, output.past_key_values)
        chosen = _chosen(output.logits[:, -1], answers)
        for answer, token in zip(answers, chosen, strict=True):
            if answer.ending is None:
                yield from answer.take(token)
        if all(answer.ending is not None for answer in answers):
            return
        read.append(chosen[0])
        inputs = {
            "input_ids": torch.tensor(chosen, device=model.device)[:, None],
            "past_key_values": output.past_key_values,
        }
        if mask is None:
            inputs["position_ids"] = torch.tensor([[length]] * len(answers), device=model.device)
        else:
            mask = torch.cat([mask, mask.new_ones(len(answers), 1)], dim=1)
            inputs["attention_mask"] = mask
            inputs["position_ids"] = mask.sum(dim=1, keepdim=True) - 1
        length += 1


def _chosen(logits: torch.Tensor, answers: list[_Answer]) -> list[int]:
    """The next token of every answer; of one that has ended, any."""
    if all(answer.choose.is_argmax for answer in answers):
        likeliest: list[int] = logits.argmax(dim=-1).tolist()
        return likeliest
    rows = logits.float().cpu()
    return [
        answer.choose(row, answer.stream.tokens) if answer.ending is None else 0
        for answer, row in zip(answers, rows, strict=True)
    ]
