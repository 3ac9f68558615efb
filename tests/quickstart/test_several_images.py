"""Questions that one image cannot answer."""

from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.quickstart_settings import EXTRA_KINDS, QuickstartSettings
from macaw_cli.evaluation.questions.medium_lenders import medium_lenders
from macaw_cli.evaluation.questions.pools import Question
from macaw_cli.evaluation.questions.swapping import swap_partners
from macaw_cli.quickstart.world import conversations, make_world, plan_world

SIZES = QuickstartSettings(kinds=EXTRA_KINDS, train_groups=30, heldout_groups=20)


@pytest.fixture(scope="module")
def files():
    return plan_world(0, SIZES)


@pytest.fixture(scope="module")
def rows(files):
    found = conversations(files, 0, SIZES)
    return {split: [row for row in of if row["kind"].split("/")[0] in EXTRA_KINDS] for split, of in found.items()}


def said(row):
    """Everything but the answer, as text."""
    contents = [one["content"] for one in row["messages"][:-1]]
    return "\n".join(one if isinstance(one, str) else one[-1]["text"] for one in contents)


def answer(row):
    return row["messages"][-1]["content"]


def test_without_further_kinds_the_world_is_the_same_byte_for_byte(files):
    plain = conversations(files, 0, QuickstartSettings())
    more = conversations(files, 0, SIZES)
    for split, found in plain.items():
        assert more[split][: len(found)] == found
        assert len(more[split]) == len(found) + (8 + 4 + 8 + 8) * (30 if split == "train" else 20)


def test_answers_follow_from_the_images(files, rows):
    shown = {file.path: file.medium for file in files}
    for row in rows["train"] + rows["heldout"]:
        first, second = (shown[path] for path in row["image"])
        name = row["kind"].split("/")[1]
        attribute = "colour" if "colour" in name else "shape"
        a, b = getattr(first, attribute), getattr(second, attribute)
        expected = {"same": "yes" if a == b else "no", "first": a, "second": b}.get(name.split("-")[0], a)
        assert answer(row) == expected
        assert answer(row) in row["choices"]
        assert "unseen" not in row["image"][0] and row["split"] == ("val" if "heldout" in row["image"][0] else "train")
        if row["kind"].startswith("earlier-turn"):
            assert row["messages"][1]["content"] == first.place
            assert [one["type"] for one in row["messages"][2]["content"]] == ["image", "text"]


def test_neither_image_alone_nor_the_words_tell_whether_they_are_the_same(files, rows):
    shown = {file.path: file.medium for file in files}
    compared = [row for row in rows["heldout"] if "/same-" in row["kind"]]
    for clue in (lambda row: shown[row["image"][0]], lambda row: shown[row["image"][1]], said):
        seen = defaultdict(Counter)
        for row in compared:
            seen[row["kind"], str(clue(row))][answer(row)] += 1
        assert all(found["yes"] == found["no"] for found in seen.values())


def test_whichever_image_is_swapped_the_answer_is_known_to_change(rows):
    asked = [
        Question(row["kind"], said(row), answer(row), tuple(row["image"]), ("image", "image"), tuple(row["choices"]),
                 ((0,), (1,)))
        for row in rows["heldout"]
    ]  # fmt: skip
    assert None not in swap_partners(asked, 0)
    for question, lenders in zip(asked, medium_lenders(asked, 0), strict=True):
        needed = {"first": [0], "second": [1], "same": [0, 1]}.get(question.kind.split("/")[1].split("-")[0], [0])
        assert [place for place, lender in enumerate(lenders) if lender and lender.contrary] == needed


def test_the_kinds_that_are_named_are_asked_alone(files):
    one = conversations(files, 0, replace(SIZES, kinds=("earlier-turn",)))["heldout"]
    assert {row["kind"].split("/")[0] for row in one} & {*EXTRA_KINDS} == {"earlier-turn"}


def test_a_world_with_too_few_images_is_told_before_anything_is_made(tmp_path):
    with pytest.raises(UsageError, match=r"quickstart\.kinds"):
        make_world(tmp_path, seed=0, sizes=replace(SIZES, train_images=1))
    assert not [*tmp_path.iterdir()]
