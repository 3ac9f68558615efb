"""Examples that are trained with another's media: which, with what answer, and what their tokens are."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import yaml
from tiny_world import make_world, settings_tree

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.config.unanswerable import ANSWERS, answer_about, main_medium
from macaw_cli.dataset.build import build_dataset
from macaw_cli.training.data.epoch_plan import plan_hash
from macaw_cli.training.data.swapped_tokens import runs_of
from macaw_cli.training.schedule.stages import all_steps, plan_stages, with_swaps
from macaw_cli.training.training_inputs import prepare

ALMOST_ALL = 0.999


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    """A world whose images and audio files have numbers of tokens of their own."""
    return make_world(tmp_path_factory.mktemp("varied"), many_lengths=True)


def space_of(world, folder, **training):
    tree = settings_tree(**{"max_steps": None, "epochs": 2, **training})
    tree["llm"] = str(world / "llm")
    tree["dataset"]["out"] = str(world / "dataset")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "macaw.yaml").write_text(yaml.safe_dump(tree))
    return Workspace(folder, parse_settings(tree, "test"))


def planned(space):
    inputs = prepare(space)
    stages = plan_stages(inputs, space.settings)
    return inputs, stages, with_swaps(inputs, stages)


def numbers_of(stages):
    return [example for step in all_steps(stages) for sequence in step.sequences for example in sequence]


@pytest.mark.parametrize("template", ["alpaca", "chat"])
def test_a_swapped_example_is_what_encoding_it_with_the_other_media_and_answer_gives(varied, tmp_path, template):
    space = space_of(varied, tmp_path, swap_negatives=ALMOST_ALL, template=template)
    inputs, (stage,), swapped = planned(space)
    assert len(stage.swaps) > 50
    lengths = set()
    for number, swap in enumerate(stage.swaps, start=len(inputs.tokens)):
        ids, labels = swapped.tokens.conversation(number)
        row, partner = inputs.rows[swap.example], inputs.rows[swap.partner]
        answer = inputs.encoder.tokenizer.decode(swap.answer[:-1])
        question = inputs.dataset.messages(row)[:-1]
        encoded = inputs.encoder.encode(
            [*question, {"role": "assistant", "content": answer}],
            [(ref.modality, ref.shape) for ref in partner.media],
        )
        assert (ids.tolist(), labels.tolist()) == (encoded.input_ids, encoded.labels)
        assert swapped.tokens.lengths[number] == len(ids)
        assert swapped.tokens.supervised_counts[number] == encoded.supervised
        assert swapped.rows[number] == replace(row, media=partner.media)
        assert answer in {answer_about(text, main_medium([row.media[0].modality])) for text in ANSWERS}
        lengths.add(len(ids) - inputs.tokens.lengths[swap.example])
    assert len(lengths) > 10


def test_the_other_example_is_of_the_same_kind_and_its_media_differ(varied, tmp_path):
    inputs, (stage,), _ = planned(space_of(varied, tmp_path, swap_negatives=ALMOST_ALL))
    for swap in stage.swaps:
        row, partner = inputs.rows[swap.example], inputs.rows[swap.partner]
        assert row.kind == partner.kind
        assert [ref.modality for ref in row.media] == [ref.modality for ref in partner.media]
        assert {ref.key for ref in row.media}.isdisjoint(ref.key for ref in partner.media)
    kinds = Counter(inputs.rows[swap.example].kind for swap in stage.swaps)
    assert set(kinds) == {"image/colour", "audio/colour", "video/colour"}  # never those without media


def test_share_seed_epoch_and_place_decide_and_nothing_else(varied, tmp_path):
    some = {"swap_negatives": 0.25, "epochs": 12}
    space = space_of(varied, tmp_path / "one", **some)
    inputs, stages, _ = planned(space)
    with_media = sum(bool(row.media) for row in inputs.rows)
    assert len(stages[0].swaps) / (12 * with_media) == pytest.approx(0.25, abs=0.06)
    _, again, _ = planned(space_of(varied, tmp_path / "two", **some))
    assert again == stages
    other = replace(space.settings, seed=1)
    assert plan_stages(inputs, other)[0].swaps != stages[0].swaps
    more, *_ = plan_stages(inputs, replace(space.settings, training=replace(space.settings.training, epochs=13.0)))
    assert more.swaps[: len(stages[0].swaps)] == stages[0].swaps


def test_the_plan_takes_every_conversation_once_an_epoch_swapped_or_not(varied, tmp_path):
    inputs, stages, swapped = planned(space_of(varied, tmp_path, swap_negatives=0.3))
    numbers = numbers_of(stages)
    owners = [
        number if number < len(inputs.tokens) else swapped.tokens.swaps[number - len(inputs.tokens)].example
        for number in numbers
    ]
    assert Counter(owners) == Counter(2 * list(range(len(inputs.tokens))))
    assert sum(step.swapped for step in all_steps(stages)) == len(stages[0].swaps) > 0
    for step in all_steps(stages):
        examples = [example for sequence in step.sequences for example in sequence]
        assert step.tokens == swapped.tokens.lengths[examples].sum()
        assert step.supervised_tokens == swapped.tokens.supervised_counts[examples].sum()


def test_without_it_the_plan_is_what_it_was_and_with_it_the_hash_knows_the_partners(varied, tmp_path):
    inputs, stages, same = planned(space_of(varied, tmp_path / "none"))
    assert same is inputs and stages[0].swaps == ()
    assert plan_hash(all_steps(stages), []) == plan_hash(all_steps(stages))
    _, stages, _ = planned(space_of(varied, tmp_path / "some", swap_negatives=0.3))
    swaps = list(stages[0].swaps)
    changed = [replace(swaps[0], partner=swaps[0].partner + 1), *swaps[1:]]
    assert plan_hash(all_steps(stages), swaps) != plan_hash(all_steps(stages), changed)


def test_stages_have_shares_of_their_own_and_number_on(varied, tmp_path):
    stages = [{"name": "a", "swap_negatives": 0.5}, {"name": "b"}, {"name": "c", "swap_negatives": 0.5}]
    inputs, (first, second, third), swapped = planned(space_of(varied, tmp_path, stages=stages, epochs=1))
    assert len(first.swaps) > 5 and len(third.swaps) > 5 and second.swaps == ()
    assert first.swaps != third.swaps
    beyond = [number for number in numbers_of([third]) if number >= len(inputs.tokens)]
    assert sorted(beyond) == list(range(len(inputs.tokens) + len(first.swaps), len(swapped.rows)))


def test_conversations_of_several_turns_and_examples_that_would_be_too_long_are_left_alone(world, tmp_path):
    turns = [{"role": role, "content": text} for text in ("one", "two") for role in ("user", "assistant")]
    rows = (world / "questions.jsonl").read_text().splitlines()
    row = json.loads(rows[0]) | {"id": "long", "messages": turns, "kind": "image/talk", "choices": None}
    other = json.loads(rows[1]) | {"id": "other", "kind": "image/talk"}
    lines = [*rows, *map(json.dumps, (row, other))]
    (tmp_path / "more.jsonl").write_text("".join(line + "\n" for line in lines))
    tree = settings_tree(swap_negatives=ALMOST_ALL, max_steps=None, epochs=1)
    tree["dataset"] |= {"sources": [f"jsonl:{tmp_path / 'more.jsonl'}"], "features": [str(world / "features")],
                        "val_fraction": 0.0, "leak_check": "off"}  # fmt: skip
    tree["llm"] = str(world / "llm")
    space = Workspace(tmp_path, parse_settings(tree, "test"))
    build_dataset(space)
    inputs, (stage,), _ = planned(space)
    swapped = {inputs.rows[swap.example].id for swap in stage.swaps}
    assert "long" not in swapped and "other" in swapped
    short = replace(space.settings, training=replace(space.settings.training, swap_answers=("x" * 300,)))
    assert plan_stages(inputs, short)[0].swaps == ()


def test_an_example_about_whose_media_nobody_asks_the_same_comes_first(world, tmp_path):
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text().splitlines()]
    images = [row for row in rows if row.get("image")]
    for number, row in enumerate(images):
        row["messages"][0]["content"] = ("Which?", "What colour?")[number % 2]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in images))
    tree = settings_tree(swap_negatives=ALMOST_ALL, max_steps=None, epochs=1)
    tree["dataset"] |= {"sources": [f"jsonl:{tmp_path / 'asked.jsonl'}"], "features": [str(world / "features")],
                        "val_fraction": 0.0, "leak_check": "off"}  # fmt: skip
    tree["llm"] = str(world / "llm")
    space = Workspace(tmp_path, parse_settings(tree, "test"))
    build_dataset(space)
    inputs, (stage,), _ = planned(space)
    assert len(stage.swaps) == len(images)
    for swap in stage.swaps:
        one, other = (inputs.dataset.messages(inputs.rows[number]) for number in (swap.example, swap.partner))
        assert not swap.asked_of_both
        assert one[0] != other[0]


@pytest.mark.parametrize(
    "wrong", [{"swap_negatives": 1.0}, {"swap_negatives": -0.1}, {"swap_answers": []}, {"swap_answers": [" "]},
              {"swap_negatives": 0.1, "as_published": True},
              {"as_published": True, "stages": [{"name": "a", "swap_negatives": 0.1}]}],
)  # fmt: skip
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(UsageError):
        parse_settings(settings_tree(**wrong), "test")


def test_runs_are_found():
    assert runs_of(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert runs_of(np.array([False, False])) == []
