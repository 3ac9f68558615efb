"""`macaw extract-features`."""

from typing import Annotated

import typer

from macaw_cli.commands.shared_options import (
    OUTPUT,
    REJECTS,
    WORK,
    ConfigOption,
    JsonOption,
    PlanOption,
    SetOption,
    model_from_here,
    place_from_here,
    source_from_here,
    workspace_of,
)

FEATURES = "Features"
"""Title of a group of options."""
_LIMIT = "Use only the first N files of the sources, whether or not they have features already."


def extract_features(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Files, folders, patterns, tars, JSONL manifests or URLs; default: features.sources."),
    ] = None,
    *,
    image_encoder: Annotated[
        str | None,
        typer.Option(rich_help_panel=FEATURES, help="Folder or hub id of the encoder for images and video frames."),
    ] = None,
    audio_encoder: Annotated[
        str | None,
        typer.Option(rich_help_panel=FEATURES, help="Folder or hub id of the encoder for audio and soundtracks."),
    ] = None,
    frames: Annotated[int | None, typer.Option(rich_help_panel=FEATURES, help="Frames per video.")] = None,
    audio_windows: Annotated[
        int | None,
        typer.Option(rich_help_panel=FEATURES, help="Most windows (of 30 s for Whisper) encoded per audio file."),
    ] = None,
    device: Annotated[str | None, typer.Option(rich_help_panel=WORK, help="auto, cpu or cuda.")] = None,
    gpus: Annotated[
        int | None,
        typer.Option(rich_help_panel=WORK, help="Number of GPUs; default: 1, or all with --engine ray.", min=1),
    ] = None,
    engine: Annotated[str | None, typer.Option(rich_help_panel=WORK, help="local, or ray for a Ray cluster.")] = None,
    limit: Annotated[int | None, typer.Option(rich_help_panel=WORK, help=_LIMIT, min=1)] = None,
    retry_rejects: Annotated[
        bool, typer.Option("--retry-rejects", rich_help_panel=REJECTS, help="Try rejected files again.")
    ] = False,
    max_reject_ratio: Annotated[
        float | None,
        typer.Option(rich_help_panel=REJECTS, help="End with exit code 1 if a larger share is rejected."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(rich_help_panel=OUTPUT, help="Folder or URL of the feature store.")
    ] = None,
    plan: PlanOption = False,
    json_: JsonOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Compute encoder features of media files, once."""
    workspace = workspace_of(
        config, set_, features__out=place_from_here(out), features__image_encoder__model=model_from_here(image_encoder),
        features__audio_encoder__model=model_from_here(audio_encoder), features__frames=frames,
        features__audio_windows=audio_windows, features__device=device,
        features__max_reject_ratio=max_reject_ratio, features__engine=engine,
    )  # fmt: skip
    from macaw_cli.basics import console
    from macaw_cli.features.extract import extract

    sources = [source_from_here(source) for source in sources or []]
    report = extract(workspace, sources, limit=limit, retry_rejects=retry_rejects, plan=plan, gpus=gpus)
    if json_:
        console.result_json(report.as_json())
    else:
        report.print()
    report.require_few_rejects()
