"""`macaw chat`: load the model once, then answer one prompt, piped lines, or a person."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics import console
from macaw_cli.basics.errors import UsageError
from macaw_cli.chat.attachments import Attacher
from macaw_cli.chat.model_encoders import ModelEncoders
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.terminal import Terminal
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Modality
from macaw_cli.model.folder import load_model, newest_model


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    model: Path | None
    """A model or run folder; None means the workspace's newest."""
    media: Mapping[Modality, Sequence[Path]]
    """Files that go with the first question."""
    prompt: str | None
    """One question; None reads lines from stdin."""
    as_json: bool


def chat(workspace: Workspace, request: Request) -> None:
    """Answer.

    Args:
        workspace: its `chat` settings hold; encoders are looked for in it.
        request: the command line.

    Raises:
        UsageError: `--json` without a prompt.
        InputError: no model, a file that cannot be used, or an encoder that is not found.
        MismatchError: an encoder other than the model's.
    """
    if request.as_json and request.prompt is None:
        raise UsageError("--json answers one question and needs --prompt.", 'For example: --prompt "What is this?"')
    folder = model_folder(request.model) if request.model else newest_model(workspace)
    model, processor = load_model(folder, workspace.settings.chat.device)
    session = ChatSession(model, processor.encoder, workspace.settings.chat, workspace.settings.seed)
    attacher = Attacher(model.config, ModelEncoders(model, processor, folder, workspace))
    interactive = request.prompt is None and sys.stdin.isatty()
    terminal = Terminal(session, attacher, interactive=interactive)
    for modality, paths in request.media.items():
        for path in paths:
            terminal.attach(path, modality)
    if request.as_json:
        _answer_as_json(session, folder, request.prompt or "")
    elif request.prompt is not None:
        terminal.answer(session.ask(request.prompt))
    else:
        if interactive:
            console.say(f"Chatting with {folder}. /help lists the commands, Ctrl-D leaves.")
        terminal.run()


def model_folder(named: Path) -> Path:
    """The model folder that `named` means: itself, or the one inside a run."""
    inside = named / "model"
    return inside if (inside / "config.json").is_file() else named


def _answer_as_json(session: ChatSession, folder: Path, prompt: str) -> None:
    attachments = [attachment.as_json() for attachment in session.pending]
    for _ in session.ask(prompt):
        pass
    answer = session.answer
    console.result_json({
        "answer": answer.text,
        "model": str(folder),
        "attachments": attachments,
        "usage": {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens},
        "timings": {"first_token_s": round(answer.first_token_s, 4), "tokens_per_s": round(answer.tokens_per_s, 2)},
    })
