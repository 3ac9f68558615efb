"""The world: real files, balanced questions, unseen combinations kept apart, and the same bytes for the same seed."""

import hashlib
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.config.quickstart_settings import QuickstartSettings
from macaw_cli.quickstart import attributes
from macaw_cli.quickstart.attributes import ImageContent, VideoContent
from macaw_cli.quickstart.world import conversations, make_world, plan_world

TINY = QuickstartSettings(
    train_images=6, train_audios=6, train_videos=6, heldout=3, unseen=2, train_texts=4, heldout_texts=3
)


@pytest.fixture(scope="module")
def default_rows() -> dict[str, list[dict]]:
    return conversations(plan_world(0, QuickstartSettings()), 0, QuickstartSettings())


def world_bytes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def answers_by_kind(rows: list[dict], *, unseen: bool = False) -> dict[str, Counter]:
    answers: dict[str, Counter] = defaultdict(Counter)
    for row in rows:
        if ("unseen" in row.get("tags", [])) == unseen:
            answers[row["kind"]][row["messages"][1]["content"]] += 1
    return answers


def test_equal_seeds_give_equal_bytes_with_one_process_and_with_two(tmp_path):
    make_world(tmp_path / "one", seed=3, sizes=TINY, show_progress=False, processes=1)
    make_world(tmp_path / "two", seed=3, sizes=TINY, show_progress=False, processes=2)
    assert world_bytes(tmp_path / "one") == world_bytes(tmp_path / "two")
    make_world(tmp_path / "other", seed=4, sizes=TINY, show_progress=False)
    assert not set(world_bytes(tmp_path / "one").values()) & set(world_bytes(tmp_path / "other").values())


def test_every_row_is_a_canonical_conversation_on_a_file_that_exists(tmp_path):
    make_world(tmp_path, seed=0, sizes=TINY, show_progress=False)
    rows = [row for name in ("train", "heldout") for row in read_jsonl(tmp_path / f"{name}.jsonl")]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        paths = row.get("image", []) + row.get("audio", []) + row.get("video", [])
        assert len(paths) == (0 if row["kind"].startswith("text/") else 1)
        assert all((tmp_path / path).is_file() for path in paths)
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
        assert row["messages"][1]["content"] in row.get("choices", [row["messages"][1]["content"]])
    files = sorted((tmp_path / "media").rglob("*.*"))
    assert len(files) == 3 * (6 + 3 + 2)


def test_every_kind_has_enough_held_out_and_unseen_questions(default_rows):
    heldout = answers_by_kind(default_rows["heldout"])
    unseen = answers_by_kind(default_rows["heldout"], unseen=True)
    media_kinds = {kind for kind in heldout if not kind.startswith("text/")}
    assert all(sum(answers.values()) >= 200 for answers in heldout.values())
    assert all(sum(unseen[kind].values()) >= 60 for kind in media_kinds)
    for modality in ("image", "audio", "video"):
        assert sum(kind.startswith(f"{modality}/") for kind in media_kinds) >= 3


def test_a_constant_answer_is_right_no_more_often_than_balance_allows(default_rows):
    for kind, answers in answers_by_kind(default_rows["heldout"]).items():
        if not kind.startswith("text/"):
            share = max(answers.values()) / sum(answers.values())
            assert share < (0.55 if kind == "video/beeps" else 1 / len(answers) + 0.06), kind


def test_training_has_no_unseen_combination_and_the_unseen_files_nothing_else():
    for file in plan_world(5, QuickstartSettings()):
        medium = file.medium
        if isinstance(medium, VideoContent):
            unseen = attributes.is_unseen_movement(medium.colour, medium.shape, medium.direction)
            assert medium.sound not in attributes.UNSEEN_AUDIO
        elif isinstance(medium, ImageContent):
            unseen = medium in attributes.UNSEEN_IMAGES
        else:
            unseen = medium in attributes.UNSEEN_AUDIO
        assert unseen == (file.split == "unseen"), file


def test_neither_image_nor_audio_alone_tells_which_colour_beeps():
    files = plan_world(0, QuickstartSettings())
    rows = conversations(files, 0, QuickstartSettings())["heldout"]
    media = {file.path: file.medium for file in files}
    looking: dict[str, Counter] = defaultdict(Counter)
    listening: dict[bool, Counter] = defaultdict(Counter)
    for row in rows:
        if row["kind"] == "video/beeps":
            film, answer = media[row["video"][0]], row["messages"][1]["content"]
            looking[film.colour][answer] += 1
            listening[film.sound.sound == "beep"][answer] += 1
    for clue in (looking, listening):
        total = sum(sum(answers.values()) for answers in clue.values())
        assert sum(max(answers.values()) for answers in clue.values()) / total < 0.68


def test_held_out_text_questions_are_not_among_those_for_training(default_rows):
    asked = {
        split: {row["messages"][0]["content"] for row in rows if row["kind"].startswith("text/")}
        for split, rows in default_rows.items()
    }
    assert not asked["train"] & asked["heldout"]
