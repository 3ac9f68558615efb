"""Questions in Python: text or a conversation, media files, and how to sample; what `Engine.answer` takes."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, TypedDict

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import UsageError
from macaw_cli.inference.asked_messages import Conversation, asked_messages
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.inference.constraints import ConstraintName
from macaw_cli.inference.conversations import conversation_request, in_training_order, with_placed_soundtracks
from macaw_cli.inference.given_media import FORMS, GivenMedia
from macaw_cli.inference.media_forms import are_frames, is_samples_with_rate
from macaw_cli.inference.media_sources import MediaSources
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.inference.sampling import Sampling
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.model.text.media_places import with_first_media_unplaced

Media = Any
"""One medium, or a sequence of several: what `GivenMedia.attach` takes."""
MAX_NEW_TOKENS = 128


class Asked(TypedDict, total=False):
    """Keywords of a question; a modality of another package is one more keyword."""

    image: Media
    audio: Media
    video: Media
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
        asked = asked_messages(question)
        attached = self._attached(said)
        messages = with_first_media_unplaced([*system, *asked], [one.modality for one in attached])
        return conversation_request(
            self.model, self.encoder, *with_placed_soundtracks(messages, attached),
            max_new_tokens=said.get("max_new_tokens", MAX_NEW_TOKENS), seed=said.get("seed", 0),
            sampling=Sampling(**{name: said[name] for name in SAMPLING if name in said}),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
        )  # fmt: skip

    def _attached(self, said: Mapping[str, Any]) -> list[Attachment]:
        named = [(name, medium) for name in MODALITIES for medium in _listed(said.get(name), name)]
        if not named:
            return []
        if self.attacher is None:
            raise UsageError(
                "This engine has no encoders, so it cannot read media files.",
                "Load the model with Engine.from_pretrained.",
            )
        with (
            MediaSources(self.attacher, tell=None) as sources,
            closing(GivenMedia(self.attacher, sources)) as given,
        ):
            attached = [one for name, medium in named for one in given.attach(medium, name, certain=True)]
        return in_training_order(attached)


def question_and_keywords(
    asked: Conversation | Mapping[str, Any], every: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The question and its keywords.

    Args:
        asked: a question, messages, or a mapping of `question` and what `Asked` holds.
        every: what `Asked` holds, for where `asked` says nothing.

    Raises:
        UsageError: a mapping without a question.
    """
    if not isinstance(asked, Mapping):
        return asked, dict(every)
    if "question" not in asked:
        raise UsageError(f"A question has the keys {', '.join(map(str, asked))}, but no `question`.", "Add its text.")
    own = {name: value for name, value in asked.items() if name != "question"}
    return asked["question"], {**every, **own}


def require_many(questions: Any) -> None:
    """Refuse a single question where a sequence of them is asked for.

    Raises:
        UsageError: it is one text, one mapping, or no sequence.
    """
    if isinstance(questions, str | Mapping) or not isinstance(questions, Iterable):
        one = "one question" if isinstance(questions, str | Mapping) else type(questions).__name__
        raise UsageError(f"answer_all takes a list of questions, found {one}.", "Put it into a list, or use answer.")


def _listed(media: Media, modality: Modality) -> list[Any]:
    """The media that a keyword names."""
    if media is None:
        return []
    is_one = is_samples_with_rate(media) or (modality == "video" and are_frames(media))
    if is_one or not isinstance(media, list | tuple):
        return [media]
    if media and all(isinstance(one, Real) for one in media):
        raise UsageError(f"The {modality} was given as a list of numbers.", FORMS)
    return list(media)


def _require_known(said: Mapping[str, Any]) -> None:
    for name in said:
        if name not in KNOWN:
            close = closest(name, KNOWN)
            nearest = f" (did you mean {close[0]}?)" if close else ""
            raise UsageError(f"A question has no `{name}`{nearest}.", f"Possible are {', '.join(KNOWN)}.")
