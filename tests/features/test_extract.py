import json
import math
import shutil
import sys
import tarfile

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import InputError, LockedError, MismatchError, ResourceError, UsageError
from macaw_cli.basics.locks import folder_lock
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.features.extract import extract
from macaw_cli.inspection.feature_stores import describe_feature_store
from macaw_cli.media.audio import load_audio
from macaw_cli.media.images import load_image
from macaw_cli.media.video import load_frames
from macaw_cli.shards.damage_note import damaged_shards, note_damage


def test_every_medium_gets_the_features_of_its_encoder(workspace, media, store, models):
    opened = workspace()
    report = extract(opened, ["media"])
    assert report.made == {"image": 7, "audio": 4, "video": 2} and report.rejected == 0
    settings = opened.settings.features
    eyes = load_image_encoder(settings.image_encoder, str(models / "clip"), "cpu")
    ears = load_audio_encoder(settings.audio_encoder, str(models / "whisper"), "cpu")
    features = store()

    def near(row, expected):
        assert row.dtype == "float16"
        np.testing.assert_allclose(features.read(row), expected.squeeze(0).numpy(), atol=4e-3)

    image = features.find("media/pictures/3.png", "image")
    near(image, eyes.encode(eyes.prepare([load_image(media / "pictures" / "3.png")])))
    sound = features.find("1.wav", "audio")
    heard = ears.encode(ears.prepare([load_audio(media / "1.wav", 16000)]))[:, :29]  # of 100: 0.5625 of 2 seconds
    near(sound, heard)
    assert sound.meta == {"duration": 0.562, "seconds": 0.5625}
    film = features.find("loud.mp4", "video")
    frames, _ = load_frames(media / "loud.mp4", 3)
    near(film, eyes.encode(eyes.prepare([Image.fromarray(frame) for frame in frames])).unsqueeze(0))
    soundtrack = features.find("loud.mp4", "audio")
    assert soundtrack.key == film.key
    sound = load_audio(media / "loud.mp4", 16000)
    near(soundtrack, ears.encode(ears.prepare([sound]))[:, : math.ceil(len(sound) / 320)])


def test_a_video_without_audio_is_fine_and_has_no_soundtrack(workspace, media, store):
    extract(workspace(), ["media"])
    assert store().find("silent.mp4", "video") and not store().find("silent.mp4", "audio")


def test_a_store_with_kept_padding_is_not_continued_without(workspace, media, store):
    extract(workspace("features.audio_padding=keep"), ["media"])
    assert store().find("1.wav", "audio").shape == (100, 32)
    assert "audio_padding" not in store().fingerprints["audio"]  # equal to that of older versions
    with pytest.raises(MismatchError, match="audio_padding: None there, 'drop' now"):
        extract(workspace(), ["media"])


def test_each_modality_has_the_features_of_nothing(workspace, media, store, models):
    extract(workspace(), ["media"])
    eyes = load_image_encoder(workspace().settings.features.image_encoder, str(models / "clip"), "cpu")
    nothing = eyes.encode(torch.zeros(1, 3, 32, 32))[0].numpy()
    features = store()
    np.testing.assert_allclose(features.read(features.null_row("image")), nothing, atol=4e-3)
    assert features.read(features.null_row("video")).shape == (3, *nothing.shape)
    assert features.read(features.null_row("audio")).shape == (100, 32)  # a whole window, whatever is dropped of audio


def test_shards_hold_at_most_so_many_and_are_plain_webdataset(workspace, media, tmp_path):
    import tarfile

    extract(workspace(), ["media/pictures"])
    shards = sorted(file.name for file in (tmp_path / "features").glob("*.tar"))
    assert shards == ["image-000000.tar", "image-000001.tar"]
    with tarfile.open(tmp_path / "features" / "image-000001.tar") as tar:
        names = tar.getnames()
        about = json.load(tar.extractfile(next(name for name in names if name.endswith(".json"))))
    assert len(names) == 4 and len(about["sha256"]) == 64 and about["size"] == [40, 30]


def test_a_second_run_computes_nothing_and_changes_nothing(workspace, media, contents):
    extract(workspace(), ["media"])
    before = contents()
    report = extract(workspace(), ["media"])
    assert report.made == {} and report.known == 12 and contents() == before


def test_equal_workspaces_give_equal_bytes_wherever_they_are(workspace, media, contents, tmp_path):
    extract(workspace(), ["media"])
    before = contents()
    shutil.rmtree(tmp_path / "features")
    extract(workspace("features.workers=1"), ["media"])
    assert contents() == before
    assert str(tmp_path).encode() not in b"".join(before.values())


