"""Prompts of a chain of thought that an LLM with a table of positions can still read."""

from collections.abc import Callable
from dataclasses import replace

from macaw_cli.evaluation.asking.scoring import prompt_of
from macaw_cli.evaluation.questions.conditions import Asked
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.model.text.encoding import ConversationEncoder, EncodedConversation

ANSWER_SHARE = 4
"""One of so many positions is kept for a long answer, which ends where the positions do."""


class Fitting:
    """Makes prompts, shorter ones where the positions do not suffice.

    Args:
        encoder: of the model.
        positions: of the LLM's table; None where it can read any length.
    """

    def __init__(self, encoder: ConversationEncoder, positions: int | None) -> None:
        self._encoder, self._positions = encoder, positions

    def prompt(
        self, item: Asked, written: str, asked: Callable[[str], HeldOut], answer: int
    ) -> tuple[HeldOut, EncodedConversation] | None:
        """A question and its prompt, which leaves room for an answer; None where the question alone is too long.

        The first demonstrations are left out sooner than the end of what was written, and that sooner than nothing.

        Args:
            item: the condition.
            written: a text of any length in the question, such as a rationale.
            asked: the question with as much of it as is given.
            answer: tokens of the longest answer, for which a quarter of all positions is kept at most.
        """
        answer = answer if self._positions is None else min(answer, self._positions // ANSWER_SHARE)
        words = written.split(" ")
        question, encoded = self._without_demonstrations(item, asked(written), answer)
        if self._fits(encoded, answer):
            return question, encoded
        least, most = 0, len(words)  # so many words fit; so many do not
        while most - least > 1:
            middle = (least + most) // 2
            shorter = replace(asked(" ".join(words[:middle])), demonstrations=())
            if self._fits(prompt_of(item, shorter, self._encoder), answer):
                least = middle
            else:
                most = middle
        question = replace(asked(" ".join(words[:least])), demonstrations=())
        encoded = prompt_of(item, question, self._encoder)
        return (question, encoded) if self._fits(encoded, 1) else None

    def _without_demonstrations(
        self, item: Asked, question: HeldOut, answer: int
    ) -> tuple[HeldOut, EncodedConversation]:
        """The question with as many demonstrations as fit; without any where none do."""
        encoded = prompt_of(item, question, self._encoder)
        while question.demonstrations and not self._fits(encoded, answer):
            question = replace(question, demonstrations=question.demonstrations[1:])
            encoded = prompt_of(item, question, self._encoder)
        return question, encoded

    def _fits(self, encoded: EncodedConversation, answer: int) -> bool:
        return self._positions is None or len(encoded.input_ids) + answer <= self._positions
