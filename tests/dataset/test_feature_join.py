"""Conversations and the features of their media."""

import json
import os
import unicodedata

import pytest
from fake_store import features_of, join, key_of, make_store, question, write_rows

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.dataset.conversations import Origin, checked_conversation
from macaw_cli.dataset.feature_join import FeatureStores


@pytest.fixture
def joined(tmp_path, store):
    def run(row):
        media, reason = join(checked_conversation(row, Origin(0, "c.jsonl", 1)), [store], tmp_path)
        return media or reason

    return run


def told(media):
    return [(use.medium.row.modality, use.source, use.soundtrack_of) for use in media]


@pytest.mark.parametrize("name", ["images/3.png", "./images/3.png", "3.png", "data/images/3.png", "/data/images/3.png",
                                  "../images/3.png", key_of("images/3.png")])  # fmt: skip
def test_a_medium_is_found_by_path_by_name_and_by_key(joined, store, name):
    (use,) = joined(question(name))
    assert (FeatureStores([store]).stores[0].read(use.medium.row) == features_of("image", "images/3.png")).all()
    assert not use.source.startswith("/")


NFC, NFD = (unicodedata.normalize(form, "bücher/Café.png") for form in ("NFC", "NFD"))


@pytest.mark.parametrize("stored, asked", [(NFC, NFD), (NFD, NFC), (NFD, NFC.split("/")[1]), (NFC, "data/" + NFD)])
def test_a_medium_is_found_however_the_letters_of_its_name_are_composed(tmp_path, stored, asked):
    store = make_store(tmp_path / "features", image=[stored, "images/1.png"])
    conversation = checked_conversation(question(asked), Origin(0, "c.jsonl", 1))
    media, reason = join(conversation, [store], tmp_path)
    assert not reason and media[0].medium.row.path == stored


def test_two_names_that_differ_only_in_how_letters_are_composed_stay_two(tmp_path):
    store = make_store(tmp_path / "features", image=[NFC, NFD])
    for name in (NFC, NFD):
        conversation = checked_conversation(question(name), Origin(0, "c.jsonl", 1))
        media, _ = join(conversation, [store], tmp_path)
        assert media[0].medium.row.path == name


def test_a_name_that_is_not_utf8_is_found_by_its_escapes(tmp_path):
    name = os.fsdecode(b"images/caf\xe9.png")
    store = make_store(tmp_path / "features", image=[name], same={name: "coffee"})
    row = json.loads(json.dumps({**question(name), "id": "q", "messages": question("a.png")["messages"]}))
    media, _ = join(checked_conversation(row, Origin(0, "c.jsonl", 1)), [store], tmp_path)
    assert media[0].medium.row.path == name and media[0].source == "images/caf\\udce9.png"
    with pytest.raises(InputError, match="lone surrogate"):
        checked_conversation(question("images/\ud800.png"), Origin(0, "c.jsonl", 1))
    with pytest.raises(InputError, match="lone surrogate"):
        checked_conversation({**question(name), "id": "\udce9"}, Origin(0, "c.jsonl", 1))


def test_a_question_about_a_medium_without_features_names_medium_and_store(joined, store):
    assert joined(question("images/99.png")) == f"{store} has no image features of images/99.png"
    assert "no audio features of images/1.png" in joined(question("images/1.png", "audio"))


def test_a_video_brings_its_soundtrack_before_other_audio(joined):
    row = question("videos/1.mp4", "video", audio=["audio/2.wav"], image=["images/1.png"])
    assert told(joined(row)) == [("image", "images/1.png", None), ("audio", "videos/1.mp4", 3),
                                 ("audio", "audio/2.wav", None), ("video", "videos/1.mp4", None)]  # fmt: skip


def test_an_empty_audio_list_a_silent_video_and_null_do_what_they_say(joined):
    assert told(joined(question("videos/1.mp4", "video", audio=[]))) == [("video", "videos/1.mp4", None)]
    assert told(joined(question("videos/3.mp4", "video"))) == [("video", "videos/3.mp4", None)]
    assert len(told(joined(question("videos/1.mp4", "video", audio=None)))) == 2


def test_a_soundtrack_that_is_listed_as_audio_is_not_doubled(joined):
    row = question("videos/1.mp4", "video", audio=["audio/2.wav", "videos/1.mp4"])
    assert told(joined(row)) == [("audio", "audio/2.wav", None), ("audio", "videos/1.mp4", 2),
                                 ("video", "videos/1.mp4", None)]  # fmt: skip


def test_videos_have_each_its_own_soundtrack_equal_ones_too(joined):
    row = question("", "video") | {"video": ["videos/0.mp4", "videos/3.mp4", "videos/1.mp4", "videos/0.mp4"]}
    assert [use[2] for use in told(joined(row))] == [3, 5, 6, None, None, None, None]


def test_more_places_than_media_are_a_reject(joined):
    message = {"role": "user", "content": [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "Same?"}]}
    row = question("1.png") | {"messages": [message, {"role": "assistant", "content": "No."}]}
    assert joined(row) == "its messages have 2 places for image, but 1 are listed"
    sound = {"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": "Loud?"}]}
    row = question("videos/1.mp4", "video") | {"messages": [sound, {"role": "assistant", "content": "No."}]}
    assert len(joined(row)) == 2  # the place is the soundtrack's


def test_equal_names_of_different_files_are_told_apart_by_folder_or_rejected(tmp_path):
    stores = [make_store(tmp_path / "s", ["a/1.png", "b/1.png"])]
    conversation = checked_conversation(question("1.png"), Origin(0, "c.jsonl", 1))
    assert "give more of its path" in join(conversation, stores, tmp_path)[1]
    assert join(conversation, stores, tmp_path / "b")[0][0].medium.row.path == "b/1.png"


def test_two_stores_are_used_as_one(tmp_path):
    folders = [make_store(tmp_path / "s", ["a/1.png"]), make_store(tmp_path / "t", ["b/2.png", "a/3.png"])]
    stores = FeatureStores(folders)
    assert [stores.find([name], "image").store for name in ("1.png", "2.png")] == [0, 1]


def test_one_name_for_different_files_in_two_stores_is_a_reject(tmp_path):
    make_store(tmp_path / "s", ["1.png"])
    make_store(tmp_path / "t", ["1.png"], same={"1.png": "another picture"})
    stores = [tmp_path / "s", tmp_path / "t"]
    conversation = checked_conversation(question("1.png"), Origin(0, "c.jsonl", 1))
    assert "is a different file in" in join(conversation, stores, tmp_path)[1]


def test_stores_of_different_encoders_are_refused_with_both_shown(tmp_path):
    make_store(tmp_path / "s", ["1.png"], ["1.wav"])
    make_store(tmp_path / "t", ["2.png"], fingerprints={"image": {"model": "tiny-clip", "layer": -2}})
    with pytest.raises(MismatchError, match=r"layer=-1.*layer=-2") as told:
        FeatureStores([tmp_path / "s", tmp_path / "t"])
    assert "audio" not in told.value.problem
    assert "model=" not in told.value.problem


def test_a_medium_that_could_not_be_encoded_is_told_with_that_reason(tmp_path, store):
    refused = {"path": "images/bad.png", "modality": "image", "key": "", "reason": "it is cut"}
    write_rows(store / "rejects.jsonl", [refused])
    conversation = checked_conversation(question("bad.png"), Origin(0, "c.jsonl", 1))
    _, reason = join(conversation, [store], tmp_path)
    assert reason.endswith("has no image features of bad.png; extract-features could not use it: it is cut")