def test_both_decoders_of_videos_give_the_same_features(workspace, media, contents, tmp_path):
    extract(workspace(), ["media"])
    before = contents()
    shutil.rmtree(tmp_path / "features")
    extract(workspace("features.video_decoder=decord"), ["media"])
    assert contents() == before


def test_files_added_later_are_the_only_ones_extracted(workspace, media, store):
    extract(workspace(), ["media"])
    Image.new("RGB", (9, 9), (1, 2, 3)).save(media / "added.png")
    report = extract(workspace(), ["media"])
    assert report.made == {"image": 1} and store().find("added.png", "image").shard.name == "image-000002.tar"


def test_copies_and_moved_files_are_named_but_not_computed_again(workspace, media, store):
    extract(workspace(), ["media"])
    shutil.copy(media / "pictures" / "0.png", media / "copy.png")
    (media / "pictures" / "1.png").rename(media / "moved.png")
    assert extract(workspace(), ["media"]).made == {}
    features = store()
    assert features.find("media/copy.png", "image").key == features.find("pictures/0.png", "image").key
    assert features.find("media/moved.png", "image") is not None


def test_equal_files_of_one_run_are_computed_once(workspace, media, store):
    shutil.copy(media / "pictures" / "0.png", media / "twin.png")
    assert extract(workspace(), ["media/pictures", "media/twin.png"]).made == {"image": 7}
    assert store().find("media/twin.png", "image").offset == store().find("0.png", "image").offset


def test_audio_files_longer_than_the_encoder_hears_are_counted(workspace, media, capsys):
    soundfile.write(media / "long.wav", np.random.default_rng(3).standard_normal(160_000) / 10, 16000)
    report = extract(workspace(), ["media/long.wav", "media/0.wav", "media/loud.mp4"])
    report.print()
    told = capsys.readouterr().out
    assert report.shortened == 1 and (report.heard_s, report.longest_s) == (2.0, 10.0)
    assert "1 audio file or soundtrack is longer than 2 s; only the first 2 s are encoded" in told
    assert "features.audio_windows: 5 windows" in told and "(10.0 s)" in told


