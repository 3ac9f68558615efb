"""`macaw chat --batch`: a file of questions to a file of answers, many at once, and again from where it was killed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics import console
from macaw_cli.basics.atomic_files import append_jsonl, has_torn_line, write_jsonl
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import DamagedError, InputError, MacawError, MismatchError, ResourceError
from macaw_cli.basics.fingerprints import fingerprint, sha256_range
from macaw_cli.basics.locks import file_lock
from macaw_cli.basics.owned_folders import require_apart
from macaw_cli.basics.redaction import redacted_tree
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import COUNT, OBJECT, TEXT, Fields, either
from macaw_cli.basics.working_files import require_replaceable
from macaw_cli.chat.batch_rows import BatchRow, RowId, batch_rows
from macaw_cli.chat.examples import behind_examples
from macaw_cli.chat.session import sampling_of
from macaw_cli.chat.turns import Turn
from macaw_cli.config.chat_settings import ChatSettings
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.conversations import (
    conversation_request,
    in_training_order,
    soft_tokens_by_kind,
    with_placed_soundtracks,
)
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.media_sources import MediaSources
from macaw_cli.inference.requests import EndEvent, GenerationRequest
from macaw_cli.model.earlier_names import CONFIG_FILE
from macaw_cli.model.text.media_places import with_first_media_unplaced

_ANSWER = Fields({"id": either(TEXT, COUNT), "asked": TEXT}, {"answer": TEXT, "error": OBJECT})
_ELSEWHERE = "Name another file with --out."
_BEGINS = b'{"id": '
_SAMPLES, _SAMPLE = 64, 4096
"""Of a file of weights that tell it from another one: so many places, so many bytes."""


@dataclass
class Outcome:
    """What a run did."""

    questions: int = 0
    before: int = 0
    """Answered by an earlier run."""
    answered: int = 0
    errors: int = 0


class Batch:
    """Answers the questions of a file.

    Args:
        engine: answers.
        encoder: the `ConversationEncoder` of its model.
        settings: length, sampling, system prompt, how many at once.
        seed: of the sampling, of every question.
        sources: reads media.
        model: what it is, see `model_fingerprint`.
        examples: shown before every question.
    """

    def __init__(
        self, engine: Engine, encoder: Any, settings: ChatSettings, seed: int, sources: MediaSources, model: str,
        examples: Sequence[Turn] = (),
    ) -> None:  # fmt: skip
        self._engine, self._encoder, self._settings, self._seed = engine, encoder, settings, seed
        self._sources, self._examples = sources, examples
        shown = [[turn.question, turn.answer, [one.sha256 for one in turn.attachments]] for turn in examples]
        made_with = [model, settings.system, settings.max_new_tokens, seed, vars(sampling_of(settings)), shown]
        self._made_with = fingerprint(made_with)

    def run(self, questions: Path, out: Path) -> Outcome:
        """Answer what has no answer in `out` yet, and append each answer when it is there.

        Args:
            questions: a JSONL file, see `batch_rows`.
            out: JSONL with one row for each question: its answer, or the error for which there is none.

        Raises:
            InputError: a file cannot be read or written, or two rows have the same id.
            MismatchError: `out` has answers to other questions, or ones that were made with another model or settings.
            LockedError: another command is writing there.
        """
        require_replaceable(out)
        require_apart(out, [questions])
        asked = self._asked(questions)
        outcome = Outcome(len(asked))
        with ExitStack() as stack:
            stack.enter_context(file_lock(out))
            answers = self._earlier(out, asked)
            if any("error" in row for row in answers):  # these are asked again
                write_jsonl(out, [row for row in answers if "error" not in row])
                stack.enter_context(file_lock(out))
            done = {row["id"] for row in answers if "error" not in row}
            outcome.before = len(done)
            waiting = (row for row in batch_rows(questions) if row.id not in done)
            advance = stack.enter_context(console.progress("Answering", len(asked) - len(done), "questions"))
            for row in self._answers(waiting):
                append_jsonl(out, [row])
                outcome.errors += "error" in row
                outcome.answered += "error" not in row
                advance(1, counted(outcome.errors, "error") if outcome.errors else "")
        return outcome

    def _asked(self, questions: Path) -> dict[RowId, str]:
        """The questions of a file, by id: what each asks of which model with which settings.

        Raises:
            InputError: two have the same id.
        """
        asked: dict[RowId, str] = {}
        places: dict[RowId, int] = {}
        for row in batch_rows(questions):
            if row.id in asked:
                raise InputError(
                    f"Lines {places[row.id]} and {row.line} of {questions} both have the id {row.id!r}.",
                    "Give every row an id of its own; a row without one has the number of its line.",
                )
            asked[row.id], places[row.id] = self._fingerprint(row), row.line
        return asked

    def _fingerprint(self, row: BatchRow) -> str:
        return fingerprint([row.fingerprint, self._made_with])

    def _earlier(self, out: Path, asked: Mapping[RowId, str]) -> list[dict[str, Any]]:
        """What earlier runs have written.

        Raises:
            InputError: something else stands in the file.
            MismatchError: another model or other settings answered, or the questions were others.
        """
        try:
            rows = list(iterate_objects(out, _ANSWER))
            is_own = _is_torn_row(out)
        except DamagedError:
            is_own = False
        if not is_own:
            raise InputError(f"{out} holds something other than answers of `macaw chat --batch`.", _ELSEWHERE)
        for row in rows:
            if asked.get(row["id"]) != row["asked"]:
                raise MismatchError(
                    f"{out} holds an answer to another question with the id {row['id']!r}, or one of another model or"
                    " with other settings.",
                    _ELSEWHERE,
                )
        return rows

    def _answers(self, waiting: Iterator[BatchRow]) -> Iterator[dict[str, Any]]:
        """The rows of the answers, as they are ready."""
        batch = ContinuousBatch(self._engine, rows=self._settings.batch_size)
        running: dict[int, tuple[BatchRow, list[Attachment]]] = {}
        more = True
        while more or not batch.idle:
            while more and batch.waiting + batch.running < self._settings.batch_size:
                row = next(waiting, None)
                more = row is not None
                if row is None:
                    break
                try:
                    attachments = self._attached(row)
                    running[batch.add(self._request(row, attachments))] = row, attachments
                except (MacawError, OSError) as error:
                    yield self._error(row, error)
            for event in batch.step():
                if isinstance(event, EndEvent):
                    yield self._ended(*running.pop(event.number), event)

    def _attached(self, row: BatchRow) -> list[Attachment]:
        if row.fault:
            raise row.fault
        return in_training_order(
            [one for modality, place in row.media for one in self._sources.attach(place, modality)]
        )

    def _request(self, row: BatchRow, attachments: list[Attachment]) -> GenerationRequest:
        system = self._settings.system
        first = [{"role": "system", "content": system}] if system and row.messages[0]["role"] != "system" else []
        messages = with_first_media_unplaced([*first, *row.messages], [one.modality for one in attachments])
        shown = behind_examples(self._examples, messages, attachments)
        return conversation_request(
            self._engine.model, self._encoder, *with_placed_soundtracks(*shown),
            max_new_tokens=self._settings.max_new_tokens, sampling=sampling_of(self._settings), seed=self._seed,
        )  # fmt: skip

    def _ended(self, row: BatchRow, attachments: list[Attachment], end: EndEvent) -> dict[str, Any]:
        if isinstance(end.error, torch.OutOfMemoryError):
            raise ResourceError(
                f"{self._engine.model.device} ran out of memory.", "Lower chat.batch_size, and type the command again."
            )
        if end.error is not None and not isinstance(end.error, MacawError):
            raise end.error
        if end.error is not None:
            return self._error(row, end.error)
        soft = soft_tokens_by_kind(attachments, self._engine.model.config)
        usage = {"prompt_tokens": end.prompt_tokens, "completion_tokens": end.completion_tokens, "soft_tokens": soft}
        return {
            "id": row.id, "answer": end.text, "finish_reason": end.ending, "usage": usage,
            "attachments": [one.as_json() for one in attachments], "asked": self._fingerprint(row),
        }  # fmt: skip

    def _error(self, row: BatchRow, error: MacawError | OSError) -> dict[str, Any]:
        known = error if isinstance(error, MacawError) else InputError(str(error))
        told = {"kind": type(known).__name__, "message": known.problem, "hint": known.hint}
        return {"id": row.id, "error": redacted_tree(told), "asked": self._fingerprint(row)}


def _is_torn_row(out: Path) -> bool:
    """Whether the last line, where it has no end, can be a row of which a killed command wrote the beginning."""
    if not has_torn_line(out):
        return True
    with out.open("rb") as file:
        last = file.read().rpartition(b"\n")[2]
    return last.startswith(_BEGINS[: len(last)])


def model_fingerprint(folder: Path) -> str:
    """What a model is: its configuration, and of each file of weights the size and a sample of the bytes."""
    parts: list[Any] = [(folder / CONFIG_FILE).read_text(encoding="utf-8")]
    for file in sorted(folder.glob("*.safetensors")):
        size = file.stat().st_size
        places = range(0, size, max(1, size // _SAMPLES))
        parts.append([file.name, size, [sha256_range(file, at, min(_SAMPLE, size - at)) for at in places]])
    return fingerprint(parts)
