"""`macaw chat`: load the model once, then answer one prompt, piped lines, a person, or a file of questions."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from macaw_cli.basics import console
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.state_folder import state_folder
from macaw_cli.chat.examples import example_turn
from macaw_cli.chat.lines import require_text
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.terminal import Terminal, piped_lines, typed_lines
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.frozen import torch_device
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.inference.media_sources import STDIN, MediaSources, require_files
from macaw_cli.modalities.table import Modality
from macaw_cli.model.folder import load_model, model_folder, newest_model
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.model.packing.attention_choice import no_cudnn_attention

if TYPE_CHECKING:
    from macaw_cli.chat.batch import Outcome


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    model: Path | None
    """A model or run folder; None means the workspace's newest."""
    media: Mapping[Modality, Sequence[str]]
    """Paths, URLs or `-` that go with the first question."""
    prompt: str | None = None
    """One question; None reads lines from stdin."""
    as_json: bool = False
    """Print the answer as the object that scripts rely on; needs a prompt."""
    files: Sequence[str] = ()
    """More media that go with it, each of the modality that its content or its name tells."""
    batch: Path | None = None
    """A JSONL file of questions."""
    out: Path | None = None
    """Where their answers go; None is beside it."""
    examples: Sequence[str] = ()
    """What the model is shown before every question: `PATH QUESTION => ANSWER`."""


@no_cudnn_attention()
def chat(workspace: Workspace, request: Request) -> None:
    """Answer.

    Args:
        workspace: its `chat` settings hold; encoders are looked for in it.
        request: the command line.

    Raises:
        InputError: no model, a file that cannot be used, or an encoder that is not found.
        MismatchError: an encoder other than the model's.
        UsageError: a prompt that is not UTF-8, or `-` where standard input holds the questions.
    """
    require_text(request.prompt or "", "--prompt")
    require_text(workspace.settings.chat.system, "chat.system")
    _require_one_use_of_stdin(request)
    _require_files(request)
    device = torch_device(workspace.settings.chat.device)
    folder = model_folder(request.model) if request.model else newest_model(workspace)
    with quiet_transformers():
        model, processor = load_model(folder, device)
    session = ChatSession(model, processor.encoder, workspace.settings.chat, workspace.settings.seed)
    experts = ModelExperts.of(model.config, folder, workspace, workspace.settings.chat.device)
    attacher = Attacher(model.config, ModelEncoders(model, processor, folder, workspace), experts)
    interactive = request.prompt is None and sys.stdin.isatty()
    name = _shown(folder, workspace)
    with MediaSources(attacher) as sources:
        if request.batch is not None:
            _answer_file(model, processor.encoder, sources, workspace, folder, request)
            return
        terminal = Terminal(session, sources, name, interactive=interactive)
        for example in request.examples:
            terminal.show_example(example)
        for modality, places in request.media.items():
            for place in places:
                terminal.attach(place, modality)
        for place in request.files:
            terminal.attach(place)
        if request.as_json:
            _answer_as_json(session, name, request.prompt or "")
        elif request.prompt is not None:
            terminal.answer(session.ask(request.prompt))
        elif not interactive:
            terminal.run(piped_lines())
        else:
            console.say(f"Chatting with {name}. /help lists the commands, Ctrl-D leaves.")
            terminal.run(_typed_lines(workspace, model.config.modalities))


def _answer_file(
    model: Any, encoder: Any, sources: MediaSources, workspace: Workspace, folder: Path, request: Request
) -> None:  # fmt: skip
    """Answer the questions of a file.

    Raises:
        InputError: more of them cannot be answered than `chat.max_reject_ratio` allows.
    """
    from macaw_cli.chat.batch import Batch, model_fingerprint

    questions, settings = cast("Path", request.batch), workspace.settings.chat
    out = request.out or questions.with_name(f"{questions.stem}.answers.jsonl")
    engine = Engine.of(model, encoder)
    examples = [example_turn(typed, sources.attach) for typed in request.examples]
    batch = Batch(engine, encoder, settings, workspace.settings.seed, sources, model_fingerprint(folder), examples)
    done = batch.run(questions, out)
    too_many = _too_many_errors(done, out, settings.max_reject_ratio)
    if request.as_json:
        error = {"error": too_many.as_json()} if too_many else {}
        console.result_json({"out": str(out), **asdict(done), **error})
    else:
        before = f", {done.before:,} of them before" if done.before else ""
        errors = f"; {counted(done.errors, 'error')}" if done.errors else ""
        answered = counted(done.answered + done.before, "question")
        console.result(f"Answered {answered} of {done.questions:,}{before}{errors}. The answers are in {out}.")
    if too_many:
        raise too_many


def _too_many_errors(done: "Outcome", out: Path, allowed: float) -> InputError | None:
    if done.errors <= allowed * done.questions:
        return None
    return InputError(
        f"{done.errors:,} of {counted(done.questions, 'question')} could not be answered, more than"
        f" chat.max_reject_ratio={allowed:g} allows.",
        f"The reasons are in {out}; the same command asks these questions again.",
    )


def _typed_lines(workspace: Workspace, modalities: Sequence[str]) -> Iterator[str]:
    from macaw_cli.chat.changes import CHANGEABLE
    from macaw_cli.chat.history import ChatHistory
    from macaw_cli.chat.line_editor import LineEditor

    history = ChatHistory(state_folder() / "chat-history.jsonl") if workspace.settings.chat.history else None
    return typed_lines(LineEditor(CHANGEABLE, history, modalities=modalities).read)


def _require_one_use_of_stdin(request: Request) -> None:
    uses = [place for places in (*request.media.values(), request.files) for place in places if place == STDIN]
    if len(uses) > 1:
        raise UsageError("`-` was given twice, but there is one standard input.", "Name the other file by its path.")
    if uses and request.prompt is None:
        raise UsageError(
            "`-` reads a medium from standard input, which cannot hold the questions as well.",
            'Ask with --prompt, for example --prompt "What is this?"',
        )


def _require_files(request: Request) -> None:
    """Nothing is loaded for files that are not there."""
    for modality, places in request.media.items():
        require_files(places, modality)
    require_files(request.files)
    if request.batch is not None and not request.batch.exists():
        raise InputError(f"The file of questions {request.batch} does not exist.", "Check the path.")


def _shown(folder: Path, workspace: Workspace) -> str:
    """The folder as seen from the workspace where it lies inside."""
    return str(folder.relative_to(workspace.root)) if folder.is_relative_to(workspace.root) else str(folder)


def _answer_as_json(session: ChatSession, model: str, prompt: str) -> None:
    attachments = [attachment.as_json() for attachment in session.pending]
    for _ in session.ask(prompt):
        pass
    console.result_json({"answer": session.answer.text, "model": model, "attachments": attachments}
                        | session.answer.as_json())  # fmt: skip
