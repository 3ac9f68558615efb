"""Media that are sent along with a prompt."""

import base64
import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.generation.generate import generate
from macaw_cli.dataset.generation.generator import make_generator
from macaw_cli.dataset.generation.media_files import MediaFiles
from macaw_cli.dataset.generation.shown_media import LONGEST_SIDE, media_parts
from tests.dataset.generation.api_server import ApiServer
from tests.dataset.generation.conftest import item


def test_an_image_is_sent_small_and_upright(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 1000), "red").save(tmp_path / "a.png")
    (part,) = media_parts([("image", tmp_path / "a.png")])
    head, _, data = part["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (LONGEST_SIDE, LONGEST_SIDE // 2)


def test_audio_is_sent_as_mono_wav_of_its_beginning(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((48000 * 40, 2), dtype="float32"), 48000)
    (part,) = media_parts([("audio", tmp_path / "a.wav")])
    assert part["input_audio"]["format"] == "wav"
    with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"]))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, 16000, 30 * 16000)


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_what_cannot_be_decoded_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError):
        media_parts([("image", tmp_path / "a.png")])


def test_media_reach_the_server_and_not_the_ledger_and_a_missing_file_is_a_reject(
    serve: Callable[..., ApiServer], workspace: Path
) -> None:
    Image.new("RGB", (64, 64), "blue").save(workspace / "0.jpg")
    server = serve()
    settings = [f"generation.{one}" for one in (f"endpoint={server.address}", "model=m", "pairs=2", "show_media=true")]
    files = MediaFiles({0: workspace}, [])
    generator = make_generator(open_workspace(workspace, settings), [item(0), item(1)], files)
    generate(generator, workspace / "generated", [], lambda row: "", seed=0)
    (body,) = server.requests
    parts: list[dict[str, Any]] = body["messages"][1]["content"]
    assert [part["type"] for part in parts] == ["image_url", "text"]
    conversations = read_jsonl(workspace / "generated" / "conversations.jsonl")
    assert [row["image"] for row in conversations] == [["0.jpg"]] * 2
    (reject,) = read_jsonl(workspace / "generated" / "rejects.jsonl")
    assert "1.jpg" in reject["reason"]
    assert b"base64" not in (workspace / "generated" / "ledger.sqlite").read_bytes()
