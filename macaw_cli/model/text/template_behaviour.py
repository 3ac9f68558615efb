"""What a chat template does with conversations in general, found out on words of our own.

Templates are programs, and their texts say little about what they do: whether a system prompt is taken, refused or
left out, whether contents are text or lists of parts, where a prompt ends, and what closes a turn.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, Protocol

from macaw_cli.basics.errors import MacawError, UsageError

SYSTEM, QUESTION, ANSWER, NEXT, MORE = "wordsys", "wordask", "wordsay", "wordnext", "wordmore"
"""Words that no template holds."""
SHOWN = 300
ALPACA = "Use --set training.template=alpaca."


class Apply(Protocol):
    """A tokenizer's `apply_chat_template`, as text."""

    def __call__(self, messages: Sequence[Mapping[str, Any]], *, with_prompt: bool) -> str:
        """Render the messages, with the beginning of an answer if so wanted."""


@dataclass(frozen=True)
class Habits:
    """What holds for every conversation in one template."""

    listed: frozenset[str]
    """Roles whose content is a list of parts."""
    system: Literal["kept", "refused", "dropped"]
    """What becomes of a system message."""
    joins: bool
    """Whether neighbouring messages of one role have to be one."""
    cut: str = ""
    """What the template's prompts end with, but no answer in the history follows: an opened block of reasoning."""
    opening: str = ""
    """What stands before an answer in the history, but is not in the template's prompts: the answer's heading."""
    lead: str = ""
    """White space between prompt and answer, which belongs to the answer."""
    prompt: str = ""
    """The prompt for the answer to `QUESTION`."""
    preamble: str = ""
    """What the template puts before the newest answer and leaves out of the history: an empty block of reasoning."""
    tail: str = ""
    """What follows behind an answer that is the last message."""
    head_in_history: str = ""
    tail_in_history: str = ""
    """What stands around an answer to `QUESTION` that `NEXT` follows."""

    def message(self, role: str, text: str) -> dict[str, Any]:
        """A message as the template wants it."""
        return {"role": role, "content": [{"type": "text", "text": text}] if role in self.listed else text}


def habits_of(apply: Apply, title: str) -> Habits:
    """Try a template.

    Args:
        apply: of its tokenizer.
        title: how messages name it.

    Raises:
        UsageError: it loses what a user or the assistant says, or selects no conversations.
    """
    listed = _listed(apply, title)
    plain = Habits(listed, "kept", joins=False)

    def render(messages: Iterable[tuple[str, str]], *, with_prompt: bool = True) -> str:
        given = [plain.message(role, text) for role, text in messages]
        return refusing(title, lambda: apply(given, with_prompt=with_prompt))

    system, listed = _system(apply, title, listed)
    asked = [("user", QUESTION)]
    prompt = render(asked)
    history = render([*asked, ("assistant", ANSWER), ("user", NEXT)])
    head, tail_in_history = _around(history, ANSWER)
    same = _common(prompt, head)
    cut, opening = prompt[same:], head[same:]
    lead = opening if not opening.strip() else ""
    opening = opening.removesuffix(lead) if lead else opening
    prompt = prompt[:same] + opening
    last_head, tail = _around(render([*asked, ("assistant", ANSWER)], with_prompt=False), ANSWER)
    preamble = last_head.removeprefix(prompt) if last_head.startswith(prompt) else ""
    return Habits(
        listed, system, joins=not _takes_neighbours(render), cut=cut, opening=opening, lead=lead, prompt=prompt,
        preamble=preamble if preamble.strip() else "", tail=tail, head_in_history=head,
        tail_in_history=tail_in_history,
    )  # fmt: skip


def refusing(title: str, render: Callable[[], str]) -> str:
    """What `render` returns.

    Raises:
        UsageError: the template refuses the conversation, with the reason that it gives.
    """
    try:
        return render()
    except MacawError:
        raise
    except Exception as error:  # a template is a program: it can raise anything
        lines = str(error).strip().splitlines()
        reason = (lines[0] if lines else type(error).__name__)[:SHOWN].rstrip(".")
        raise UsageError(f"{title} refuses the conversation: {reason}.", ALPACA) from None


def _listed(apply: Apply, title: str) -> frozenset[str]:
    """The roles whose content must be a list: those whose texts are lost else."""
    talk = (("user", QUESTION), ("assistant", ANSWER), ("user", NEXT))
    failures = []
    for listed in _sets("user", "assistant"):
        try:
            text = _tried(apply, title, talk, listed)
        except UsageError as error:
            failures.append(error)
            continue
        lost = {role for role, word in talk if word not in text}
        if not lost:
            return listed
        who = " and ".join(sorted(lost))
        failures.append(UsageError(f"{title} loses the text of the {who}.", f"Use another template. {ALPACA}"))
    raise failures[0]


def _system(apply: Apply, title: str, listed: frozenset[str]) -> tuple[Any, frozenset[str]]:
    """What becomes of system messages, and the roles with lists when theirs is one as well."""
    talk = (("system", SYSTEM), ("user", QUESTION))
    refused = True
    for roles in (listed, listed | {"system"}):
        with suppress(UsageError):
            text = _tried(apply, title, talk, roles)
            if SYSTEM in text and QUESTION in text:
                return "kept", roles
            refused = False
    return "refused" if refused else "dropped", listed


def _tried(apply: Apply, title: str, talk: Iterable[tuple[str, str]], listed: frozenset[str]) -> str:
    shape = Habits(listed, "kept", joins=False)
    given = [shape.message(role, text) for role, text in talk]
    return refusing(title, lambda: apply(given, with_prompt=True))


def _takes_neighbours(render: Callable[..., str]) -> bool:
    """Whether two messages of one role may follow each other, as user's or as assistant's."""
    asked = [("user", QUESTION), ("user", MORE)]
    said = [("user", QUESTION), ("assistant", ANSWER), ("assistant", MORE), ("user", NEXT)]
    try:
        return all(word in render(talk) for talk in (asked, said) for _, word in talk)
    except UsageError:
        return False


def _around(text: str, word: str) -> tuple[str, str]:
    before, _, after = text.rpartition(word)
    return before, after


def _common(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _sets(*roles: str) -> Iterator[frozenset[str]]:
    for chosen in product((False, True), repeat=len(roles)):
        yield frozenset(role for role, used in zip(roles, chosen, strict=True) if used)
