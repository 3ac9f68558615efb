"""Shards that are made again, and stores whose sources have changed: no name ever gets another file's features."""

import importlib
import shutil

import numpy as np
import pytest
import soundfile
import tiny_macaw
from PIL import Image

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import DamagedError, ResourceError
from macaw_cli.features.encoding import load_encoders
from macaw_cli.features.extract import extract
from macaw_cli.shards.damage_note import note_damage

extraction = importlib.import_module("macaw_cli.features.extract")


@pytest.fixture
def picture(tmp_path):
    """Write an image of its own: `image("m/0.png", seed)`."""

    def write(name, seed):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def damage(tmp_path):
    """As if verifying had found shards damaged."""
    return lambda *shards: note_damage(tmp_path / "features", dict.fromkeys(shards, "its content has changed"))


@pytest.fixture
def key(store):
    return lambda name, modality="image": store().find(name, modality).key


def test_files_that_changed_places_keep_their_own_features_when_a_shard_is_made_again(
    workspace, picture, damage, key, tmp_path
):
    for number in range(5):
        picture(f"m/{number}.png", number)
        picture(f"n/{number}.png", 10 + number)
    extract(workspace(), ["m", "n"])
    first, second = key("m/0.png"), key("n/0.png")
    (tmp_path / "m/0.png").rename(tmp_path / "away")
    (tmp_path / "n/0.png").rename(tmp_path / "m/0.png")
    (tmp_path / "away").rename(tmp_path / "n/0.png")
    extract(workspace(), ["m", "n"])
    assert (key("m/0.png"), key("n/0.png")) == (second, first)
    before = (tmp_path / "features/manifest.jsonl").read_bytes()
    damage("image-000000.tar")
    assert extract(workspace(), ["m", "n"]).made == {"image": 5}
    assert (key("m/0.png"), key("n/0.png")) == (second, first)
    assert (tmp_path / "features/manifest.jsonl").read_bytes() == before


def test_copies_keep_their_names_when_their_shard_is_made_again(workspace, picture, damage, key, tmp_path):
    for number in range(5):
        picture(f"m/{number}.png", number)
    extract(workspace(), ["m"])
    shutil.copytree(tmp_path / "m", tmp_path / "copy")
    extract(workspace(), ["copy"])
    damage("image-000000.tar")
    extract(workspace(), ["m"])
    assert key("copy/0.png") == key("m/0.png")


def test_a_damaged_shard_whose_files_are_elsewhere_keeps_its_rows(
    workspace, picture, damage, key, store, capsys, tmp_path
):
    for number in range(5):
        picture(f"m/{number}.png", number)
    picture("other/1.png", 100)
    extract(workspace(), ["m"])
    (tmp_path / "m").rename(tmp_path / "gone")
    damage("image-000000.tar")
    assert extract(workspace(), ["other"]).made == {"image": 1}
    assert "image-000000.tar is left unfinished" in capsys.readouterr().err
    assert key("m/0.png") and len(list(store().rows())) == 6


def test_a_file_away_during_the_repair_is_made_when_it_is_back(workspace, picture, damage, key, tmp_path):
    for number in range(5):
        picture(f"m/{number}.png", number)
    shutil.copytree(tmp_path / "m", tmp_path / "copy")
    extract(workspace(), ["m", "copy"])
    damage("image-000000.tar")
    shutil.rmtree(tmp_path / "copy")
    (tmp_path / "m/0.png").rename(tmp_path / "0.png")
    report = extract(workspace(), ["m"])
    assert report.made == {"image": 4} and "moved during" in report.rejects[0]["reason"]
    (tmp_path / "0.png").rename(tmp_path / "m/0.png")
    again = extract(workspace(), ["m"])
    assert again.made == {"image": 1} and again.rejects == []
    assert key("m/0.png") != key("copy/1.png")


def test_unfinished_work_of_a_modality_that_the_command_does_not_name_waits(workspace, media, picture, tmp_path):
    extract(workspace(), ["media"])
    (tmp_path / "features/audio-000000.tar").unlink()
    picture("new/0.png", 99)
    assert extract(workspace(), ["new"]).made == {"image": 1}
    assert extract(workspace(), ["media"]).made == {"audio": 3}


