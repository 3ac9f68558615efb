"""`macaw chat`."""

from pathlib import Path
from typing import Annotated

import typer

from macaw_cli.basics.errors import UsageError
from macaw_cli.commands.shared_options import OUTPUT, ConfigOption, JsonOption, ModelArgument, SetOption, workspace_of

QUESTION, GENERATION = "Question", "Generation"
"""Titles of groups of options."""


def _medium(name: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar="PATH|URL|-", rich_help_panel=QUESTION, help=f"{what} to ask about; repeatable."
    )
    return option


def chat(
    model: ModelArgument = None,
    image: Annotated[list[str] | None, _medium("--image", "Image")] = None,
    audio: Annotated[list[str] | None, _medium("--audio", "Audio file")] = None,
    video: Annotated[list[str] | None, _medium("--video", "Video")] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", rich_help_panel=QUESTION, help="Answer this question and exit.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
    *,
    batch: Annotated[
        Path | None,
        typer.Option("--batch", metavar="FILE", rich_help_panel=QUESTION, help="Answer all questions of a JSONL file."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", rich_help_panel=OUTPUT,
            help="Answers of --batch; default: FILE.answers.jsonl. The same command goes on where it was stopped.",
        ),
    ] = None,
    media: Annotated[list[str] | None, _medium("--media", "Medium of any modality")] = None,
    example: Annotated[
        list[str] | None,
        typer.Option(
            "--example", metavar="'[PATH] QUESTION => ANSWER'", rich_help_panel=QUESTION,
            help="Show the model an example before the question; repeatable.",
        ),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", rich_help_panel=GENERATION, help="System prompt.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", rich_help_panel=GENERATION, help="0: the likeliest tokens; above: sampled."),
    ] = None,
    top_p: Annotated[
        float | None, typer.Option("--top-p", rich_help_panel=GENERATION, help="Sample from this much probability.")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", rich_help_panel=GENERATION, help="Sample from so many tokens.")
    ] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option("--max-new-tokens", rich_help_panel=GENERATION, help="Longest answer in tokens.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", rich_help_panel=GENERATION, help="Seed of the sampling.")
    ] = None,
) -> None:
    """Ask a model about images, audio and videos."""
    if as_json and prompt is None and batch is None:
        raise UsageError("--json needs --prompt or --batch.", 'For example: --prompt "What is this?"')
    if prompt is not None and not prompt.strip():
        raise UsageError("--prompt is empty.", 'Ask something, for example --prompt "What is this?"')
    if batch is not None and (prompt is not None or image or audio or video or media):
        raise UsageError("--batch takes questions and media from its file.", "Leave out --prompt and the media.")
    if out is not None and batch is None:
        raise UsageError("--out is where the answers of --batch go, which was not given.", "Name the questions.")
    workspace = workspace_of(
        config, overrides, chat__system=system, chat__temperature=temperature, chat__top_p=top_p, chat__top_k=top_k,
        chat__max_new_tokens=max_new_tokens, seed=seed,
    )  # fmt: skip
    from macaw_cli.chat.run import Request
    from macaw_cli.chat.run import chat as run_chat

    named = dict(image=image or [], audio=audio or [], video=video or [])
    run_chat(workspace, Request(model, named, prompt, as_json, media or [], batch, out, example or []))
