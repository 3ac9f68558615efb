import pytest
from PIL import Image

from macaw_cli.media.kinds import is_text, meant_place, modality_of, modality_of_bytes, modality_of_name


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


def test_names_and_first_bytes_alone_follow_the_same_rules(tmp_path):
    assert modality_of_name("shard/000012.JPG") == "image" and modality_of_name("s3://bucket/a.flac") == "audio"
    assert modality_of_name("000012.json") is None and modality_of_name("jpg") is None
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    head = (tmp_path / "a.png").read_bytes()[:64]
    assert modality_of_bytes(head, "a.mp4") == "image" and modality_of_bytes(b"only text", "a.jpg") == "image"
    assert modality_of_bytes(b"only text", "a.txt") is None and modality_of_bytes(b"", "") is None


@pytest.mark.parametrize("suffix", ["avif", "jp2"])
def test_newer_images_are_known_by_content(tmp_path, suffix):
    Image.new("RGB", (16, 16)).save(tmp_path / f"a.{suffix}")
    (tmp_path / f"a.{suffix}").rename(tmp_path / "noname")
    assert modality_of(tmp_path / "noname") == "image"


def test_an_audio_file_in_a_videos_container_is_a_audio(tmp_path, make_sound, make_film, tone):
    make_sound(tmp_path / "a.m4a", "aac", tone(1.0, 16000), 16000).rename(tmp_path / "noname")
    assert modality_of(make_film(tmp_path / "a.mp4")) == "video"
    (tmp_path / "a.mp4").rename(tmp_path / "film")
    assert modality_of(tmp_path / "film") == "video"


@pytest.mark.parametrize(
    ("place", "meant"),
    [("seris:load.csv", "series:load.csv"), ("Image:a.png", "image:a.png"), ("s3://bucket/a.csv", ""),
     ("serial:", ""), ("notes/a.csv", ""), ("report: final.csv", "")],
)  # fmt: skip
def test_a_mistyped_modality_before_a_path_has_the_nearest_name(place, meant):
    assert meant_place(place) == (f"Did you mean {meant}?" if meant else "")