def test_clips_of_one_video_are_different_items(workspace, media, store, tmp_path):
    rows = [{"path": "media/loud.mp4"}, {"path": "media/loud.mp4", "start": 0, "end": 0.4},
            {"path": "media/loud.mp4", "start": 0.5, "end": 1.0}]  # fmt: skip
    (tmp_path / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert extract(workspace(), ["clips.jsonl"]).made == {"video": 3, "audio": 3}
    keys = {store().find(name, "video").key for name in ("media/loud.mp4", "loud.mp4#t=0,0.4", "loud.mp4#t=0.5,1")}
    assert len(keys) == 3


def test_bad_files_are_rejected_with_their_reason_and_the_rest_goes_on(workspace, media, store, tmp_path):
    (media / "text.jpg").write_text("I am text.")
    (media / "cut.mp4").write_bytes((media / "loud.mp4").read_bytes()[:700])
    (media / "empty.wav").write_bytes(b"")
    report = extract(workspace(), ["media"])
    assert report.made == {"image": 7, "audio": 4, "video": 2} and report.rejected == 3
    reasons = {row["path"]: row["reason"] for row in read_jsonl(tmp_path / "features" / "rejects.jsonl")}
    assert reasons["media/text.jpg"] == "It is not an image: it holds text."
    assert "cannot be decoded" in reasons["media/cut.mp4"] and "empty" in reasons["media/empty.wav"]
    assert store().find("text.jpg", "image") is None


def test_rejects_are_left_alone_until_they_are_to_be_tried_again(workspace, media, store, tmp_path):
    (media / "late.png").write_text("not yet")
    assert extract(workspace(), ["media"]).rejected == 1
    again = extract(workspace(), ["media"])
    assert (again.rejected, again.refused, again.made) == (0, 1, {})
    assert again.known == 12, "what was given up before has no features"
    again.max_reject_ratio = 0.05
    with pytest.raises(InputError, match=r"1 of 13 inputs were rejected \(1 of them before; --retry-rejects"):
        again.require_few_rejects()
    assert extract(workspace(), ["media"], retry_rejects=True).rejected == 1
    Image.new("RGB", (9, 9), (1, 2, 3)).save(media / "late.png")
    assert extract(workspace(), ["media"]).made == {"image": 1}
    assert read_jsonl(tmp_path / "features" / "rejects.jsonl") == []


def test_too_many_rejects_fail_after_the_good_ones_are_written(workspace, media, store):
    (media / "text.jpg").write_text("I am text.")
    report = extract(workspace("features.max_reject_ratio=0.05"), ["media"])
    with pytest.raises(InputError, match="1 of 13 inputs were rejected"):
        report.require_few_rejects()
    assert len(list(store().rows())) == 13


def test_another_encoder_or_other_settings_are_refused_with_both_fingerprints(workspace, media, contents):
    extract(workspace(), ["media"])
    before = contents()
    with pytest.raises(MismatchError, match=r"fingerprint \w{16}.*fingerprint \w{16}.*cls: 'drop' there, 'keep' now"):
        extract(workspace("features.image_encoder.cls=keep"), ["media"])
    with pytest.raises(MismatchError, match="frames: 3 there, 5 now"):
        extract(workspace("features.frames=5"), ["media"])
    assert contents() == before


def test_two_commands_writing_one_folder_the_second_is_refused(workspace, media, tmp_path):
    with folder_lock(tmp_path / "features"), pytest.raises(LockedError, match="is being written by"):
        extract(workspace(), ["media"])


def test_a_cut_or_missing_shard_is_made_again_alone(workspace, media, contents, tmp_path):
    extract(workspace(), ["media"])
    before = contents()
    shard = tmp_path / "features" / "image-000000.tar"
    shard.write_bytes(shard.read_bytes()[:3072])
    (tmp_path / "features" / "audio-000001.tar").unlink()
    report = extract(workspace(), ["media"])
    assert report.made["image"] == 5 and contents() == before


def test_a_changed_byte_is_found_by_verifying_and_the_next_run_repairs_just_that_shard(
    workspace, media, contents, tmp_path
):
    extract(workspace(), ["media"])
    before = contents()
    shard = tmp_path / "features" / "image-000001.tar"
    damaged = bytearray(shard.read_bytes())
    damaged[700] ^= 1
    shard.write_bytes(damaged)
    assert extract(workspace(), ["media"]).made == {}, "sizes alone do not tell"
    note_damage(tmp_path / "features", {"image-000001.tar": "its content has changed"})
    (media / "later.png").write_bytes((media / "pictures" / "0.png").read_bytes())
    assert extract(workspace(), ["media"]).made == {"image": 2}
    assert contents()["image-000001.tar"] == before["image-000001.tar"]
    assert damaged_shards(tmp_path / "features") == []
    assert extract(workspace(), ["media"]).made == {}


@pytest.fixture
def meanwhile(monkeypatch):
    """Does something to a file after it was hashed and before it is decoded."""
    from macaw_cli.features import pipeline

    ask = pipeline.Pipeline._request

    def arrange(name, act):
        def request(self, job, item):
            if item.names == [name]:
                act()
            return ask(self, job, item)

        monkeypatch.setattr(pipeline.Pipeline, "_request", request)
        return monkeypatch.undo

    return arrange


def test_a_file_exchanged_while_it_waits_is_refused_instead_of_taking_anothers_place(workspace, media, meanwhile):
    victim = media / "pictures" / "2.png"
    before = victim.read_bytes()
    undo = meanwhile("media/pictures/2.png", lambda: Image.new("RGB", (8, 8)).save(victim))
    report = extract(workspace(), ["media/pictures"])
    assert report.made == {"image": 6} and "It was changed or moved" in report.rejects[0]["reason"]
    undo()
    assert extract(workspace(), ["media/pictures"]).made == {"image": 1}, "its new content is a new medium"
    victim.write_bytes(before)
    report = extract(workspace(), ["media/pictures"])
    assert report.made == {"image": 1} and report.rejects == [], "its old content was never given up"


def test_a_file_that_is_away_or_half_written_for_a_moment_is_tried_again(workspace, media, meanwhile):
    victim = media / "pictures" / "2.png"
    whole = victim.read_bytes()
    for act in (victim.unlink, lambda: victim.write_bytes(whole[:200])):
        undo = meanwhile("media/pictures/2.png", act)
        report = extract(workspace(), ["media/pictures/2.png", "media/pictures/3.png"])
        assert [row["key"] for row in report.rejects] == [None], report.rejects
        undo()
        victim.write_bytes(whole)
    assert extract(workspace(), ["media/pictures/2.png"]).made == {"image": 1}


@pytest.mark.parametrize("in_tar", [False, True])
def test_a_file_whose_mode_alone_changes_while_it_waits_is_extracted(workspace, media, meanwhile, in_tar):
    source, name = media / "pictures", "media/pictures/2.png"
    if in_tar:
        source = media / "pictures.tar"
        with tarfile.open(source, "w") as tar:
            for picture in sorted((media / "pictures").iterdir()):
                tar.add(picture, picture.name)
        name = "media/pictures.tar/2.png"
    touched = []

    def touch():
        (source if in_tar else source / "2.png").chmod(0o600)
        touched.append(name)

    meanwhile(name, touch)
    report = extract(workspace(), [str(source)])
    assert touched and report.made == {"image": 7} and report.rejects == []


def test_a_soundtrack_is_added_when_an_ear_is_set_later(workspace, media, store):
    assert extract(workspace("features.audio_encoder.model="), ["media/loud.mp4"]).made == {"video": 1}
    assert extract(workspace(), ["media/loud.mp4"]).made == {"audio": 1}
    assert store().find("loud.mp4", "audio").key == store().find("loud.mp4", "video").key


def test_a_value_that_fp16_cannot_hold_is_a_reject(workspace, media, models, tmp_path):
    from safetensors.torch import load_file, save_file

    loud = tmp_path / "loud-clip"
    shutil.copytree(models / "clip", loud)
    weights = load_file(loud / "model.safetensors")
    weights["visual_projection.weight"] *= 1e7
    save_file(weights, loud / "model.safetensors", metadata={"format": "pt"})
    report = extract(workspace(f"features.image_encoder.model={loud}"), ["media/pictures"])
    assert report.made == {} and report.rejected == 7 and "fp16 cannot hold" in report.rejects[0]["reason"]


def test_limit_takes_the_first_files(workspace, media, store):
    extract(workspace(), ["media/pictures"], limit=2)
    assert [row.path for row in store().rows()] == ["media/pictures/0.png", "media/pictures/1.png"]


def test_plan_says_what_it_costs_and_writes_nothing(workspace, media, tmp_path, capsys):
    plan = extract(workspace(), ["media"], plan=True)
    assert plan.items == {"image": 7, "audio": 3, "video": 2} and min(plan.bytes.values()) > 0
    assert not (tmp_path / "features").exists()
    plan.print()
    assert "images" in capsys.readouterr().out


def test_plan_measures_how_large_audio_files_are_instead_of_taking_the_longest(workspace, media):
    opened = workspace("features.audio_windows=20")
    planned = extract(opened, ["media/0.wav", "media/1.wav"], plan=True).bytes["audio"]
    written = extract(opened, ["media/0.wav", "media/1.wav"]).bytes
    assert 0.4 * written < planned < written, "with the null features, which a plan leaves out"


def test_more_gpus_than_there_are_is_told(workspace, media):
    with pytest.raises(ResourceError, match=r"`--gpus 64` requested, but only \d+ GPUs"):
        extract(workspace(), ["media"], gpus=64)


def test_an_encoder_that_is_needed_and_not_set_is_a_usage_error(workspace, media):
    with pytest.raises(UsageError, match=r"features\.audio_encoder\.model"):
        extract(workspace("features.audio_encoder.model="), ["media"])


def test_a_disk_without_room_is_told_before_any_work(workspace, media, monkeypatch, tmp_path):
    import collections

    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(100, 100, 10))
    with pytest.raises(ResourceError, match="only 10 B are free"):
        extract(workspace(), ["media"])
    assert not list((tmp_path / "features").glob("*.tar"))


