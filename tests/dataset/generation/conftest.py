"""A workspace, items, and a server that answers for the tests of generation."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.generation.generate import generate
from macaw_cli.dataset.generation.generator import Generator, make_generator
from macaw_cli.dataset.items import Item

pytest.importorskip("aiohttp")
from tests.dataset.generation.api_server import ApiServer, Handler, serving


def item(number: int, **more: Any) -> Item:
    """An image with two captions."""
    captions = (f"A dog with the number {number} on a sofa.", "A large dog lies down.")
    given = {"media": {"image": (f"{number}.jpg",)}, "captions": captions, **more}
    return Item(id=f"item-{number}", origin=Origin(0, "captions.json", number + 1), **given)


@pytest.fixture
def serve() -> Iterator[Callable[..., ApiServer]]:
    """A function that starts a server, which ends with the test."""
    with ExitStack() as stack:

        def start(handler: Handler | None = None, seconds: float = 0.0) -> ApiServer:
            return stack.enter_context(serving(ApiServer(handler, seconds)))

        yield start


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty workspace."""
    (tmp_path / "macaw.yaml").write_text("version: 1\n")
    return tmp_path


@pytest.fixture
def generator(workspace: Path) -> Callable[..., Generator]:
    """A function that makes a generator: `generator(server, items, "pairs=3", ...)`."""

    def make(server: ApiServer | str, items: int, *settings: str) -> Generator:
        address = server if isinstance(server, str) else server.address
        overrides = [f"generation.{one}" for one in (f"endpoint={address}", "model=test-model", *settings)]
        return make_generator(open_workspace(workspace, overrides), [item(number) for number in range(items)])

    return make


@pytest.fixture
def generated(workspace: Path, generator: Callable[..., Generator]) -> Callable[..., dict[str, Any]]:
    """A function that runs a generation into `generated/` and returns its report."""

    def run(server: ApiServer | str, items: int, *settings: str, filters: Any = lambda row: "") -> dict[str, Any]:
        return generate(generator(server, items, *settings), workspace / "generated", [], filters, seed=0)

    return run
