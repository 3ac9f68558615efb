"""Filters of generated examples: only what passes is accepted, and what was known of the media goes along."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fake_store import make_store, write_rows

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.generated_source import GenerationInputs, generated_sources, show_generation_plan
from macaw_cli.dataset.source_specs import parse_sources
from tests.dataset.generation.api_server import ApiServer, completion, error

PAIRS = [
    ("What animal is it?", "A dog."),
    ("What does the caption say?", "A dog."),
    ("Is there a cat?", "No, there is no cat."),
    ("What is the animal doing?", "I'm sorry, but I can't see the image."),
    ("What animal is the brown dog?", "A dog."),
    ("What is the vehicle?", "A bus."),
]
BOX = {"category": "dog", "bbox": [0.1, 0.2, 0.5, 0.6]}
Serve = Callable[..., ApiServer]


async def answer(server: ApiServer, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    pairs = [{"question": question, "answer": answer} for question, answer in PAIRS]
    return web.json_response(completion(body, json.dumps({"pairs": pairs})))


@pytest.fixture
def inputs(workspace: Path, serve: Serve) -> Callable[..., GenerationInputs]:
    """A function that makes the inputs of a generation about two images: `inputs("generation.filters=[]")`."""
    server = serve(answer)
    make_store(workspace / "features", image=["0.jpg", "1.jpg"])
    write_rows(workspace / "items.jsonl", [{"image": f"{n}.jpg", "captions": ["A brown dog."], "boxes": [BOX]}
                                           for n in range(2)])  # fmt: skip

    def make(*settings: str) -> GenerationInputs:
        overrides = [f"generation.endpoint={server.address}", "generation.model=m", "generation.pairs=6", *settings]
        space = open_workspace(workspace, [*overrides, "generation.prices={m: {input: 1, output: 1}}"])
        return GenerationInputs(space, parse_sources(["jsonl:items.jsonl"], space), [workspace / "features"])

    return make


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "generated" / name).read_text().splitlines()]


def questions(folder: Path) -> set[str]:
    return {row["messages"][0]["content"] for row in rows(folder, "conversations.jsonl")}


def test_by_default_the_cheap_filters_apply_and_denials_stay(workspace: Path, inputs: Any) -> None:
    generated = generated_sources(inputs())
    assert questions(workspace) == {PAIRS[number][0] for number in (0, 2, 5)}
    reasons = {row["reason"].partition(":")[0] for row in rows(workspace, "rejects.jsonl")}
    assert reasons == {"caption-words", "refusals", "answer-in-question"}
    found = generated.generator["kinds"]["question-answer"]
    assert found["accepted"] == 6
    assert found["rejected"] == {"caption-words": 2, "refusals": 2, "answer-in-question": 2}
    assert generated.generator["filters"][0]["name"] == "length"


def test_other_filters_cost_no_further_request_and_judge_by_what_is_known(workspace: Path, inputs: Any) -> None:
    generated_sources(inputs("generation.filters=[]"))
    assert len(questions(workspace)) == len(PAIRS)
    again = generated_sources(inputs("generation.filters=[refusals, {name: grounded, min_share: 1}]"))
    assert PAIRS[5][0] not in questions(workspace) and PAIRS[0][0] in questions(workspace)
    assert again.generator["kinds"]["question-answer"]["rejected"]["grounded"] == 2


def test_a_generation_without_any_example_says_why(workspace: Path, inputs: Any, serve: Serve) -> None:
    async def refuse(server: ApiServer, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return error(400, "the model m is not loaded")

    with pytest.raises(InputError, match="the model m is not loaded"):
        generated_sources(inputs(f"generation.endpoint={serve(refuse).address}"))
    with pytest.raises(InputError, match="--max-cost"):
        generated_sources(inputs("generation.endpoint=http://127.0.0.1:9", "generation.max_cost=0.000001"))


def test_what_is_known_of_the_media_goes_along(workspace: Path, inputs: Any) -> None:
    generated_sources(inputs())
    row = rows(workspace, "conversations.jsonl")[0]
    assert (row["captions"], row["boxes"]) == (["A brown dog."], [BOX])
    assert "transcript" not in row


@pytest.mark.parametrize("start", [generated_sources, show_generation_plan])
def test_filters_that_judge_all_together_are_refused_before_anything_is_asked(start: Any, inputs: Any) -> None:
    with pytest.raises(UsageError, match="yes-no-balance"):
        start(inputs("generation.filters=[yes-no-balance]"))
