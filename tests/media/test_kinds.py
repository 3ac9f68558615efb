import pytest
from PIL import Image

from macaw_cli.media.kinds import is_text, modality_of


@pytest.mark.parametrize(
    "name, modality",
    [("a.JPG", "image"), ("a.webp", "image"), ("a.wav", "audio"), ("a.opus", "audio"), ("a.mkv", "video"),
     ("a.ts", "video"), ("notes.txt", None), ("model.safetensors", None), ("noname", None)],
)  # fmt: skip
def test_the_name_tells_where_the_content_does_not(tmp_path, name, modality):
    (tmp_path / name).write_text("only text")
    assert modality_of(tmp_path / name) == modality


def test_certain_first_bytes_beat_the_name(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "picture.mp4", format="png")
    Image.new("RGB", (4, 4)).save(tmp_path / "picture", format="webp")
    assert modality_of(tmp_path / "picture.mp4") == "image"
    assert modality_of(tmp_path / "picture") == "image"


def test_text_is_recognised(tmp_path):
    (tmp_path / "text.jpg").write_text("This is no picture.\n")
    (tmp_path / "bytes.jpg").write_bytes(bytes(range(256)))
    assert is_text(tmp_path / "text.jpg") and not is_text(tmp_path / "bytes.jpg")
