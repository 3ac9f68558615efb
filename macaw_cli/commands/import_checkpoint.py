"""`macaw import-checkpoint`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import OUTPUT

PARTS = "Companion models"
"""Title of a group of options."""
CONFIG_HELP = "JSON with the checkpoint's sizes; default: those in the file, else the published ones."


def import_checkpoint(
    file: Annotated[Path, typer.Argument(help="The published weights: .safetensors, pytorch_model*.bin, or a folder.")],
    config: Annotated[Path | None, typer.Option("--config", help=CONFIG_HELP)] = None,
    out: Annotated[
        Path, typer.Option("--out", rich_help_panel=OUTPUT, help="Model folder to write.")
    ] = Path("imported"),
    tokenizer: Annotated[
        str, typer.Option("--tokenizer", rich_help_panel=PARTS, help="The LLM's tokenizer, for `macaw chat`.")
    ] = "",
    image_encoder: Annotated[
        str, typer.Option("--image-encoder", rich_help_panel=PARTS, help="CLIP model to include in the folder.")
    ] = "",
    audio_encoder: Annotated[
        str, typer.Option("--audio-encoder", rich_help_panel=PARTS, help="Whisper model to include in the folder.")
    ] = "",
) -> None:
    """Turn the published Macaw-LLM weights into a model folder."""
    from macaw_cli.basics.console import result, say
    from macaw_cli.basics.shell_words import to_type
    from macaw_cli.export.published import import_published
    from macaw_cli.export.published_companions import Companions

    report = import_published(file, config, out, Companions(tokenizer, image_encoder, audio_encoder))
    for line in report.lines():
        say(line)
    result(f"Wrote {report.folder}. Next: {to_type('macaw', 'inspect', report.folder)}")
