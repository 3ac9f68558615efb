"""Which examples of an epoch get another example's media: `training.swap_negatives`.

A pure function of the data, the settings, seed, epoch and place in the epoch. Only examples with media and a single
answer are swapped: in a conversation of several turns, earlier answers describe the medium that was taken away.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from macaw_cli.config.unanswerable import answer_about, main_medium
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.injections.registry import placeholder_count
from macaw_cli.model.losses import IGNORED
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.data.swapped_tokens import Swap, runs_of
from macaw_cli.training.data.tokenised import Tokens

TRIES = 20
"""Examples that are looked at for one whose media may be taken."""


class Swapper:
    """Draws the swapped examples of a stage.

    The other example is of the same kind and has media of the same modalities, so that the question still makes sense.
    Its media are others. Of the examples that are looked at, one about whose media the dataset does not ask the same
    question comes first, then one with another answer: else the right answer would be called wrong.

    Args:
        rows: the conversation of each example.
        tokens: the examples.
        pool: numbers of the examples that the stage trains on.
        encoder: encodes the answers.
        answers: what to answer; `{medium}` stands for the modality.
        at_least: `training.planned_soft_tokens`.
    """

    def __init__(
        self, rows: Sequence[ConversationRow], tokens: Tokens, pool: Sequence[int],
        encoder: ConversationEncoder, answers: Sequence[str], at_least: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self._rows, self._tokens, self._encoder, self._answers = rows, tokens, encoder, answers
        self._config: MacawConfig = encoder.config
        named = {name: least for name, least in (at_least or {}).items() if name in encoder.config.soft_token_ids}
        self._least = {encoder.config.soft_token_ids[name]: least for name, least in named.items()}
        numbers, counts = np.unique(tokens.numbers, return_counts=True)
        self._several = set(numbers[counts > 1].tolist())
        """Conversations that are several examples, each of which repeats turns of the others."""
        self._alike: dict[object, list[int]] = defaultdict(list)
        self._about: dict[str, list[int]] = defaultdict(list)
        """Key of a medium to the examples that have it."""
        for example in pool:
            if rows[example].media:
                self._alike[self._sort(example)].append(example)
            for ref in rows[example].media:
                self._about[ref.key].append(example)
        self._answer_ids = cache(self._encoded_answer)

    def swaps(self, taken: np.ndarray, share: float, seed: int, epoch: int) -> list[Swap | None]:
        """For each place of an epoch the swapped example that takes it, or None.

        Args:
            taken: (n,) examples of the epoch, one number as often as it is taken.
            share: of the examples with media that are swapped, on average.
            seed: of the stage.
            epoch: number of the epoch, from 0.
        """
        draws = np.random.default_rng([seed, epoch, 2]).random((len(taken), 3))
        found: list[Swap | None] = [None] * len(taken)
        for place in np.flatnonzero(draws[:, 0] < share).tolist():
            _, start, answer = draws[place].tolist()
            found[place] = self._swap(int(taken[place]), start, answer)
        return found

    def _swap(self, example: int, start: float, answer: float) -> Swap | None:
        row = self._rows[example]
        if not row.media or int(self._tokens.numbers[example]) in self._several:
            return None
        ids, labels = self._tokens.conversation(example)
        answered = runs_of(labels != IGNORED)
        if len(answered) > 1:
            return None
        medium = main_medium([ref.modality for ref in row.media if ref.soundtrack_of is None])
        new = self._answer_ids(int(answer * len(self._answers)), medium)
        kept = len(ids) - int((labels != IGNORED).sum()) - int(np.isin(ids, list(self._placeholders)).sum())
        best: tuple[int, Swap] | None = None
        pool = self._alike[self._sort(example)]
        first = int(start * len(pool))
        for step in range(min(TRIES, len(pool))):
            partner = pool[(first + step) % len(pool)]
            soft = self._soft_tokens(partner)
            length = kept + len(new) + sum(map(sum, soft.values()))
            more = sum(max(self._least.get(token, 0) - count, 0) for token, counts in soft.items() for count in counts)
            if length + more > self._encoder.max_length or not self._keys(partner).isdisjoint(self._keys(example)):
                continue
            asked = self._asks(example, partner)
            rank = 2 * asked + self._same_answer(example, partner)
            if best is None or rank < best[0]:
                best = rank, Swap(example, partner, soft, new, length, asked, more)
            if rank == 0:
                break
        return best and best[1]

    def _sort(self, example: int) -> object:
        row = self._rows[example]
        return row.kind, tuple((ref.modality, ref.soundtrack_of) for ref in row.media)

    def _keys(self, example: int) -> set[str]:
        return {ref.key for ref in self._rows[example].media}

    @property
    def _placeholders(self) -> set[int]:
        return set(self._config.soft_token_ids.values())

    def _soft_tokens(self, example: int) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for ref in self._rows[example].media:
            count = placeholder_count(self._config, ref.modality, ref.shape)
            found.setdefault(self._config.soft_token_ids[ref.modality], []).append(count)
        return found

    def _asks(self, example: int, partner: int) -> bool:
        """Whether somebody asks the question of `example` about the media of `partner`."""
        question, keys = self._question(example), self._keys(partner)
        others = self._about[self._rows[partner].media[0].key]
        return any(self._keys(other) == keys and self._question(other) == question for other in others)

    def _question(self, example: int) -> bytes:
        """What is not supervised, without the media."""
        ids, labels = self._tokens.conversation(example)
        asked: np.ndarray = ids[(labels == IGNORED) & ~np.isin(ids, list(self._placeholders))]
        return asked.tobytes()

    def _same_answer(self, example: int, partner: int) -> bool:
        one, other = (self._tokens.conversation(number)[1] for number in (example, partner))
        return np.array_equal(one[one != IGNORED], other[other != IGNORED])

    def _encoded_answer(self, number: int, medium: str) -> tuple[int, ...]:
        return tuple(self._encoder.response_ids(answer_about(self._answers[number], medium)))
