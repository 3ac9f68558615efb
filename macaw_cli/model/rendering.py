"""The one door to chat templates: they are programs of others, run in transformers' sandbox and only for so long."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.time_limit import TimeUp, time_limit

LIMIT_S = 5.0
"""For one conversation; an honest template takes well below a hundredth of a second."""
_HINT = "Use --set training.template=alpaca, or give the tokenizer another chat template."


def render_chat(tokenizer: Any, messages: Sequence[Mapping[str, Any]], **options: Any) -> str:
    """A conversation in the tokenizer's chat template.

    Args:
        tokenizer: one with a chat template.
        messages: as the template takes them.
        **options: for `apply_chat_template`.

    Raises:
        UsageError: the template takes longer than `LIMIT_S`, or more memory than there is.
        jinja2.TemplateError: the template refuses the conversation, or is none.
    """
    template = getattr(tokenizer, "chat_template", None)
    for text in template.values() if isinstance(template, dict) else [template]:
        if isinstance(text, str):
            _require_no_powers(text)
    try:
        with time_limit(LIMIT_S, again=LIMIT_S):
            rendered: str = tokenizer.apply_chat_template(list(messages), tokenize=False, **options)
    except TimeUp:
        problem = f"The tokenizer's chat template took longer than {LIMIT_S:g} s for one conversation and was stopped."
        raise UsageError(problem, _HINT) from None
    except (MemoryError, RecursionError, OverflowError) as error:
        problem = f"The tokenizer's chat template cannot be rendered ({type(error).__name__})."
        raise UsageError(problem, _HINT) from None
    return rendered


@lru_cache(maxsize=32)
def _require_no_powers(template: str) -> None:
    """Nothing can stop `10 ** 10 ** 10` before it is done, and it is done when the template is compiled."""
    from jinja2 import Environment, TemplateSyntaxError

    try:
        powers = any(kind == "operator" and value == "**" for _, kind, value in Environment().lex(template))
    except TemplateSyntaxError:  # which transformers tells
        return
    if powers:
        raise UsageError("The tokenizer's chat template raises numbers to powers, which may never end.", _HINT)
