"""`macaw chat`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.commands.shared_options import ConfigOption, JsonOption, SetOption, workspace_of


def chat(
    model: Annotated[Path | None, typer.Argument(help="A run or model; default: the workspace's newest.")] = None,
    image: Annotated[list[Path] | None, typer.Option("--image", help="Picture to ask about; repeatable.")] = None,
    audio: Annotated[list[Path] | None, typer.Option("--audio", help="Sound to ask about; repeatable.")] = None,
    video: Annotated[list[Path] | None, typer.Option("--video", help="Video to ask about; repeatable.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="Answer this one question and stop.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
    *,
    media: Annotated[list[Path] | None, typer.Option("--media", help="File of any modality; repeatable.")] = None,
) -> None:
    """Ask a model about images, sounds and videos."""
    if as_json and prompt is None:
        raise UsageError("--json answers one question and needs --prompt.", 'For example: --prompt "What is this?"')
    workspace = workspace_of(config, overrides)
    from macaw_cli.chat.run import Request
    from macaw_cli.chat.run import chat as run_chat

    named = dict(image=image or [], audio=audio or [], video=video or [])
    run_chat(workspace, Request(model, named, prompt, as_json, media or []))
