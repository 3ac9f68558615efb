"""`macaw serve`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import ConfigOption, ModelArgument, SetOption, workspace_of

SERVER = "Server"
"""Title of a group of options."""


def serve(
    model: ModelArgument = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", rich_help_panel=SERVER,
            help="Address to listen at; any but this machine's own needs an API key.",
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", rich_help_panel=SERVER, help="Port to listen at; 0 takes a free one.")
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            "--api-key-file", rich_help_panel=SERVER,
            help="File with the API key; default: the environment variable MACAW_API_KEY.",
        ),
    ] = None,
    allow_remote_media: Annotated[
        bool | None,
        typer.Option(
            "--allow-remote-media", rich_help_panel=SERVER,
            help="Fetch media that requests name by http or https.", show_default=False,
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend", rich_help_panel=SERVER, metavar="URL",
            help="API of a vLLM that runs the LLM: media are looked at here, and their embeddings sent there.",
        ),
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Serve a model to OpenAI clients, with a chat page."""
    workspace = workspace_of(
        config, overrides, serve__host=host, serve__port=port, serve__api_key_file=api_key_file,
        serve__allow_remote_media=allow_remote_media, serve__backend__url=backend,
    )  # fmt: skip
    from macaw_cli.serving.first_checks import require_served
    from macaw_cli.serving.web.listening import api_key, listening_socket

    key = api_key(workspace)
    require_served(model, workspace.settings.serve.backend)
    listening = listening_socket(workspace.settings.serve)
    from macaw_cli.serving.run import serve as run_server

    run_server(workspace, model, listening, key)
