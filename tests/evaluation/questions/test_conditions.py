import pytest

from macaw_cli.evaluation.questions.conditions import (
    absence_note,
    asked_per_medium,
    asked_under,
    modality_name,
    told_without_media,
    without_media,
)
from macaw_cli.shards.training_rows import ConversationRow, MediaRef


def medium(modality: str, key: str, soundtrack_of: int | None = None) -> MediaRef:
    return MediaRef(modality, key, (4, 8), "float16", "val-000000.tar", 0, 64, soundtrack_of)


def row(*media: MediaRef) -> ConversationRow:
    return ConversationRow("id", "val", None, None, media, (), "s", "val-000000.tar", 0, 1)


FILM, OTHER = row(medium("video", "a"), medium("audio", "a", 0)), row(medium("video", "b"), medium("audio", "b", 0))


def test_image_and_audio_of_a_video_are_swapped_apart_as_well():
    asked = {item.condition: [ref.key for ref in item.media] for item in asked_under(0, FILM, OTHER)}
    assert asked == {
        "real": ["a", "a"],
        "none": [],
        "told": [],
        "swapped": ["b", "b"],
        "swapped_image": ["b", "a"],
        "swapped_audio": ["a", "b"],
    }


def test_only_the_frames_of_a_video_are_its_image():
    other_audio = [row(medium("audio", name, 2), medium("audio", f"{name}2"), medium("video", name)) for name in "ab"]
    asked = {item.condition: [ref.key for ref in item.media] for item in asked_under(0, *other_audio)}
    assert (asked["swapped_image"], asked["swapped_audio"]) == (["a", "a2", "b"], ["b", "a2", "a"])


def test_of_several_media_each_is_swapped_alone_with_its_soundtrack():
    own, other = (
        row(medium("image", f"{name}1"), medium("audio", f"{name}3", 2), medium("video", f"{name}3")) for name in "ab"
    )
    asked = asked_per_medium(7, own, [(other.media, True), (other.media, False)])
    assert [(item.condition, [ref.key for ref in item.media], item.contrary) for item in asked] == [
        ("swapped_1", ["b1", "a3", "a3"], True), ("swapped_2", ["a1", "b3", "b3"], False),
    ]  # fmt: skip
    assert [item.condition for item in asked_per_medium(7, own, [None, (other.media, False)])] == ["swapped_2"]
    assert asked_per_medium(7, own, []) == []


def test_a_text_only_question_is_asked_once():
    assert [item.condition for item in asked_under(0, row(), None)] == ["real"]


def test_without_a_partner_nothing_is_swapped():
    assert [item.condition for item in asked_under(0, FILM, None)] == ["real", "none", "told"]


def test_a_soundtrack_belongs_to_its_video():
    assert modality_name(FILM) == "video"
    assert modality_name(row(medium("image", "a"), medium("audio", "b"))) == "image+audio"
    assert modality_name(row()) == "text"


def test_media_parts_are_taken_out_of_the_messages():
    messages = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]},
        {"role": "assistant", "content": "A cat."},
    ]
    assert without_media(messages) == [
        {"role": "user", "content": [{"type": "text", "text": "What?"}]}, {"role": "assistant", "content": "A cat."},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("modality", "note"),
    [
        ("audio", "(No audio is attached.)"),
        ("image+audio", "(No image or audio is attached.)"),
        ("image+audio+video", "(No image, audio or video is attached.)"),
    ],
)
def test_the_note_names_the_media_that_are_missing(modality, note):
    assert absence_note(modality) == note


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("What?", "(No image is attached.) What?"),
        ([{"type": "image"}, {"type": "text", "text": "What?"}, {"type": "text", "text": "\n\ninput"}],
         [{"type": "text", "text": "(No image is attached.) What?"}, {"type": "text", "text": "\n\ninput"}]),
        ([{"type": "image"}], [{"type": "text", "text": "(No image is attached.) "}]),
    ],
)  # fmt: skip
def test_the_note_stands_in_the_turn_that_has_the_media(content, expected):
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": "A cat."}, *turns]
    told = told_without_media(messages, "image")
    assert told == [{"role": "user", "content": expected}, {"role": "assistant", "content": "A cat."}, *turns]


def test_each_turn_with_media_of_its_own_has_its_note():
    image, audio = ([{"type": name}, {"type": "text", "text": "What?"}] for name in ("image", "audio"))
    messages = [{"role": "user", "content": content} for content in (image, audio, "?")]
    told = told_without_media(messages, "image+audio")
    assert [message["content"] if isinstance(message["content"], str) else message["content"][0]["text"]
            for message in told] == ["(No image is attached.) What?", "(No audio is attached.) What?", "?"]  # fmt: skip
    assert told_without_media(messages[1:], "image+audio")[0]["content"][0]["text"].startswith("(No image or audio is")


def test_a_validation_in_training_asks_less():
    assert [item.condition for item in asked_under(0, FILM, OTHER, every=False)] == ["real", "none", "swapped"]
