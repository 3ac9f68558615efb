"""`macaw extract-features`."""

from typing import Annotated

import typer

from macaw_cli.commands.shared_options import (
    ConfigOption,
    JsonOption,
    PlanOption,
    SetOption,
    model_from_here,
    place_from_here,
    source_from_here,
    workspace_of,
)

_LIMIT = "Only the first N files of the sources, done or not; also when an earlier run began with more."


def extract_features(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Files, folders, patterns, tars, JSONL manifests or URLs; default: features.sources."),
    ] = None,
    *,
    out: Annotated[str | None, typer.Option(help="Folder or URL of the feature store.")] = None,
    image_encoder: Annotated[str | None, typer.Option(help="Folder or hub id: images and video frames.")] = None,
    audio_encoder: Annotated[str | None, typer.Option(help="Folder or hub id, for audio and audio tracks.")] = None,
    frames: Annotated[int | None, typer.Option(help="Frames per video.")] = None,
    audio_windows: Annotated[int | None, typer.Option(help="Windows (Whisper: of 30 s) encoded of long audio.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    gpus: Annotated[int | None, typer.Option(help="How many GPUs; default 1, with --engine ray all.", min=1)] = None,
    engine: Annotated[str | None, typer.Option(help="local, or ray: over a Ray cluster.")] = None,
    limit: Annotated[int | None, typer.Option(help=_LIMIT, min=1)] = None,
    retry_rejects: Annotated[bool, typer.Option("--retry-rejects", help="Try rejected files again.")] = False,
    max_reject_ratio: Annotated[float | None, typer.Option(help="More rejects than this is exit code 1.")] = None,
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
