"""`macaw build-dataset`."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import typer.core

from macaw_cli.commands.option_forms import listed, numbers_by_name, require_none, with_values
from macaw_cli.commands.shared_options import (
    OUTPUT,
    ConfigOption,
    PlanOption,
    SetOption,
    from_here,
    place_from_here,
    workspace_of,
)

INPUTS = "Conversations and features"
"""Title of a group of options."""
GENERATION = "Generation by an LLM"
"""Title of another."""


class BuildDatasetCommand(typer.core.TyperCommand):
    """Lets the value of `--generate` be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Fill it in."""
        return super().parse_args(ctx, with_values(args, "--generate", "10"))


def build_dataset(
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT:PATH[?OPTIONS][#N]",
            rich_help_panel=INPUTS,
            help="Conversations to use; repeatable. FORMAT is jsonl (macaw's own), alpaca, llava, sharegpt, openai, "
            "coco-captions, csv, parquet, hf or another of docs/formats.md; it is guessed if left out. "
            "#N takes N at random; #N+ repeats some if there are fewer; #N% takes that share.",
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=INPUTS, help="Feature store to join with, a folder or URL; repeatable."),
    ] = None,
    media: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", rich_help_panel=INPUTS, help="Folder in which media are looked up by name; repeatable."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, rich_help_panel=INPUTS, help="Use at most this many conversations from each source."),
    ] = None,
    experts: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", rich_help_panel=INPUTS,
            help="What describes media as text, as a YAML list: 'transcript', or "
            "'transcript,{name: tags, labels: labels.txt}'; see docs/experts.md.",
        ),
    ] = None,
    leak_check: Annotated[
        Literal["report", "drop", "off"] | None,
        typer.Option(
            rich_help_panel=INPUTS,
            help="What to do about training media that are nearly the same as held-out ones (default: report).",
        ),
    ] = None,
    max_reject_ratio: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, rich_help_panel=INPUTS, help="Fail if a larger share of the conversations is unusable."
        ),
    ] = None,
    generate: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, metavar="[N]", rich_help_panel=GENERATION,
            help="Let an LLM write conversations about media with captions, N pairs in each request (default: 10).",
        ),
    ] = None,
    want: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=N,...", rich_help_panel=GENERATION,
            help="Stop when so many examples of each kind are accepted, such as yes-no=5000,description=2000.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(rich_help_panel=GENERATION, help="The model that writes, as the API calls it.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", rich_help_panel=GENERATION, help="OpenAI-compatible API to use.")
    ] = None,
    show_media: Annotated[
        bool | None,
        typer.Option("--show-media", rich_help_panel=GENERATION, help="Send the media as well, for models that see."),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(metavar="USD", rich_help_panel=GENERATION, help="Spend no more than this in all."),
    ] = None,
    max_requests: Annotated[
        int | None, typer.Option(min=1, rich_help_panel=GENERATION, help="Send no more requests than this.")
    ] = None,
    probe: Annotated[
        int | None,
        typer.Option(min=1, rich_help_panel=GENERATION, help="With --plan: send so many requests to measure replies."),
    ] = None,
    batch_api: Annotated[
        Literal["submit", "collect"] | None,
        typer.Option(
            rich_help_panel=GENERATION,
            help="Use OpenAI's Batch API, at half the price: submit the requests now, collect the replies later.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(rich_help_panel=OUTPUT, help="Folder of the dataset.")] = None,
    plan: PlanOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Join captions and conversations with features into training shards."""
    workspace = workspace_of(
        config,
        set_,
        dataset__sources=[_from_here(text, config) for text in source or []],
        dataset__features=[place_from_here(store) for store in features or []],
        dataset__media=list(media or []),
        dataset__out=out,
        dataset__generate=True if generate is not None or want is not None else None,
        generation__pairs=generate,
        generation__want=numbers_by_name(want, "--want") if want is not None else None,
        generation__model=model,
        generation__endpoint=endpoint,
        generation__show_media=show_media,
        generation__max_cost=max_cost,
        generation__max_requests=max_requests,
        dataset__experts=listed(experts, "--experts") if experts is not None else None,
        dataset__leak_check=leak_check,
        dataset__max_reject_ratio=max_reject_ratio,
    )
    given = {
        "--want": want, "--model": model, "--endpoint": endpoint, "--show-media": show_media, "--max-cost": max_cost,
        "--max-requests": max_requests, "--probe": probe, "--batch-api": batch_api,
    }  # fmt: skip
    if not workspace.settings.dataset.generate:
        require_none(given, "--generate")
    from macaw_cli.dataset.build import build_dataset as build

    build(workspace, limit=limit, plan=plan, probes=probe, batch=batch_api)


def _from_here(source: str, config: Path | None) -> str:
    """`[FORMAT:]PATH[?OPTIONS][#N]` with the path as the workspace's settings mean it."""
    form, colon, path = source.partition(":")
    if form == "hf" and not Path(re.split("[?#:]", path)[0]).expanduser().exists():
        return source  # the id of a dataset on the hub
    if colon and path and re.fullmatch("[a-z0-9_-]+", form) and not Path(source).exists():
        return f"{form}:{from_here(Path(path), config)}"
    return from_here(Path(source), config) if source else source