def test_unfinished_videos_are_not_made_with_other_settings(workspace, media, picture, store, tmp_path):
    silent = "features.audio_encoder.model="
    extract(workspace(silent), ["media/pictures", "media/silent.mp4"])
    (tmp_path / "features/video-000000.tar").unlink()
    picture("new/0.png", 99)
    extract(workspace(silent, "features.frames=7"), ["new"])
    extract(workspace(silent), ["media/silent.mp4"])
    assert store().find("silent.mp4", "video").shape[0] == store().fingerprints["video"]["frames"] == 3


def test_images_and_soundtrack_of_a_moved_video_are_both_made_again(workspace, damage, tmp_path):
    (tmp_path / "f").mkdir()
    tiny_macaw.make_video(tmp_path / "f/a.mp4", with_audio=True)
    extract(workspace("features.audio_encoder.model="), ["f"])
    extract(workspace(), ["f"])
    damage("video-000000.tar", "audio-000000.tar")
    (tmp_path / "f").rename(tmp_path / "g")
    assert extract(workspace(), ["g"]).made == {"video": 1, "audio": 1}


def test_an_audio_file_that_comes_into_a_folder_of_images_during_the_work_is_told(
    workspace, picture, monkeypatch, tmp_path
):
    picture("m/0.png", 0)
    begin = extraction.Staging

    def late(*arguments):
        soundfile.write(tmp_path / "m/z.wav", np.ones(16000) / 9, 16000)
        return begin(*arguments)

    monkeypatch.setattr(extraction, "Staging", late)
    report = extract(workspace(), ["m"])
    assert report.made == {"image": 1} and "when the command began" in report.rejects[0]["reason"]
    monkeypatch.undo()
    assert extract(workspace(), ["m"]).made == {"audio": 1}


def test_a_store_without_features_is_bound_to_no_encoder(workspace, picture, monkeypatch):
    picture("m/0.png", 0)

    def full(*_):
        raise ResourceError("no room")

    monkeypatch.setattr(extraction, "require_free_space", full)
    monkeypatch.setattr(extraction, "free_space", lambda _: 0)
    with pytest.raises(ResourceError):
        extract(workspace(), ["m"])
    monkeypatch.undo()
    assert extract(workspace("features.image_encoder.layer=-2"), ["m"]).made == {"image": 1}


def test_only_what_is_new_must_fit_on_the_disk(workspace, picture, monkeypatch):
    for number in range(3):
        picture(f"m/{number}.png", number)
    extract(workspace(), ["m"])
    picture("m/new.png", 9)
    asked = []
    monkeypatch.setattr(extraction, "free_space", lambda _: 0)
    monkeypatch.setattr(extraction, "require_free_space", lambda folder, wanted: asked.append(wanted))
    extract(workspace(), ["m"])
    extract(workspace(), ["m"])
    assert asked[0] > 3072 and asked[1] == 0


def test_one_shard_of_the_longest_audio_files_must_fit_where_features_vary_in_size(workspace, media, monkeypatch):
    asked = []
    monkeypatch.setattr(extraction, "free_space", lambda _: 0)
    monkeypatch.setattr(extraction, "require_free_space", lambda folder, wanted: asked.append(wanted))
    settings = ("features.audio_padding=drop", "features.audio_windows=8")
    sounds = ["media/0.wav", "media/1.wav", "media/2.wav"]
    extract(workspace(*settings, "features.shard_items=2"), sounds)
    largest = load_encoders(workspace(*settings), {"audio"}).item_bytes("audio")
    assert asked == [2 * largest]


def test_a_lost_journal_is_told_before_it_overwrites_shards(workspace, media, tmp_path):
    extract(workspace(), ["media"])
    (tmp_path / "features/journal.jsonl").unlink()
    with pytest.raises(DamagedError, match=r"journal\.jsonl knows 0 jobs, the manifest 4: it was removed or cut"):
        extract(workspace(), ["media"])


def test_rows_torn_by_a_kill_are_replaced(workspace, media, contents, tmp_path):
    extract(workspace(), ["media"])
    whole = contents()
    manifest = tmp_path / "features/manifest.jsonl"
    last = read_jsonl(manifest)[-1]["job"]
    ends = [number for number, row in enumerate(read_jsonl(manifest)) if row.get("job") == last]
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[: ends[0] - 1]))
    extract(workspace(), ["media"])
    assert contents() == whole
