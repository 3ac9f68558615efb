import copy

import pytest
from chat_templates import CHATML

from macaw_cli.basics.errors import MismatchError
from macaw_cli.model.text.earlier_turns import with_earlier_turns
from macaw_cli.model.text.encoding import ConversationEncoder

CAT = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A cat."}]
SUM = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}]
DOG = [{"role": "user", "content": "And this?"}]


def test_without_earlier_conversations_nothing_changes():
    assert with_earlier_turns([], DOG, ["image"]) == DOG


def test_media_of_the_first_conversation_stand_before_everything_and_later_ones_before_their_question():
    whole = with_earlier_turns([(CAT, ["image"]), (CAT, ["audio", "video"])], DOG, ["image"])
    assert whole[0] == CAT[0]
    assert [part["type"] for part in whole[2]["content"]] == ["audio", "video", "text"]
    assert whole[4]["content"] == [{"type": "image"}, {"type": "text", "text": "And this?"}]
    assert [message["role"] for message in whole] == ["user", "assistant"] * 2 + ["user"]


def test_media_keep_their_places_behind_a_conversation_without_any():
    placed = [{"role": "user", "content": [{"type": "text", "text": "Here: "}, {"type": "image"}]}]
    whole = with_earlier_turns([(SUM, [])], placed, ["image", "image"])
    assert whole[2]["content"] == [{"type": "image"}, {"type": "text", "text": "Here: "}, {"type": "image"}]


def test_the_system_prompt_is_that_of_the_question():
    told = [{"role": "system", "content": "Be brief."}, *DOG]
    whole = with_earlier_turns([([{"role": "system", "content": "Be long."}, *CAT], ["image"])], told, ["image"])
    assert [one["content"] for one in whole if one["role"] == "system"] == ["Be brief."]
    assert whole[0]["role"] == "system"


def test_more_positions_than_media_are_refused():
    with pytest.raises(MismatchError, match="1 positions for image, but 0"):
        with_earlier_turns([(CAT, [])], [{"role": "user", "content": [{"type": "image"}]}], [])


@pytest.mark.parametrize("template", ["alpaca", "chat", "plain"])
def test_every_template_has_each_medium_once_and_in_order(template, tiny_encoder):
    encoder = ConversationEncoder(tiny_encoder.tokenizer, tiny_encoder.config, template, max_length=10_000)
    media = [("image", shape_of(encoder)), ("image", shape_of(encoder)), ("image", shape_of(encoder))]
    whole = with_earlier_turns([(CAT, ["image"]), (CAT, ["image"])], DOG, ["image"])
    encoded = encoder.prompt(whole, media)
    assert encoded.media_order == (0, 1, 2)


@pytest.mark.parametrize("template", ["alpaca", "chat"])
def test_a_prompt_behind_demonstrations_goes_on_from_the_conversation_that_training_would_have(template, tiny_encoder):
    encoder = ConversationEncoder(tiny_encoder.tokenizer, tiny_encoder.config, template, max_length=10_000)
    media = [("image", shape_of(encoder))] * 2
    whole = with_earlier_turns([(CAT, ["image"])], DOG, ["image"])
    trained = encoder.encode([*whole, {"role": "assistant", "content": "A dog."}], media).input_ids
    prompt = encoder.prompt(whole, media).input_ids
    assert trained[: len(prompt)] == prompt


def shape_of(encoder):
    return tuple(encoder.config.feature_shapes["image"])


@pytest.fixture(scope="module")
def tiny_encoder(workspace_folder):
    from macaw_cli.config.loading import open_workspace
    from macaw_cli.model.folder import load_model, newest_model

    _, processor = load_model(newest_model(open_workspace(workspace_folder)))
    tokenizer = copy.deepcopy(processor.encoder.tokenizer)
    tokenizer.chat_template = CHATML
    return ConversationEncoder(tokenizer, processor.encoder.config)
