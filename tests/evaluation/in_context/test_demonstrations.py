import json
from pathlib import Path

import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.in_context.demonstrations import Choice, DemonstrationPool, orders
from macaw_cli.evaluation.in_context.pooled_features import PooledFeatures
from macaw_cli.evaluation.questions.held_out import held_out_questions, kind_of
from macaw_cli.shards.training_dataset import TrainingDataset


@pytest.fixture(scope="module")
def dataset(trained):
    return TrainingDataset(trained.path(trained.settings.dataset.out))


@pytest.fixture(scope="module")
def questions(dataset):
    return held_out_questions(dataset, None)


def chosen(dataset, question, **choice):
    return DemonstrationPool(dataset, Choice(**choice)).choose(question)


def cosine(one, other):
    one, other = (array.reshape(-1, array.shape[-1]).astype(np.float64).mean(axis=0) for array in (one, other))
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_the_nearest_are_those_of_the_largest_cosine_and_the_most_similar_one_is_last(dataset, questions, modality):
    question = next(one for one in questions if one.modality == modality)
    own = dataset.features(question.row.media[0])
    rows = [row for row in dataset.conversations("train") if row.kind == question.row.kind]
    ranked = sorted(rows, key=lambda row: cosine(own, dataset.features(row.media[0])))
    found = chosen(dataset, question, shots=3, how="nearest")
    assert [one.row.id for one in found] == [row.id for row in ranked[-3:]]


def test_two_images_that_are_nearly_the_same_find_each_other(trained, tmp_path):
    """The features of one image with a little noise are stored as those of another."""
    world = Path(trained.settings.dataset.out).parent
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text().splitlines()]
    images = [row | {"split": "train"} for row in rows if row.get("image")]
    images[0]["split"] = "val"
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in images))
    tree = {"dataset": {"sources": ["jsonl:all.jsonl"], "features": [str(world / "features")], "leak_check": "off"}}
    build_dataset(Workspace(tmp_path, parse_settings(tree, "test")))
    dataset = TrainingDataset(tmp_path / "dataset")
    question = held_out_questions(dataset, None)[0]
    twin = dataset.conversations("train")[7]
    stored = dataset.features

    def features(ref):
        near = stored(question.row.media[0]).astype(np.float32) + np.float32(0.01)
        return near.astype(np.float16) if ref == twin.media[0] else stored(ref)

    dataset.features = features
    assert chosen(dataset, question, shots=4, how="nearest")[-1].row.id == twin.id


def test_random_ones_depend_on_the_seed_and_the_question_alone(dataset, questions):
    question, other = _two(questions, "image")
    first = [one.row.id for one in chosen(dataset, question, shots=4, seed=1)]
    pool = DemonstrationPool(dataset, Choice(shots=4, seed=1))
    pool.choose(other)
    assert [one.row.id for one in pool.choose(question)] == first
    assert [one.row.id for one in chosen(dataset, question, shots=4, seed=2)] != first
    assert [one.row.id for one in chosen(dataset, other, shots=4, seed=1)] != first


@pytest.mark.parametrize("how", ["random", "nearest"])
def test_they_come_from_training_and_are_of_the_same_kind_with_different_media(dataset, questions, how):
    pool = DemonstrationPool(dataset, Choice(shots=5, how=how))
    trained_on = {row.id for row in dataset.conversations("train")}
    for question in questions:
        found = pool.choose(question)
        assert len(found) == 5
        assert {kind_of(one.row) for one in found} == {kind_of(question.row)}
        assert {one.row.id for one in found} <= trained_on
        media = [ref.key for one in found for ref in one.row.media]
        assert len(set(media)) == len(media)
        assert not set(media) & {ref.key for ref in question.row.media}


def test_other_kinds_of_the_same_modality_fill_up_and_what_there_is_not_is_left_out(dataset, questions):
    question = next(one for one in questions if one.modality == "image")
    rows = [row for row in dataset.conversations("train") if kind_of(row) == "image/colour"]
    found = chosen(dataset, question, shots=len(rows) + 3)
    assert len(found) == len(rows)


def test_media_that_are_connected_with_the_question_through_another_conversation_are_never_shown(trained, tmp_path):
    world = Path(trained.settings.dataset.out).parent
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text().splitlines()]
    images = [row for row in rows if row.get("image")][:6]
    for row in images:
        row["split"] = "train"
    linked, between, other = images[0]["image"][0], images[1]["image"][0], images[2]["image"][0]
    asked = [{"role": "user", "content": "Same?"}, {"role": "assistant", "content": "no"}]
    pairs = [{"id": f"pair-{n}", "image": pair, "kind": "pair", "messages": asked, "split": "train"}
             for n, pair in enumerate(([linked, between], [between, other]))]  # fmt: skip
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*images, *pairs]))
    tree = {"dataset": {"sources": ["jsonl:all.jsonl"], "features": [str(world / "features")]}}
    build_dataset(Workspace(tmp_path, parse_settings(tree, "test")))
    dataset = TrainingDataset(tmp_path / "dataset")
    row = next(row for row in dataset.conversations("train") if row.id == images[0]["id"])
    question = held_out_of(dataset, row)
    shown = {one.row.id for one in chosen(dataset, question, shots=6)}
    assert shown == {one["id"] for one in images[3:]}


def test_a_dataset_without_training_examples_says_so(dataset, monkeypatch):
    monkeypatch.setattr(dataset, "conversations", lambda split, **_: [])
    with pytest.raises(InputError, match="training examples"):
        DemonstrationPool(dataset, Choice(shots=1))


def test_the_pool_can_be_limited(dataset, questions):
    question = next(one for one in questions if one.modality == "image")
    pool = DemonstrationPool(dataset, Choice(shots=8, pool=2))
    assert len(pool.choose(question)) == 2


def test_padding_of_audio_does_not_count(tmp_path):
    from tiny_world import make_world

    dataset = TrainingDataset(make_world(tmp_path / "world", audio_padding="keep") / "dataset")
    row = next(row for row in dataset.conversations("train") if row.media and row.media[0].modality == "audio")
    ref = row.media[0]
    heard = int(np.ceil(2 * ref.seconds))
    vector = dataset.features(ref)[:heard].astype(np.float32).mean(axis=0)
    pooled = PooledFeatures(dataset)
    assert pooled.similarities(row, "all", [row])[0] == pytest.approx(1, abs=1e-5)
    assert pooled._vectors[ref.key, "audio", 0] == pytest.approx(vector / np.linalg.norm(vector), abs=1e-5)


def test_orders_begin_with_the_given_one_and_differ():
    assert orders(1, 1, 0) == [(0,)]
    found = orders(3, 6, 0)
    assert found[0] == (0, 1, 2)
    assert len(set(found)) == 6
    assert orders(3, 6, 0) == found


def _two(questions, modality):
    return [one for one in questions if one.modality == modality][:2]


def held_out_of(dataset, row):
    from macaw_cli.evaluation.questions.held_out import HeldOut

    return HeldOut(row, dataset.messages(row))
