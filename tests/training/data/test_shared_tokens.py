"""Tokens of several bridges from one tokenised text: equal to those that are encoded for each bridge by itself."""

from dataclasses import fields, replace

import numpy as np
import pytest
import yaml
from tiny_world import make_world, settings_tree

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.training.data.expanding import expanded, placeholder_counts
from macaw_cli.training.data.tokenised import Encoded, TokenisedConversations, from_encoded
from macaw_cli.training.data.tokenising import encode_rows
from macaw_cli.training.schedule.stages import all_steps, plan_stages
from macaw_cli.training.training_inputs import prepare

BRIDGES = ("linear", "macaw", {"name": "frame-stack", "stride": 3}, {"image": "linear", "audio": "macaw"})
LEAST = {"image": 12, "audio": 14, "video": 20}


@pytest.fixture(scope="module")
def many_lengths(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("lengths"), many_lengths=True)


@pytest.fixture
def inputs_of(many_lengths, tmp_path):
    """`inputs_of(bridge, **training)`: what a training of the world reads; all share one cache."""

    def made(bridge, injection="none", **training):
        tree = settings_tree(bridge, injection, **{"runs": str(tmp_path / "runs"), **training})
        return prepare(Workspace(many_lengths, parse_settings(yaml.safe_load(yaml.safe_dump(tree)), "test")))

    return made


def same(one, other):
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(TokenisedConversations)
    )


@pytest.mark.parametrize("max_length", [256, 163, 159])
@pytest.mark.parametrize("template", ["alpaca", "chat"])
@pytest.mark.parametrize("bridge", BRIDGES, ids=str)
def test_expanded_tokens_are_those_of_the_bridge_itself(inputs_of, bridge, template, max_length):
    max_length -= 123 * (template == "chat")  # its prompts are shorter
    inputs = inputs_of(bridge, template=template, max_length=max_length)
    own = encode_rows(inputs.dataset, inputs.dataset.conversations("train"), inputs.encoder)
    assert same(inputs.tokens, own)
    assert not inputs.more.any()


def test_some_of_these_limits_cut_answers_and_media(inputs_of):
    assert inputs_of("linear", template="chat", max_length=40).tokens.skipped > 0


def test_a_medium_of_a_later_turn_that_is_cut_takes_the_conversation_with_it(inputs_of):
    inputs = inputs_of({"name": "frame-stack", "stride": 3}, template="chat")
    row = next(one for one in inputs.dataset.conversations("train") if one.media and one.media[0].modality == "image")
    media = [replace(row.media[0], shape=shape) for shape in ((12, 8), (7, 8))]
    rows, shapes = [replace(row, media=tuple(media))], [("image", ref.shape) for ref in media]
    place = {"type": "image"}
    messages = [
        {"role": "user", "content": [place, {"type": "text", "text": "What?"}]},
        {"role": "assistant", "content": "Red."},
        {"role": "user", "content": [{"type": "text", "text": "And"}, place]},
        {"role": "assistant", "content": "No."},
    ]

    def encoded(encoder):
        found = [(np.array(one.input_ids, np.int32), np.array(one.labels) != -100, ["image"] * len(one.media_order))
                 for one in encoder.examples(messages, shapes)]  # fmt: skip
        return from_encoded([[Encoded(*one) for one in found]])

    counts = placeholder_counts(inputs.config, rows)
    skipped = []
    for limit in range(16, 90):
        encoder = ConversationEncoder(inputs.tokenizer, inputs.config, "chat", limit)
        made = expanded(encoded(encoder.with_one_placeholder()), rows, inputs.config, counts, {}, limit)
        assert same(made, encoded(encoder)), limit
        skipped.append(made.skipped)
    assert set(skipped) == {0, 1}


def test_the_published_form_with_its_null_features_is_the_same_too(inputs_of):
    inputs = inputs_of("macaw", as_published=True)
    assert same(inputs.tokens, encode_rows(inputs.dataset, inputs.dataset.conversations("train"), inputs.encoder))


def test_an_injection_takes_one_place_for_each_medium(inputs_of):
    inputs = inputs_of("linear", "gated-cross-attention")
    assert same(inputs.tokens, encode_rows(inputs.dataset, inputs.dataset.conversations("train"), inputs.encoder))


def test_the_text_is_tokenised_once_and_bridges_of_equal_counts_share_all(inputs_of, tmp_path, capfd):
    keys = [inputs_of(bridge).key for bridge in ("linear", "mlp", {"name": "frame-stack", "stride": 3}, "linear")]
    assert keys[0] == keys[1] == keys[3] != keys[2]
    assert capfd.readouterr().err.count("Tokenising") == 1
    assert len(list((tmp_path / "runs/.tokens").glob("*-train"))) == 3


def test_bridges_that_count_the_same_have_the_same_conversations_in_the_same_steps(inputs_of):
    plans, own_tokens = [], []
    for bridge in BRIDGES:
        inputs = inputs_of(bridge, planned_soft_tokens=LEAST, max_length=230)
        settings = parse_settings(settings_tree(bridge, planned_soft_tokens=LEAST, max_steps=9), "test")
        steps = all_steps(plan_stages(inputs, settings))
        plans.append([step.sequences for step in steps])
        own_tokens.append([step.tokens for step in steps])
        lengths = inputs.tokens.lengths
        assert own_tokens[-1] == [sum(int(lengths[n]) for row in step.sequences for n in row) for step in steps]
        counted = lengths + inputs.more
        assert max(sum(int(counted[n]) for n in row) for step in steps for row in step.sequences) <= 512
    assert all(plan == plans[0] for plan in plans)
    assert own_tokens[0] != own_tokens[2]


def test_what_is_cut_is_the_same_for_bridges_that_count_the_same(inputs_of):
    limits = {"template": "chat", "max_length": 45, "planned_soft_tokens": LEAST}
    found = [inputs_of(bridge, **limits).tokens for bridge in BRIDGES]
    assert found[0].skipped > inputs_of("linear", template="chat", max_length=45).tokens.skipped
    for tokens in found:
        assert tokens.skipped == found[0].skipped
        assert np.array_equal(tokens.numbers, found[0].numbers)
        assert np.array_equal(tokens.supervised_counts, found[0].supervised_counts)


def test_swapped_examples_are_the_same_for_bridges_that_count_the_same(inputs_of):
    found = []
    for bridge in BRIDGES[:3]:
        training = {"planned_soft_tokens": LEAST, "swap_negatives": 0.5, "max_steps": 6}
        stages = plan_stages(inputs_of(bridge, **training), parse_settings(settings_tree(bridge, **training), "test"))
        swaps = [(swap.example, swap.partner, swap.length + swap.more) for stage in stages for swap in stage.swaps]
        found.append((swaps, [step.sequences for step in all_steps(stages)]))
    assert found[0][0] and found[0] == found[1] == found[2]


def test_only_modalities_count(inputs_of):
    with pytest.raises(UsageError, match="smell"):
        inputs_of("linear", planned_soft_tokens={"smell": 3})


def test_more_is_nothing_where_a_bridge_takes_as_many(inputs_of):
    inputs = inputs_of("linear", planned_soft_tokens={"image": 1})
    assert not inputs.more.any()
    assert inputs.key == inputs_of("linear").key
    assert replace(inputs, more=inputs.more).identity == inputs.identity
