"""Examples that a user shows the model: `PATH QUESTION => ANSWER` becomes an earlier turn of the conversation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.urls import is_url
from macaw_cli.chat.lines import is_existing_file, path_and_question
from macaw_cli.chat.turns import Turn, messages_of
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversations import in_training_order
from macaw_cli.media.kinds import modality_of_name
from macaw_cli.model.text.earlier_turns import with_earlier_turns

ARROW = "=>"
FORM = "cat.png What is this? => A cat."
"""An example of an example."""


@dataclass(frozen=True)
class Example:
    """What was typed: paths or URLs of media, the question, and the answer."""

    places: tuple[str, ...]
    question: str
    answer: str


def read_example(typed: str) -> Example:
    """Read `[PATH ...] QUESTION => ANSWER`.

    Raises:
        InputError: the arrow, the question or the answer is missing.
    """
    rest, arrow, answer = (part.strip() for part in typed.partition(ARROW))
    places: list[str] = []
    while rest:
        path, question = path_and_question(rest)
        if not (is_url(path) or is_existing_file(path)):
            first, _, behind = rest.partition(" ")
            if modality_of_name(first) is None:
                break
            path, question = first, behind.strip()  # told as missing where it is attached
        places.append(path)
        rest = question
    if not (arrow and rest and answer):
        lacking = f"has no {ARROW}" if not arrow else "has no question" if not rest else "has no answer"
        raise InputError(f"The example {lacking}.", f"For example: {FORM}")
    return Example(tuple(places), rest, answer)


def example_turn(typed: str, attach: Callable[[str], Sequence[Attachment]], pending: Sequence[Attachment] = ()) -> Turn:
    """The turn that an example becomes.

    Args:
        typed: as `read_example` takes it.
        attach: reads a medium.
        pending: media that were attached before.

    Raises:
        InputError: it is no example, or a medium cannot be read.
    """
    example = read_example(typed)
    attached = [one for place in example.places for one in attach(place)]
    media = tuple(in_training_order([*pending, *attached]))
    return Turn(example.question, media, example.answer, is_example=True)


def behind_examples(
    examples: Sequence[Turn], messages: Sequence[dict[str, Any]], attachments: Sequence[Attachment]
) -> tuple[list[dict[str, Any]], list[Attachment]]:
    """A conversation behind examples, and all media in training order.

    Args:
        examples: shown before it.
        messages: in canonical form.
        attachments: of the messages.
    """
    if not examples:
        return list(messages), list(attachments)
    shown = [(messages_of([turn]), _files(turn.attachments)) for turn in examples]
    media = [one for turn in examples for one in turn.attachments]
    return with_earlier_turns(shown, messages, _files(attachments)), in_training_order([*media, *attachments])


def _files(attachments: Sequence[Attachment]) -> list[str]:
    return [one.modality for one in attachments if not one.soundtrack]
