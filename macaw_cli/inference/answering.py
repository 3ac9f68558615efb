"""Questions in Python: text or a conversation, media files, and how to sample; what `Engine.answer` takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any, TypedDict, cast

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import UsageError
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.inference.constraints import ConstraintName
from macaw_cli.inference.conversations import conversation_request, in_training_order, with_placed_soundtracks
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.inference.sampling import Sampling
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.text.media_places import with_first_media_unplaced

Files = str | PathLike[str] | Sequence[str | PathLike[str]]
"""One media file, or several."""
Conversation = str | Sequence[Mapping[str, Any]]
"""A question, or messages in canonical form of which the last is the user's."""
MAX_NEW_TOKENS = 128


class Asked(TypedDict, total=False):
    """Keywords of a question; a modality of another package is one more keyword."""

    image: Files
    audio: Files
    video: Files
    system: str
    """System prompt, where the template has a place for one."""
    max_new_tokens: int
    """Longest answer; 128 by default."""
    temperature: float | None
    """As in `Sampling`, and so are the next six."""
    top_p: float | None
    top_k: int | None
    min_p: float | None
    repetition_penalty: float | None
    no_repeat_ngram_size: int | None
    constraint: ConstraintName | None
    seed: int
    """Of the sampling; 0 by default."""
    stop: str | Sequence[str]
    """Texts that end the answer and do not belong to it."""


SAMPLING = tuple(field.name for field in fields(Sampling))
KNOWN = (*MODALITIES, *(name for name in Asked.__annotations__ if name not in MODALITIES))


@dataclass(frozen=True)
class QuestionReader:
    """Makes requests of questions.

    Args:
        model: a Macaw model in evaluation mode.
        encoder: the `ConversationEncoder` that belongs to it.
        attacher: reads media files; None takes questions without media alone.
    """

    model: Any
    encoder: Any
    attacher: Attacher | None

    def request(self, question: Conversation, said: Mapping[str, Any]) -> GenerationRequest:
        """The request of one question.

        Args:
            question: text, or a conversation.
            said: what `Asked` holds.

        Raises:
            InputError: a file that cannot be read, or a conversation that is too long.
            MismatchError: more positions in the messages than media.
            UsageError: an unknown keyword, or media without an attacher.
        """
        _require_known(said)
        stop = said.get("stop", ())
        system = [{"role": "system", "content": said["system"]}] if said.get("system") else []
        asked = [{"role": "user", "content": question}] if isinstance(question, str) else list(question)
        attached = self._attached(said)
        messages = with_first_media_unplaced([*system, *asked], [one.modality for one in attached])
        return conversation_request(
            self.model, self.encoder, *with_placed_soundtracks(messages, attached),
            max_new_tokens=said.get("max_new_tokens", MAX_NEW_TOKENS), seed=said.get("seed", 0),
            sampling=Sampling(**{name: said[name] for name in SAMPLING if name in said}),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
        )  # fmt: skip

    def _attached(self, said: Mapping[str, Any]) -> list[Attachment]:
        named = [(name, path) for name in MODALITIES for path in _listed(said.get(name, ()))]
        if named and self.attacher is None:
            raise UsageError(
                "This engine has no encoders, so it cannot read media files.",
                "Load the model with Engine.from_pretrained.",
            )
        attacher = cast("Attacher", self.attacher)
        return in_training_order([one for name, path in named for one in attacher.attach(Path(path), name)])


def question_and_keywords(asked: str | Mapping[str, Any], every: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The question and its keywords.

    Args:
        asked: a question, or a mapping of `question` and what `Asked` holds.
        every: what `Asked` holds, for where `asked` says nothing.

    Raises:
        UsageError: a mapping without a question.
    """
    if isinstance(asked, str):
        return asked, dict(every)
    if "question" not in asked:
        raise UsageError(f"A question has the keys {', '.join(map(str, asked))}, but no `question`.", "Add its text.")
    own = {name: value for name, value in asked.items() if name != "question"}
    return asked["question"], {**every, **own}


def _listed(files: Files) -> list[str | PathLike[str]]:
    return [files] if isinstance(files, str | PathLike) else list(files)


def _require_known(said: Mapping[str, Any]) -> None:
    for name in said:
        if name not in KNOWN:
            close = closest(name, KNOWN)
            nearest = f" (did you mean {close[0]}?)" if close else ""
            raise UsageError(f"A question has no `{name}`{nearest}.", f"Possible are {', '.join(KNOWN)}.")
