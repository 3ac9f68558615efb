"""`macaw chat`: load the model once, then answer one prompt, piped lines, or a person."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics import console
from macaw_cli.basics.errors import InputError
from macaw_cli.chat.lines import require_text
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.terminal import Terminal
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.frozen import torch_device
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.inference.attachments import Attacher
from macaw_cli.media.kinds import modality_of
from macaw_cli.modalities.table import Modality, in_words
from macaw_cli.model.folder import load_model, model_folder, newest_model
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.model.packing.attention_choice import no_cudnn_attention


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    model: Path | None
    """A model or run folder; None means the workspace's newest."""
    media: Mapping[Modality, Sequence[Path]]
    """Files that go with the first question."""
    prompt: str | None = None
    """One question; None reads lines from stdin."""
    as_json: bool = False
    """Print the answer as the object that scripts rely on; needs a prompt."""
    files: Sequence[Path] = ()
    """More files that go with it, each of the modality that its content or its name tells."""


@no_cudnn_attention()
def chat(workspace: Workspace, request: Request) -> None:
    """Answer.

    Args:
        workspace: its `chat` settings hold; encoders are looked for in it.
        request: the command line.

    Raises:
        InputError: no model, a file that cannot be used, or an encoder that is not found.
        MismatchError: an encoder other than the model's.
        UsageError: a prompt that is not UTF-8.
    """
    require_text(request.prompt or "", "--prompt")
    require_text(workspace.settings.chat.system, "chat.system")
    device = torch_device(workspace.settings.chat.device)
    folder = model_folder(request.model) if request.model else newest_model(workspace)
    with quiet_transformers():
        model, processor = load_model(folder, device)
    session = ChatSession(model, processor.encoder, workspace.settings.chat, workspace.settings.seed)
    attacher = Attacher(model.config, ModelEncoders(model, processor, folder, workspace))
    interactive = request.prompt is None and sys.stdin.isatty()
    terminal = Terminal(session, attacher, interactive=interactive)
    for modality, paths in request.media.items():
        for path in paths:
            terminal.attach(path, modality)
    for path in request.files:
        terminal.attach(path, _modality(path))
    if request.as_json:
        _answer_as_json(session, _shown(folder, workspace), request.prompt or "")
    elif request.prompt is not None:
        terminal.answer(session.ask(request.prompt))
    else:
        if interactive:
            console.say(f"Chatting with {_shown(folder, workspace)}. /help lists the commands, Ctrl-D leaves.")
        terminal.run()


def _modality(path: Path) -> Modality:
    """The modality of a file, which need not be there: attaching it says so."""
    found = modality_of(path)
    if found is None:
        raise InputError(f"{path} is not an {in_words()} file.", "Check the path.")
    return found


def _shown(folder: Path, workspace: Workspace) -> str:
    """The folder as seen from the workspace where it lies inside."""
    return str(folder.relative_to(workspace.root)) if folder.is_relative_to(workspace.root) else str(folder)


def _answer_as_json(session: ChatSession, model: str, prompt: str) -> None:
    attachments = [attachment.as_json() for attachment in session.pending]
    for _ in session.ask(prompt):
        pass
    answer = session.answer
    console.result_json(
        {
            "answer": answer.text,
            "model": model,
            "attachments": attachments,
            "usage": {
                "prompt_tokens": answer.prompt_tokens,
                "completion_tokens": answer.completion_tokens,
                "soft_tokens": answer.soft_tokens,
            },
            "timings": {"first_token_s": round(answer.first_token_s, 4), "tokens_per_s": round(answer.tokens_per_s, 2)},
        }
    )
