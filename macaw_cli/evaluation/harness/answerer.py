"""What every class for a harness needs: a model that answers messages with media, and says how likely answers are."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.errors import MacawError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.frozen import torch_device
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.inference import scoring
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.inference.branches import BranchRow
from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.conversations import (
    LONGEST_ANSWER,
    context_length,
    conversation_request,
    in_training_order,
    with_placed_soundtracks,
)
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.inference.given_media import GivenMedia
from macaw_cli.inference.requests import EndEvent, GenerationRequest
from macaw_cli.inference.sampling import Sampling
from macaw_cli.model.folder import load_model, model_folder
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.model.text.media_places import with_first_media_unplaced

SAMPLED = ("top_p", "top_k", "min_p")
DEFAULT_ROWS = 16


@dataclass(frozen=True)
class Asked:
    """One request: messages of a harness, and how to answer them.

    Args:
        messages: `{"role", "content"}`; content is text or parts `{"type", "text" | "url"}`.
        options: of the generation, in the names of transformers; `until` ends an answer.
    """

    messages: Sequence[Mapping[str, Any]]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """An answer, and how many tokens it took; or what was wrong with the request."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str = ""


class HarnessAnswerer:
    """Loads a macaw model and answers.

    Args:
        folder: a run, a model folder or an export.
        device: as the harness names it; a GPU that is not there is none.
        rows: answers that are generated together.
        workspace: where encoders are looked for that are neither in the model nor where it says; empty for the current
            folder.
        system: system prompt of every conversation that has none.

    Raises:
        InputError: there is no model.
        MismatchError: a newer macaw wrote it, or its weights do not fit.
    """

    def __init__(self, folder: str, *, device: str = "auto", rows: int = DEFAULT_ROWS, workspace: str = "",
                 system: str = "") -> None:  # fmt: skip
        place = model_folder(Path(folder).expanduser())
        found = open_workspace(Path(workspace) if workspace else None)
        with quiet_transformers():
            self._model, processor = load_model(place, torch_device(known_device(device)))
        self._encoder, self._rows, self._system = processor.encoder, rows, system
        experts = ModelExperts.of(self._model.config, place, found, known_device(device))
        attacher = Attacher(self._model.config, ModelEncoders(self._model, processor, place, found), experts)
        self._media = GivenMedia(attacher)
        self._engine = Engine.of(self._model, self._encoder)

    def close(self) -> None:
        """Remove temporary files."""
        self._media.close()

    def answers(self, asked: Sequence[Asked]) -> Iterator[tuple[int, Told]]:
        """Answer requests, many at once; each as it is ready, with its number. A wrong one has its error."""
        batch = ContinuousBatch(self._engine, rows=self._rows)
        numbers: dict[int, int] = {}
        waiting = iter(enumerate(asked))
        more = True
        while more or not batch.idle:
            while more and batch.waiting + batch.running < self._rows:
                number, request = next(waiting, (-1, None))
                more = request is not None
                if request is None:
                    break
                try:
                    numbers[batch.add(self._request(request))] = number
                except MacawError as error:
                    yield number, Told("", error=str(error))
            for event in batch.step():
                if isinstance(event, EndEvent):
                    yield numbers.pop(event.number), _told(event)

    def log_likelihood(self, messages: Sequence[Mapping[str, Any]], answer: str) -> tuple[float, bool]:
        """Of an answer with its end, in nats; and whether greedy decoding gives it.

        Args:
            messages: as of `Asked`.
            answer: text behind them.

        Raises:
            InputError: a medium cannot be read.
        """
        canonical, attachments = self._conversation(messages)
        request = conversation_request(self._model, self._encoder, canonical, attachments, max_new_tokens=1)
        row = BranchRow(list(request.prompt), [self._encoder.response_ids(answer)], request.answered)
        with torch.inference_mode():
            found = scoring.score(self._model, [row], [request.features])[0][0]
        return found.log_probability, found.greedy

    def _request(self, asked: Asked) -> GenerationRequest:
        canonical, attachments = self._conversation(asked.messages)
        until = asked.options.get("until") or ()
        request = conversation_request(
            self._model, self._encoder, canonical, attachments, max_new_tokens=1, sampling=sampling_of(asked.options),
            stop=tuple(filter(None, [until] if isinstance(until, str) else until)),
        )  # fmt: skip
        longest = context_length(self._model)
        wanted = int(asked.options.get("max_new_tokens") or LONGEST_ANSWER)
        room = wanted if longest is None else longest - len(request.prompt)
        return replace(request, max_new_tokens=max(min(wanted, room), 1))

    def _conversation(
        self, messages: Sequence[Mapping[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[Attachment]]:
        """Canonical messages and all media, those of the first question as in the training data."""
        canonical: list[dict[str, Any]] = [{"role": "system", "content": self._system}] if self._system else []
        attachments: list[Attachment] = []
        for message in messages:
            if message["role"] == "system" and canonical and canonical[0]["role"] == "system":
                canonical.pop(0)
            content = message["content"]
            parts: list[dict[str, Any]] = []
            for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
                if part["type"] == "text":
                    parts.append({"type": "text", "text": part["text"]})
                    continue
                attached = self._media.attach(_medium(part), part["type"])
                parts += [{"type": one.modality} for one in attached if not one.soundtrack]
                attachments += attached
            has_media = any(part["type"] != "text" for part in parts)
            text = "\n".join(part["text"] for part in parts if part["type"] == "text")
            canonical.append({"role": message["role"], "content": parts if has_media else text})
        attachments = in_training_order(attachments)
        placed = with_first_media_unplaced(canonical, [one.modality for one in attachments])
        return with_placed_soundtracks(placed, attachments)


def _medium(part: Mapping[str, Any]) -> Any:
    """The medium of a part; with its times where the part names some."""
    medium = part.get("url", part.get(part["type"]))
    times = {name: part.get(f"{name}_time") for name in ("start", "end")}
    if any(value is not None for value in times.values()):
        return {"url": medium, "video_start": times["start"], "video_end": times["end"]}
    return medium


def _told(event: EndEvent) -> Told:
    if event.error is not None:
        if not isinstance(event.error, MacawError):
            raise event.error
        return Told("", error=str(event.error))
    return Told(event.text, event.prompt_tokens, event.completion_tokens)


def sampling_of(options: Mapping[str, Any]) -> Sampling:
    """How tokens are chosen, from what a task says in the names of transformers; greedy where it says nothing.

    Raises:
        UsageError: a value that no token could be chosen with.
    """
    temperature = options.get("temperature")
    penalty = options.get("repetition_penalty")
    try:
        if not options.get("do_sample", bool(temperature)) or temperature == 0:
            return Sampling(temperature=0, repetition_penalty=penalty)
        given = {name: options[name] for name in SAMPLED if options.get(name)}
        warmth = 1.0 if temperature is None else float(temperature)
        return Sampling(temperature=warmth, repetition_penalty=penalty, **given)
    except ValueError as error:
        raise UsageError(f"A task asks for a generation that is not possible: {error}.", "Change the task.") from None


def known_device(named: str | None) -> str:
    """`auto`, `cpu` or `cuda`, from names such as `cuda:0`."""
    kind = re.split(r"[:.]", named or "auto")[0]
    return kind if kind == "cpu" or (kind == "cuda" and torch.cuda.is_available()) else "auto"
