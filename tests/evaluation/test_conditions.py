import pytest

from macaw_cli.evaluation.conditions import (
    absence_note,
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
def test_the_note_stands_in_the_last_user_turn(content, expected):
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    messages = [*turns, {"role": "user", "content": content}, {"role": "assistant", "content": "A cat."}]
    told = told_without_media(messages, "image")
    assert told == [*turns, {"role": "user", "content": expected}, {"role": "assistant", "content": "A cat."}]


def test_a_validation_in_training_asks_less():
    assert [item.condition for item in asked_under(0, FILM, OTHER, every=False)] == ["real", "none", "swapped"]
