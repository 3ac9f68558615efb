"""Any program that renders the template writes the prompts that macaw writes."""

import chat_templates
import pytest
import tiny_macaw

from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.rendering import render_chat
from macaw_cli.model.text.stock_template import stock_chat_template

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is red?"},
    {"role": "assistant", "content": "A colour."},
    {"role": "user", "content": "And blue?"},
]


def rendered(tokenizer, template, messages):
    tokenizer.chat_template = template
    return render_chat(tokenizer, messages, add_generation_prompt=True)


def in_parts(messages):
    """Each text cut in two parts, as OpenAI's API may have them."""
    pieces = (slice(3), slice(3, None))
    return [
        {"role": one["role"], "content": [{"type": "text", "text": one["content"][at]} for at in pieces]}
        for one in messages
    ]


@pytest.fixture
def own_tokenizer():
    return tiny_macaw.byte_tokenizer()


@pytest.mark.parametrize("messages", [TALK, TALK[1:], TALK[:2], TALK[1:2]])
def test_the_alpaca_prompt_is_that_of_the_model(tiny, own_tokenizer, messages):
    encoder = ConversationEncoder(own_tokenizer, tiny.config(), "alpaca", 4000)
    template = stock_chat_template(encoder)
    for given in (messages, in_parts(messages)):
        text = rendered(own_tokenizer, template, given)
        assert own_tokenizer(text, add_special_tokens=False).input_ids == encoder.prompt(messages, []).input_ids


@pytest.mark.parametrize("name", sorted(chat_templates.TEMPLATES))
def test_a_chat_template_stays_what_it_was_and_takes_parts_as_well(tiny, own_tokenizer, name):
    own_tokenizer.chat_template = own = chat_templates.TEMPLATES[name]
    template = stock_chat_template(ConversationEncoder(own_tokenizer, tiny.config(), "chat"))
    messages = TALK[1:]
    expected = rendered(own_tokenizer, own, messages)
    assert rendered(own_tokenizer, template, messages) == expected
    assert rendered(own_tokenizer, template, in_parts(messages)) == expected


def test_it_is_not_put_before_itself(tiny, own_tokenizer):
    own_tokenizer.chat_template = chat_templates.CHATML
    encoder = ConversationEncoder(own_tokenizer, tiny.config(), "chat")
    own_tokenizer.chat_template = once = stock_chat_template(encoder)
    assert stock_chat_template(encoder) == once


@pytest.mark.parametrize("template", ["plain", "as_published"])
def test_prompts_that_leave_out_what_is_asked_have_no_chat_template(tiny, own_tokenizer, template):
    assert stock_chat_template(ConversationEncoder(own_tokenizer, tiny.config(), template)) is None
