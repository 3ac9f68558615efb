import pytest

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.templates import alpaca_prompt

TALK = [
    {"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A cat."},
    {"role": "user", "content": "Which colour?"}, {"role": "assistant", "content": "Red."},
]  # fmt: skip
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content | trim }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
IMAGE = ("image", (10, 16))


@pytest.fixture
def encoder(tiny, tokenizer):
    tokenizer.chat_template = CHAT_TEMPLATE

    def make(template="alpaca", max_length=4096, **options):
        config = tiny.config("macaw", llm=tiny.llm_config(vocab_size=300), **options)
        return ConversationEncoder(tokenizer, config, template, max_length)

    return make


def shown(encoder, ids):
    """Text, with every media id by its name."""
    config = encoder.config
    names = {one: f"[{name}]" for name, one in config.soft_token_ids.items()}
    names |= {one: f"[no {name}]" for name, one in config.null_token_ids.items()}
    names |= {pair[0]: f"<{name}>" for name, pair in config.begin_end_ids.items()}
    names |= {pair[1]: f"</{name}>" for name, pair in config.begin_end_ids.items()}
    return "".join(names.get(one) or encoder.tokenizer.decode([one]) for one in ids if one != -100)


def test_alpaca_supervises_exactly_the_answers_with_their_ends(encoder):
    encoded = encoder().encode(TALK, [])
    assert shown(encoder(), encoded.labels) == "A cat.</s>Red.</s>"
    assert encoded.supervised == len("A cat.Red.") + 2
    assert shown(encoder(), encoded.input_ids).startswith("<s>" + alpaca_prompt("What is it?") + "\nA cat.</s>\n\n###")
    assert len(encoded.input_ids) == len(encoded.labels)
    assert all(label in (-100, one) for one, label in zip(encoded.input_ids, encoded.labels, strict=True))


@pytest.mark.parametrize("template", ["alpaca", "chat", "as_published"])
def test_a_prompt_is_the_beginning_of_the_encoded_conversation(encoder, template):
    media = [IMAGE, ("audio", (30, 12))]
    turns = TALK[:2] if template == "as_published" else TALK
    whole = encoder(template).encode(turns, media).input_ids
    prompt = encoder(template).prompt(turns[:-1], media).input_ids
    assert whole[: len(prompt)] == prompt
    assert encoder(template).encode(turns, media, with_response=False).input_ids == prompt


@pytest.mark.parametrize("template", ["alpaca", "chat"])
def test_the_response_follows_the_prompt_with_the_ids_that_are_scored(encoder, template):
    one = encoder(template)
    whole, prompt = one.encode(TALK[:2], [IMAGE]).input_ids, one.prompt(TALK[:1], [IMAGE]).input_ids
    assert whole == prompt + one.response_ids("A cat.")


def test_blocks_have_tags_around_one_placeholder_per_soft_token_and_come_after_the_first_token(encoder):
    encoded = encoder().encode(TALK[:2], [("video", (3, 10, 16)), IMAGE])
    text = shown(encoder(), encoded.input_ids)
    assert text.startswith("<s><image>[image][image][image]</image><video>" + "[video]" * 30 + "</video>Below is")
    assert encoded.media_order == (1, 0)


def test_a_chat_template_keeps_positions_and_supervises_up_to_the_end_of_the_turn(encoder):
    parts = [{"type": "text", "text": "Is "}, {"type": "image"}, {"type": "text", "text": " red?"}]
    messages = [{"role": "user", "content": parts}, *TALK[1:]]
    one = encoder("chat")
    encoded = one.encode(messages, [IMAGE, ("audio", (30, 12))])
    assert shown(one, encoded.input_ids) == (
        "<|user|>\n<audio>[audio][audio][audio][audio][audio][audio]</audio>\n"
        "Is <image>[image][image][image]</image> red?"
        "</s>\n<|assistant|>\nA cat.</s>\n<|user|>\nWhich colour?</s>\n<|assistant|>\nRed.</s>"
    )
    assert shown(one, encoded.labels) == "A cat.</s>Red.</s>"
    assert one.stop_ids() == {one.tokenizer.eos_token_id}


def test_a_chat_template_without_end_of_turn_gets_the_end_token(encoder):
    one = encoder("chat")
    one.tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    assert shown(one, one.encode(TALK[:2], []).labels) == "A cat.</s>"


