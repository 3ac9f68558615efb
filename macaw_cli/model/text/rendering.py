"""The one door to chat templates: programs of others, run in transformers' sandbox, in bounded time and memory.

A single operation is not stopped before it ends: what would make it large fails where it asks for the memory, and
numbers that make one long are refused beforehand.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from macaw_cli.basics.address_space import growth_limited
from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.time_limit import TimeUp, time_limit

LIMIT_S = 5.0
"""For one conversation; an honest template takes well below a hundredth of a second."""
MEMORY = 1 << 30
"""Bytes by which the process may grow meanwhile."""
LARGEST_NUMBER = 1_000_000
"""That a template may write."""
_HINT = "Use --set training.template=alpaca, or give the tokenizer another chat template."


def render_chat(tokenizer: Any, messages: Sequence[Mapping[str, Any]], **options: Any) -> str:
    """A conversation in the tokenizer's chat template.

    Args:
        tokenizer: one with a chat template.
        messages: as the template takes them.
        **options: for `apply_chat_template`.

    Raises:
        UsageError: the template takes longer than `LIMIT_S` or more memory than `MEMORY`, or has an operation that
            would have to be waited for.
        jinja2.TemplateError: the template refuses the conversation, or is none.
    """
    template = getattr(tokenizer, "chat_template", None)
    for text in template.values() if isinstance(template, dict) else [template]:
        if isinstance(text, str):
            _require_small_numbers(text)
    try:
        # in this order: outside the main thread a thread watches the time, and one without room for its stack would
        # never begin, nor let anyone go on
        with time_limit(LIMIT_S, again=LIMIT_S, memory=MEMORY, computing=True), growth_limited(MEMORY):
            rendered: str = tokenizer.apply_chat_template(list(messages), tokenize=False, **options)
    except TimeUp:
        problem = f"The tokenizer's chat template took longer than {LIMIT_S:g} s for one conversation and was stopped."
        raise UsageError(problem, _HINT) from None
    except (MemoryError, RecursionError, OverflowError) as error:
        problem = f"The tokenizer's chat template cannot be rendered ({type(error).__name__})."
        raise UsageError(problem, _HINT) from None
    return rendered


@lru_cache(maxsize=32)
def _require_small_numbers(template: str) -> None:
    """Nothing stops `10 ** 10 ** 10` or `"a" * 9999999999` before it is done, when the template is compiled."""
    from jinja2 import Environment, TemplateSyntaxError

    try:
        tokens = [(kind, value) for _, kind, value in Environment().lex(template)]
    except TemplateSyntaxError:  # which transformers tells
        return
    if ("operator", "**") in tokens:
        raise UsageError("The tokenizer's chat template computes powers, which may never end.", _HINT)
    # digits are counted before they are read: Python refuses to read thousands of them
    numbers = [value.replace("_", "") for kind, value in tokens if kind == "integer"]
    if any(len(number) > len(str(LARGEST_NUMBER)) or int(number, 0) > LARGEST_NUMBER for number in numbers):
        problem = f"The tokenizer's chat template writes a number above {LARGEST_NUMBER:,}, which may never end."
        raise UsageError(problem, _HINT)
