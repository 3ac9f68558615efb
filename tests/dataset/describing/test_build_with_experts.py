"""Datasets whose media experts describe: what is written, what is found again, what is refused."""

import json
import shutil

import pytest
import tiny_experts

from macaw_cli.basics.errors import DamagedError, InputError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.build import build_dataset
from macaw_cli.dataset.describing import experts
from macaw_cli.experts.expert import Medium, Surroundings
from macaw_cli.experts.loading import load_expert
from macaw_cli.shards.expert_texts import EXPERTS_NAME, text_use
from macaw_cli.shards.training_dataset import TrainingDataset

TAGS = {"name": "tags", "labels": "labels.txt", "top": 2}
NEAREST = {"name": "nearest-caption", "captions": "jsonl:captions.jsonl"}


@pytest.fixture
def root(expert_workspace, tmp_path):
    return shutil.copytree(expert_workspace, tmp_path / "workspace")


def build(root, *chosen, **dataset):
    more = [f"dataset.{key}={json.dumps(value)}" for key, value in dataset.items()]
    return build_dataset(open_workspace(root, [f"dataset.experts={json.dumps(list(chosen))}", *more]))


def texts(root):
    rows = [json.loads(line) for line in (root / "dataset" / EXPERTS_NAME).read_text().splitlines()]
    return {(row["expert"], row["modality"], row["key"]): row["text"] for row in rows}


def test_each_medium_is_described_by_the_experts_of_its_modality(root):
    info = build(root, "transcript", TAGS).info
    dataset, found = TrainingDataset(root / "dataset"), texts(root)
    assert [one["name"] for one in info["experts"]] == ["transcript", "tags"]
    settings = {one.name: one for one in open_workspace(root, [f"dataset.experts={json.dumps(['transcript', TAGS])}"])
                .settings.dataset.experts}  # fmt: skip
    made = {
        "audio": load_expert(settings["transcript"], Surroundings(str(root / "models/whisper"), "cpu")),
        "image": load_expert(settings["tags"], Surroundings(str(root / "models/clip"), "cpu", 3, tiny_experts.LABELS)),
    }
    made["video"] = made["image"]
    told = 0
    for split in ("train", "val"):
        for row in dataset.conversations(split):
            for ref in row.media:
                one = made[ref.modality]
                text = one.text(Medium(ref.modality, ref.key, lambda ref=ref: root / ref.source))
                name = one.settings.name
                assert found[name, ref.modality, ref.key] == one.said(text, ref.modality)
                told += 1
    assert told == len(found) == 11  # four images, four audio files, two videos, one of them with a soundtrack


def test_a_dataset_is_read_with_the_texts_that_are_chosen(root):
    build(root, "transcript", TAGS, val_fraction=0.0)
    plain = TrainingDataset(root / "dataset")
    found = texts(root)
    keep = plain.told(text_use(plain.experts, None, "it"))
    replace = plain.told(text_use(plain.experts, ["transcript"], "it", instead=True))
    for at, row in enumerate(plain.conversations("train")):
        media = {ref.modality: ref for ref in row.media}
        both, heard = keep.conversations("train")[at], replace.conversations("train")[at]
        assert (both.media, both.id, plain.messages(row)[0]["content"]) == (row.media, row.id, "What is it?")
        said = [found["transcript" if ref.modality == "audio" else "tags", ref.modality, ref.key] for ref in row.media]
        assert [one.text for one in both.told] == said
        assert [ref.modality for ref in heard.media] == [name for name in media if name != "audio"]
        assert [one.modality for one in heard.told] == (["audio"] if "audio" in media else [])
        assert all(ref.soundtrack_of is None for ref in heard.media)
        whole = replace.conversations("train", whole=True)[at]
        assert [(ref.key, ref.fed, bool(ref.text)) for ref in whole.media] == [
            (ref.key, ref.modality != "audio", ref.modality == "audio") for ref in row.media
        ]
    assert len({plain.identity, keep.identity, replace.identity}) == 3
    with pytest.raises(InputError, match=r"nearest-caption.*transcript, tags"):
        text_use(plain.experts, ["nearest-caption"], "it")


def test_nothing_is_described_twice(root, monkeypatch):
    build(root, TAGS)
    asked, said = [], experts._asked
    monkeypatch.setattr(experts, "_asked", lambda one, *more: asked.append(one.settings.name) or said(one, *more))
    assert build(root, TAGS).up_to_date
    build(root, TAGS, val_fraction=0.5)
    assert not asked
    build(root, {**TAGS, "form": "I see {}"}, "transcript")
    assert set(asked) == {"transcript"}
    assert any(text.startswith("I see ") for text in texts(root).values())


