"""`macaw import-checkpoint`."""

from pathlib import Path
from typing import Annotated

import typer


def import_checkpoint(
    file: Annotated[Path, typer.Argument(help="The published weights: .safetensors, pytorch_model*.bin, or their folder.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="JSON with the checkpoint's sizes; default: the file's own, then the published ones.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.")] = Path("imported"),
) -> None:
    """Turn the published Macaw-LLM weights into a model folder."""
    from macaw_cli.basics.console import result, say
    from macaw_cli.export.published import import_published

    report = import_published(file, config, out)
    for line in report.lines():
        say(line)
    result(f"Wrote {report.folder}. Next: macaw inspect {report.folder}")