def test_a_next_line_names_another_store_and_configuration(workspace, media, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["macaw", "extract-features", "--out", "my store", "--config", "a b.yaml"])
    extract(workspace("features.out=my store"), ["media/0.wav"]).print()
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Next: macaw build-dataset --features 'my store' --config 'a b.yaml'"
    )


def test_what_was_rejected_before_is_told_again(workspace, media, capsys):
    (media / "bad.wav").write_bytes(b"RIFF and no more")
    extract(workspace(), ["media/bad.wav", "media/0.wav"])
    extract(workspace(), ["media/bad.wav", "media/0.wav"]).print()
    assert "Rejected before: 1" in capsys.readouterr().out
    extract(workspace(), ["media/1.wav"]).print()  # it is not named now, and stands in the store
    assert "Rejected before: 1 in this store" in capsys.readouterr().out


def test_audio_whose_channels_cancel_out_has_a_warning_in_its_row_and_in_inspect(workspace, tmp_path, store, capsys):
    tone = np.sin(np.arange(16000) / 5) / 4
    soundfile.write(tmp_path / "antiphase.wav", np.stack([tone, -tone], axis=1), 16000)
    soundfile.write(tmp_path / "stereo.wav", np.stack([tone, tone], axis=1), 16000)
    assert extract(workspace(), ["antiphase.wav", "stereo.wav"]).made == {"audio": 2}
    warned, plain = (store().find(name, "audio") for name in ("antiphase.wav", "stereo.wav"))
    assert "cancel" in warned.meta["warning"] and "warning" not in plain.meta
    description = describe_feature_store(tmp_path / "features")
    assert description.facts["modalities"]["audio"]["warnings"] == {warned.meta["warning"]: 1}
    description.show()
    assert "cancel" in capsys.readouterr().out
