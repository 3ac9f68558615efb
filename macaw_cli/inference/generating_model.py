"""A model as decoding needs it: its tokenizer, what ends an answer, and what the LLM can take."""

from functools import cached_property
from typing import Any

from transformers import DynamicCache

from macaw_cli.basics.errors import InputError
from macaw_cli.inference.constraints import ConstraintName, NumberConstraint, constraint_of
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.model.packing.padding_support import forgets_positions, padding_is_supported
from macaw_cli.model.positions import position_table_of


class GeneratingModel:
    """A model that answers are decoded with.

    Args:
        model: in evaluation mode; any causal model of transformers that takes `input_ids`.
        tokenizer: decodes the answers.
        ends: tokens that end an answer.
    """

    def __init__(self, model: Any, tokenizer: Any, ends: frozenset[int]) -> None:
        self.model, self.tokenizer, self.ends = model, tokenizer, ends
        self._constraints: dict[str, NumberConstraint] = {}

    @property
    def llm(self) -> Any:
        """The LLM alone."""
        return getattr(self.model, "language_model", self.model)

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

    def constraint(self, name: ConstraintName | None) -> NumberConstraint | None:
        """What keeps an answer to a form; None for any text.

        Raises:
            UsageError: the tokenizer does not allow it.
        """
        if name is None:
            return None
        if name not in self._constraints:
            self._constraints[name] = constraint_of(name, self.tokenizer, self.ends)
        return self._constraints[name]

    @cached_property
    def _position_table(self) -> int | None:
        return position_table_of(self.llm)

    def stays_apart(self, longest: int) -> bool:
        """Whether padding on the left changes nothing in rows of this length."""
        return padding_is_supported(self.llm, longest)

    def new_cache(self, longest: int) -> Any:
        """A cache that keeps all positions of rows of this length, where the LLM's own would not; else None."""
        forgets = forgets_positions(self.llm.config) and self.stays_apart(longest)
        return DynamicCache() if forgets else None
