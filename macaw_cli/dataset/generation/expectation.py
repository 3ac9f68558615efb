"""What a request is expected to cost: from the tokens of its prompt, and from replies that came before."""

from dataclasses import dataclass, field

from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.pricing import Price
from macaw_cli.dataset.generation.request import Message, Sampling
from macaw_cli.dataset.generation.token_counts import Counter, prompt_tokens

PAIR_TOKENS = 45
"""Tokens of a question-answer pair with its JSON, where no reply has been seen yet: Macaw-LLM's instructions have 10
words and its answers 15 (arXiv 2306.09093, table 1), which are about 33 tokens, and the JSON around them 12."""
_EARLY = 20
"""Replies that the assumption counts as much as, when real ones come in."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one request is expected to need."""

    counted: int
    """Tokens of its prompt as counted here."""
    prompt_tokens: float
    """Tokens of its prompt as the API will count."""
    completion_tokens: float
    cost: float
    """US dollars."""
    bound: float
    """The most that it can cost, in US dollars."""


@dataclass(slots=True)
class _Seen:
    """Sums over replies to requests of one kind."""

    replies: float = 0.0
    prompt_ratio: float = 0.0
    completion: float = 0.0


@dataclass(slots=True)
class Expectation:
    """Expected and largest cost of requests.

    Attributes:
        price: of the model.
        sampling: holds the token limit of a reply.
        pairs: kind to the number of pairs in one request.
        count: counts the tokens of a text.
    """

    price: Price
    sampling: Sampling
    pairs: dict[str, int]
    count: Counter
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def of(self, kind: str, messages: list[Message]) -> Expected:
        """What one request of a kind is expected to need."""
        return self.of_tokens(kind, self.count_prompt(messages))

    def of_tokens(self, kind: str, counted: int) -> Expected:
        """What a request whose prompt has so many tokens, as counted here, is expected to need."""
        prompt, completion = counted * self.prompt_ratio(kind), self.completion_tokens(kind)
        bound = self.price.cost(1.5 * prompt, self.sampling.max_new_tokens)
        return Expected(counted, prompt, completion, self.price.cost(prompt, completion), bound)

    def count_prompt(self, messages: list[Message]) -> int:
        """Tokens of a prompt as counted here."""
        return prompt_tokens(messages, self.count)

    def prompt_ratio(self, kind: str) -> float:
        """Tokens that the API counts for one that is counted here."""
        seen = self._seen.get(kind)
        return (seen.prompt_ratio + 1.0) / (seen.replies + 1.0) if seen else 1.0

    def completion_tokens(self, kind: str) -> float:
        """Expected tokens of a reply."""
        assumed = float(PAIR_TOKENS * self.pairs.get(kind, 1) + 10)
        seen = self._seen.get(kind)
        if seen is None:
            return min(assumed, self.sampling.max_new_tokens)
        weight = _EARLY / (1.0 + seen.replies)
        return (seen.completion + weight * assumed) / (seen.replies + weight)

    def replies_seen(self, kind: str) -> int:
        """How many replies the expectation rests on."""
        return round(self._seen[kind].replies) if kind in self._seen else 0

    def learn(self, kind: str, expected: Expected, prompt: int, completion: int) -> None:
        """A reply has come, with these tokens as the API counts."""
        seen = self._seen.setdefault(kind, _Seen())
        seen.replies += 1
        seen.prompt_ratio += prompt / max(1, expected.counted)
        seen.completion += completion

    def learn_from(self, ledger: Ledger) -> None:
        """Start with what earlier runs have seen of such requests."""
        for kind, pairs in self.pairs.items():
            replies, ratio, completion = ledger.mean_tokens(self.sampling.model, kind, pairs)
            if replies:
                self._seen[kind] = _Seen(replies, replies * ratio, replies * completion)
