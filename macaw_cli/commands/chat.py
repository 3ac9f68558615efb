"""`macaw chat`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.commands.shared_options import ConfigOption, JsonOption, ModelArgument, SetOption, workspace_of

QUESTION = "Question"
"""Title of a group of options."""


def chat(
    model: ModelArgument = None,
    image: Annotated[
        list[Path] | None, typer.Option("--image", rich_help_panel=QUESTION, help="Image to ask about; repeatable.")
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option("--audio", rich_help_panel=QUESTION, help="Audio file to ask about; repeatable."),
    ] = None,
    video: Annotated[
        list[Path] | None, typer.Option("--video", rich_help_panel=QUESTION, help="Video to ask about; repeatable.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", rich_help_panel=QUESTION, help="Answer this question and exit.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
    *,
    media: Annotated[
        list[Path] | None, typer.Option("--media", rich_help_panel=QUESTION, help="File of any modality; repeatable.")
    ] = None,
) -> None:
    """Ask a model about images, audio and videos."""
    if as_json and prompt is None:
        raise UsageError("--json needs --prompt: it answers one question.", 'For example: --prompt "What is this?"')
    workspace = workspace_of(config, overrides)
    from macaw_cli.chat.run import Request
    from macaw_cli.chat.run import chat as run_chat

    named = dict(image=image or [], audio=audio or [], video=video or [])
    run_chat(workspace, Request(model, named, prompt, as_json, media or []))
