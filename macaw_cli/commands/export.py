"""`macaw export`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import (
    OUTPUT,
    ConfigOption,
    JsonOption,
    ModelArgument,
    SetOption,
    workspace_of,
)

HUB = "Model hub"
"""Title of a group of options."""
FORMAT_HELP = "A row of docs/export.md, such as hf (the default), llm, llava or qwen2-audio."


def export(
    model: ModelArgument = None,
    form: Annotated[
        str | None,
        typer.Option("--format", rich_help_panel=OUTPUT, help=FORMAT_HELP),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", rich_help_panel=OUTPUT, help="Folder to write; it must not exist.")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option("--dtype", rich_help_panel=OUTPUT, help="float32, bfloat16 or float16; default: as it is."),
    ] = None,
    keep_adapters: Annotated[
        bool | None,
        typer.Option(
            "--keep-adapters", rich_help_panel=OUTPUT, help="hf: put the training's adapter beside the merged model."
        ),
    ] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option(
            "--push-to-hub", metavar="OWNER/NAME", rich_help_panel=HUB, help="Send the proved folder there."
        ),
    ] = None,
    private: Annotated[
        bool | None, typer.Option("--private", rich_help_panel=HUB, help="Make the repository private, if it is new.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write a model as a folder that others can load."""
    workspace = workspace_of(
        config, overrides, export__format=form, export__out=out, export__dtype=dtype,
        export__keep_adapters=keep_adapters, export__push_to_hub=push_to_hub, export__private=private,
    )  # fmt: skip
    from macaw_cli.basics.console import result, result_json, say
    from macaw_cli.basics.disk import human_bytes
    from macaw_cli.basics.shell_words import to_type
    from macaw_cli.export.run import export_model

    report = export_model(workspace, model)
    if as_json:
        result_json(report.as_json())
        return
    result(f"Exported {report.source} to {report.out} ({human_bytes(report.nbytes)}).")
    result(f"Loaded in a fresh process: {report.proof}.")
    for note in report.notes:
        say(note)
    if report.url:
        result(f"Sent to {report.url}.")
    if report.next_command:
        say(f"Next: {to_type('macaw', *report.next_command)}")