def test_a_tokenizer_without_chat_template_is_told(encoder):
    one = encoder("chat")
    one.tokenizer.chat_template = None
    with pytest.raises(UsageError, match="no chat template"):
        one.prompt(TALK[:1], [])


def test_a_tokenizer_without_end_token_is_told(encoder, tiny, tokenizer):
    tokenizer.eos_token = None
    with pytest.raises(UsageError, match="no end token"):
        ConversationEncoder(tokenizer, tiny.config())


def test_what_is_too_long_loses_its_end_and_an_overlong_prompt_leaves_nothing_supervised(encoder):
    whole = encoder().encode(TALK[:2], [IMAGE])
    cut = encoder(max_length=len(whole.input_ids) - 3).encode(TALK[:2], [IMAGE])
    assert cut.input_ids == whole.input_ids[:-3]
    assert shown(encoder(), cut.labels) == "A ca"
    assert encoder(max_length=40).encode(TALK[:2], [IMAGE]).supervised == 0


def test_a_conversation_that_would_lose_a_medium_of_a_late_turn_is_skipped(encoder):
    second = [{"type": "image"}, {"type": "text", "text": "And this?"}]
    talk = [*TALK[:2], {"role": "user", "content": second}, {"role": "assistant", "content": "A dog."}]
    whole = encoder().encode(talk, [IMAGE, IMAGE])
    image = encoder().config.soft_token_ids["image"]
    last = max(place for place, one in enumerate(whole.input_ids) if one == image)
    assert encoder(max_length=last + 1).encode(talk, [IMAGE, IMAGE]).supervised > 0
    lost = encoder(max_length=last).encode(talk, [IMAGE, IMAGE])
    assert (len(lost.input_ids), lost.supervised) == (last, 0)


def test_null_features_fill_all_three_blocks_in_the_published_order(encoder):
    one = encoder(null_features=True, variant="paper")
    text = shown(one, one.encode(TALK[:2], [("audio", (30, 12))]).input_ids)
    picture = "<image>[no image][no image][no image]</image>"
    film = "<video>" + "[no video]" * 30 + "</video>"
    assert text.startswith(f"<s>{picture}<audio>{'[audio]' * 6}</audio>{film}Below is")


class TestAsPublished:
    """The published script, deviations included."""

    def test_the_last_prompt_token_is_supervised_and_no_end_token_follows(self, encoder):
        one = encoder("as_published")
        encoded = one.encode(TALK[:2], [])
        prompt = alpaca_prompt("What is it?")
        assert shown(one, encoded.labels) == ":\n A cat. \n\n"
        assert shown(one, encoded.input_ids) == f"<s>{prompt}\n A cat. \n\n"

    def test_text_is_cut_at_256_tokens_and_media_do_not_count(self, encoder):
        one = encoder("as_published", max_length=4096)
        answer = [TALK[0], {"role": "assistant", "content": "la" * 200}]
        assert len(one.encode(answer, []).input_ids) == 256
        assert len(one.encode(answer, [IMAGE]).input_ids) == 256 + 5

    def test_a_prompt_of_256_tokens_leaves_nothing_supervised(self, encoder):
        long = [{"role": "user", "content": "a" * 200}, TALK[1]]
        assert encoder("as_published").encode(long, []).supervised == 0

    def test_several_turns_are_refused(self, encoder):
        with pytest.raises(InputError, match="question"):
            encoder("as_published").encode(TALK, [])


def test_the_text_of_a_conversation_is_the_same_for_all_bridges(tiny):
    assert tiny.config().text_identity() == tiny.config(image_tokens=4).text_identity()
    assert tiny.config().text_identity() != tiny.config(null_features=True).text_identity()


def test_the_llms_own_tokens_stand_around_a_medium_where_the_model_has_no_begin_and_end_tokens(encoder):
    around = {"image": [[290, 291], [292]]}
    one = encoder("chat", surrounding_ids=around)
    assert one.config.begin_end_ids == {}
    ids = one.prompt(TALK[:1], [IMAGE]).input_ids
    soft, place = one.config.soft_token_ids["image"], ids.index(290)
    assert ids[place : place + 6] == [290, 291, soft, soft, soft, 292]
    bare = encoder("chat", surrounding_ids={"image": [[], []]})
    assert bare.prompt(TALK[:1], [IMAGE]).input_ids == [one for one in ids if one not in (290, 291, 292)]
    assert bare.config.text_identity() != one.config.text_identity()
