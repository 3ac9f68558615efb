"""Media that are pieces of a larger file, as the members of a tar."""

import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media import members
from macaw_cli.media.decoder_client import DecoderProcess
from macaw_cli.media.decoding import decode

RATE = 16000


@pytest.fixture
def tar(tmp_path, make_film, tone):
    """A tar of an image, an audio file, a video with audio and a text, and the request for each."""
    Image.new("RGB", (8, 6), (1, 2, 3)).save(tmp_path / "one.png")
    soundfile.write(tmp_path / "two.mp3", tone(1.0, RATE), RATE)
    make_film(tmp_path / "three.mp4", frames=12, seconds_of_sound=2.0)
    (tmp_path / "four.jpg").write_text("no picture")
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        for name in ("one.png", "two.mp3", "three.mp4", "four.jpg"):
            archive.add(tmp_path / name, name)
    kinds = {"one.png": "image", "two.mp3": "audio", "three.mp4": "video", "four.jpg": "image"}
    with tarfile.open(tmp_path / "all.tar") as archive:
        return {
            entry.name: {"path": str(tmp_path / "all.tar"), "offset": entry.offset_data, "size": entry.size,
                         "name": f"00/{entry.name}", "modality": kinds[entry.name], "sampling_rate": RATE, "frames": 3}
            for entry in archive
        }  # fmt: skip


def left_in(folder):
    return [entry for entry in Path(folder).iterdir() if entry.name.startswith("macaw-member")]


@pytest.mark.parametrize("in_memory", [members._IN_MEMORY_BYTES, 0])
def test_a_member_is_decoded_as_the_file_would_be(tmp_path, tar, monkeypatch, in_memory):
    monkeypatch.setattr(members, "_IN_MEMORY_BYTES", in_memory)
    for name in ("one.png", "two.mp3", "three.mp4"):
        alone = {key: tar[name][key] for key in ("modality", "sampling_rate", "frames")}
        meta, arrays = decode({**alone, "path": str(tmp_path / name)})
        member_meta, member_arrays = decode(tar[name])
        assert member_meta == meta and set(member_arrays) == set(arrays)
        for kind, array in arrays.items():
            np.testing.assert_array_equal(member_arrays[kind], array)


def test_a_decoder_process_takes_members_and_names_them_in_its_reasons(tmp_path, tar, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    decoder = DecoderProcess(timeout_s=30)
    assert decoder.decode(tar["one.png"])[0] == {"size": [8, 6]}
    assert decoder.decode(tar["three.mp4"])[1]["video"].shape == (3, 48, 64, 3)
    with pytest.raises(InputError) as caught:
        decoder.decode(tar["four.jpg"])
    assert caught.value.problem == "00/four.jpg is not an image: it holds text."
    (folder,) = left_in(tmp_path)
    assert list(folder.iterdir()) == []
    decoder.close()
    assert left_in(tmp_path) == []


def test_nothing_is_left_of_a_member_whose_decoder_was_killed(tmp_path, tar, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (tmp_path / "long.tar").open("wb") as file:
        file.truncate(255 << 20)
    decoder = DecoderProcess(timeout_s=30)
    decoder.decode(tar["one.png"])
    monkeypatch.setattr(decoder, "_timeout_s", 0.02)  # too short to copy the member
    with pytest.raises(InputError, match=r"^a\.png cannot be decoded: its decoder did not finish within 0.02 s"):
        decoder.decode({"path": str(tmp_path / "long.tar"), "offset": 0, "size": 255 << 20, "name": "a.png",
                        "modality": "image"})  # fmt: skip
    decoder.close()
    assert left_in(tmp_path) == []


def test_a_tar_that_is_missing_or_ends_too_early_is_told(tmp_path, tar):
    with pytest.raises(InputError, match=r"There is no file .*gone\.tar"):
        decode({**tar["one.png"], "path": str(tmp_path / "gone.tar")})
    with pytest.raises(InputError, match=r"all\.tar ends before its member 00/one\.png does"):
        decode({**tar["one.png"], "size": 1 << 30})
