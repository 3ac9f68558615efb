"""`macaw import-checkpoint`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.commands.shared_options import OUTPUT, JsonOption

PARTS = "Companion models"
"""Title of a group of options."""
FILE_HELP = "A checkpoint's folder, as the model hub has it; or published Macaw-LLM weights, a file or a folder."
FROM_HELP = (
    "The checkpoint's family: macaw, llava, qwen2-audio, ultravox, voxtral, glm-asr, idefics3, internvl, gemma3, "
    "blip2 or instructblip; default: what its config.json says."
)
CONFIG_HELP = "macaw: JSON with the checkpoint's sizes; default: those in the file, else the published ones."
LLM_HELP = "ultravox: the LLM, where the checkpoint only names it; default: what it names."
AUDIO_HELP = "macaw: Whisper model to include in the folder; ultravox: the encoder, where the checkpoint only names it."


def import_checkpoint(
    file: Annotated[Path, typer.Argument(help=FILE_HELP)],
    family: Annotated[str, typer.Option("--from", metavar="FAMILY", help=FROM_HELP)] = "",
    config: Annotated[Path | None, typer.Option("--config", help=CONFIG_HELP)] = None,
    out: Annotated[
        Path, typer.Option("--out", rich_help_panel=OUTPUT, help="Model folder to write; it must not exist.")
    ] = Path("imported"),
    tokenizer: Annotated[
        str, typer.Option("--tokenizer", rich_help_panel=PARTS, help="macaw: the LLM's tokenizer, for `macaw chat`.")
    ] = "",
    llm: Annotated[str, typer.Option("--llm", rich_help_panel=PARTS, help=LLM_HELP)] = "",
    image_encoder: Annotated[
        str, typer.Option("--image-encoder", rich_help_panel=PARTS, help="macaw: CLIP model to include in the folder.")
    ] = "",
    audio_encoder: Annotated[str, typer.Option("--audio-encoder", rich_help_panel=PARTS, help=AUDIO_HELP)] = "",
    as_json: JsonOption = False,
) -> None:
    """Turn a published checkpoint into a model folder: Macaw-LLM, LLaVA, Qwen2-Audio, Ultravox and others."""
    from macaw_cli.basics.console import result, result_json, say
    from macaw_cli.basics.shell_words import to_type
    from macaw_cli.export.companions import Companions
    from macaw_cli.export.importing.run import import_any

    report = import_any(file, family, config, out, Companions(tokenizer, image_encoder, audio_encoder, llm))
    for line in report.lines():
        say(line)
    if as_json:
        result_json(report.as_json())
        return
    result(f"Wrote {report.folder}. Next: {to_type('macaw', report.next_command, report.folder)}")
