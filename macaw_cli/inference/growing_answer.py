"""One answer while it grows, token by token."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from macaw_cli.inference.generating_model import GeneratingModel
from macaw_cli.inference.requests import EndEvent, Ending, Event, GenerationRequest, TokenEvent
from macaw_cli.inference.sampling import TokenChooser
from macaw_cli.inference.text_stream import TextStream


class GrowingAnswer:
    """The answer to one request.

    Args:
        number: of the request.
        request: what was asked.
        model: that answers.

    Raises:
        InputError: the prompt is too long.
        UsageError: the tokenizer cannot keep to the constraint that is asked for.
    """

    def __init__(self, number: int, request: GenerationRequest, model: GeneratingModel) -> None:
        self.number, self.request = number, request
        self.stream = TextStream(model.tokenizer, request.stop)
        self.ends = model.ends
        self.longest = model.longest_answer(request)
        self.choose = TokenChooser(
            model.model, request.sampling, request.seed, model.constraint(request.sampling.constraint)
        )
        self.ending: Ending | None = None
        self.cancelled = False
        self.cache = request.cache
        """What is known of its prompt, until that is read."""
        self.reused = 0
        """Tokens of the prompt that were in the cache of its conversation."""

    @property
    def read(self) -> list[int]:
        """The prompt and the answer so far."""
        return [*self.request.prompt, *self.stream.tokens]

    def take(self, token: int, logits: Tensor) -> Iterator[Event]:
        """Say what becomes of the next token.

        Args:
            token: its id.
            logits: (V,), of which it was chosen.
        """
        if token in self.ends:
            yield self.end("end")
            return
        text = self.stream.add(token)
        yield TokenEvent(self.number, token, text, *self._probabilities(token, logits))
        if self.stream.stopped:
            yield self.end("stop")
        elif len(self.stream.tokens) >= self.longest:
            yield self.end("length")

    def end(self, ending: Ending, error: Exception | None = None) -> EndEvent:
        """Say that the answer is complete."""
        self.ending = ending
        rest = self.stream.finish()
        return EndEvent(
            self.number, ending, self.stream.text, rest, len(self.request.prompt), len(self.stream.tokens),
            reused_tokens=self.reused, error=error,
        )  # fmt: skip

    def _probabilities(self, token: int, logits: Tensor) -> tuple[float | None, tuple[tuple[int, float], ...]]:
        """The token's log-probability, and the likeliest tokens with theirs."""
        if self.request.logprobs is None:
            return None, ()
        logs = logits.float().log_softmax(dim=-1)
        top = logs.topk(min(self.request.logprobs, len(logs)))
        return float(logs[token]), tuple(zip(top.indices.tolist(), top.values.tolist(), strict=True))


def chosen_tokens(logits: Tensor, answers: Sequence[GrowingAnswer]) -> list[int | RuntimeError]:
    """The next token of every answer, or why none can be drawn for it, such as logits that are NaN.

    Args:
        logits: (answers, V).
        answers: in the order of their rows.
    """
    tokens: list[int | RuntimeError] = logits.argmax(dim=-1).tolist()
    drawn = [row for row, answer in enumerate(answers) if not answer.choose.is_argmax]
    for row, scores in zip(drawn, logits[drawn].float().cpu() if drawn else (), strict=True):
        try:
            tokens[row] = answers[row].choose(scores, answers[row].stream.tokens)
        except RuntimeError as error:  # of this answer alone: the others go on
            tokens[row] = error
    return tokens