def test_a_build_that_was_interrupted_goes_on_behind_what_it_found(root, monkeypatch):
    said, asked = experts._asked, []

    def until_third(one, *more):
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(more[-1].name)
        return said(one, *more)

    monkeypatch.setattr(experts, "_asked", until_third)
    with pytest.raises(KeyboardInterrupt):
        build(root, TAGS)
    cache = root / "dataset" / experts.CACHE_NAME
    assert len(cache.read_text().splitlines()) == 3
    with cache.open("a") as file:
        file.write('{"by": "torn')
    first = list(asked)
    asked[:] = []
    monkeypatch.setattr(experts, "_asked", lambda one, *more: asked.append(more[-1].name) or said(one, *more))
    build(root, TAGS)
    assert len(asked) == 3 and not set(asked) & set(first)


def test_only_other_training_media_lend_their_captions(root):
    rows = [
        tiny_experts.asked("image", f"media/{name}.png", name, split=split)
        for name, split in (("red", "train"), ("green", "train"), ("blue", "train"), ("grey", "val"))
    ]
    both = tiny_experts.asked("image", "media/red.png", "both", split="train")
    rows.append(both | {"image": ["media/red.png", "media/green.png"]})
    tiny_experts.write_rows(root / "rows.jsonl", rows)
    build(root, NEAREST)
    found = {text for text in texts(root).values()}
    dataset = TrainingDataset(root / "dataset")
    keys = {ref.source: ref.key for split in ("train", "val") for row in dataset.conversations(split)
            for ref in row.media}  # fmt: skip
    said = {name: texts(root)["nearest-caption", "image", keys[f"media/{name}.png"]] for name in tiny_experts.COLOURS}
    # red and green are connected; grey is held out
    assert said["red"] == said["green"] == "A similar one: a blue plane"
    assert said["blue"] in ("A similar one: a red plane", "A similar one: a green plane")
    assert "A similar one: a grey plane" not in found and said["grey"].startswith("A similar one: a ")


@pytest.mark.parametrize(
    ("chosen", "error", "words"),
    [
        ({"name": "tags"}, UsageError, "no labels"),
        ({"name": "tags", "labels": "absent.txt"}, InputError, "absent.txt"),
        ({"name": "nearest-caption"}, UsageError, "no captions"),
        ({"name": "nearest-caption", "captions": "jsonl:none.jsonl"}, InputError, "none.jsonl"),
        ({"name": "transcript", "model": "models/clip"}, InputError, "whole Whisper"),
    ],
)
def test_an_expert_without_what_it_needs_is_refused_before_any_work(root, chosen, error, words):
    with pytest.raises(error, match=words):
        build(root, chosen)
    assert not (root / "dataset" / "dataset.json").exists()


def test_captions_of_held_out_media_alone_are_no_captions(root):
    row = {"image": ["media/red.png"], "captions": ["red"], "split": "val"}
    tiny_experts.write_rows(root / "captions.jsonl", [row])
    with pytest.raises(InputError, match="training split has a caption"):
        build(root, NEAREST)


def test_a_file_that_is_gone_or_changed_is_named(root):
    (root / "media/red.wav").unlink()
    with pytest.raises(InputError, match=r"transcript needs the file of the audio media/red.wav.*not found"):
        build(root, "transcript")
    shutil.copy(root / "media/green.wav", root / "media/red.wav")
    with pytest.raises(InputError, match="another content"):
        build(root, "transcript")


def test_files_elsewhere_are_found_by_their_names(root):
    (root / "media").rename(root / "moved")
    build(root, "transcript", media=["moved"])
    assert len(texts(root)) == 5


def test_changed_texts_are_damage(root):
    build(root, TAGS)
    file = root / "dataset" / EXPERTS_NAME
    file.write_text(file.read_text().replace("Tags", "Togs"))
    with pytest.raises(DamagedError):
        TrainingDataset(root / "dataset").verify()
    file.unlink()
    with pytest.raises(DamagedError, match=EXPERTS_NAME):
        TrainingDataset(root / "dataset")


def test_a_dataset_without_experts_takes_the_place_of_one_with(root):
    build(root, TAGS)
    build(root)
    assert not (root / "dataset" / EXPERTS_NAME).exists()
    assert "experts" not in TrainingDataset(root / "dataset").info


def test_a_plan_asks_no_expert(root):
    build_dataset(open_workspace(root, [f"dataset.experts={json.dumps([TAGS])}"]), plan=True)
    assert not (root / "dataset").exists()
