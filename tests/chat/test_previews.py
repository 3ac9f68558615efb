"""An attached image is shown, small, where the terminal can."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from macaw_cli.chat import previews
from macaw_cli.chat.previews import show_preview
from macaw_cli.inference.attachments import Attachment


def attachment(modality):
    return Attachment("x", modality, np.zeros((1, 1), np.float32), 1)


@pytest.fixture
def in_kitty(monkeypatch):
    monkeypatch.setattr(previews, "image_protocol", lambda: "kitty")


def test_an_image_is_shown_small(in_kitty, tmp_path, capsys):
    Image.new("RGB", (4000, 1000), (255, 0, 0)).save(tmp_path / "wide.png")
    show_preview(attachment("image"), tmp_path / "wide.png")
    out = capsys.readouterr().out
    png = base64.b64decode("".join(re.findall(r"\x1b_G[^;]*;([^\x1b]*)\x1b\\", out)))
    assert Image.open(io.BytesIO(png)).size == (480, 120)
    assert out.endswith("\x1b\\\n")


def test_other_media_and_files_that_have_gone_show_nothing(in_kitty, tmp_path, capsys):
    show_preview(attachment("audio"), tmp_path / "x.wav")
    show_preview(attachment("image"), tmp_path / "gone.png")
    assert capsys.readouterr().out == ""


def test_another_terminal_shows_nothing(tmp_path, capsys):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    show_preview(attachment("image"), tmp_path / "a.png")
    assert capsys.readouterr().out == ""
