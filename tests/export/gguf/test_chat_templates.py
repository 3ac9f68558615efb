"""The template in a GGUF file writes the prompts of the training, media where llama.cpp marks them included."""

from types import SimpleNamespace

import pytest
import tiny_checkpoints
from transformers import AutoTokenizer, LlamaConfig

from macaw_cli.config.bridges.designs import design
from macaw_cli.export.gguf.chat_templates import chat_template, rendered
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.encoding import ConversationEncoder

MARKS = ["<__media__>", "<__media_9fQx__>"]
SYSTEM = {"role": "system", "content": "Be brief."}
FIRST, SECOND = {"role": "user", "content": "What is it?"}, {"role": "user", "content": "Is it\nred?"}
ANSWER = {"role": "assistant", "content": "A cat."}
TALKS = [[FIRST], [FIRST, ANSWER, SECOND], [SYSTEM, FIRST], [SYSTEM, FIRST, ANSWER, SECOND]]
QWEN = (
    "{% for message in messages %}{{ '<|user|>' + message.role + '\n' + message.content + '</s>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|user|>assistant\n' }}{% endif %}"
)


def words(template=None):
    made = AutoTokenizer.from_pretrained(tiny_checkpoints.TOKENIZER)
    made.add_special_tokens({"additional_special_tokens": ["<image>", "</image>"]})
    made.chat_template = template or made.chat_template
    return made


def encoder(tokenizer, template):
    """With begin and end tokens that are tokens of the LLM's, as in the file."""
    config = MacawConfig.for_llm(
        LlamaConfig(vocab_size=len(tokenizer), hidden_size=16, num_attention_heads=2), design("mlp"), {"image": (3, 8)},
        surrounding_ids={"image": [[tokenizer.convert_tokens_to_ids(one)] for one in ("<image>", "</image>")]},
    )  # fmt: skip
    return ConversationEncoder(tokenizer, config, template)


def ids_of(tokenizer, text, mark, placeholder):
    """As llama.cpp makes them: the texts around the mark by themselves, three soft tokens in its place."""
    parts = [tokenizer(part, add_special_tokens=False).input_ids for part in text.split(mark)]
    joined = parts[0]
    for part in parts[1:]:
        joined = [*joined, *[placeholder] * 3, *part]
    return joined


@pytest.mark.parametrize("talk", TALKS, ids=["question", "two questions", "system", "all"])
@pytest.mark.parametrize("template", ["chat", "alpaca", "plain"])
def test_a_conversation_without_media_is_that_of_the_training(template, talk):
    tokenizer = words()
    text = rendered(tokenizer, chat_template(tokenizer, template, "<image>", "</image>"), talk)
    found = tokenizer(text, add_special_tokens=False).input_ids
    assert found == encoder(tokenizer, template).prompt(talk, []).input_ids


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("talk", TALKS, ids=["question", "two questions", "system", "all"])
@pytest.mark.parametrize("template", ["chat", "alpaca", "plain"])
def test_a_medium_before_the_first_question_stands_where_it_did_in_the_training(template, talk, mark):
    tokenizer = words()
    ours = encoder(tokenizer, template)
    question = next(message for message in talk if message["role"] == "user")
    marked = [message | {"content": mark + message["content"]} if message is question else message for message in talk]
    text = rendered(tokenizer, chat_template(tokenizer, template, "<image>", "</image>"), marked)
    found = ids_of(tokenizer, text, mark, ours.config.soft_token_ids["image"])
    assert found == ours.prompt(talk, [("image", (3, 8))]).input_ids


def test_media_inside_a_text_stay_where_they_are():
    tokenizer = words(QWEN)
    template = chat_template(tokenizer, "chat", "<image>", "</image>")
    asked = [{"role": "user", "content": "<__media__><__media__>Is <__media__> like __> them?"}]
    text = rendered(tokenizer, template, asked)
    around = "<image><__media__></image>"
    assert text == f"<|user|>user\n{around * 2}\nIs {around} like __> them?</s>\n<|user|>assistant\n"


def test_nothing_is_put_around_media_where_the_projector_does_it():
    tokenizer = words(QWEN)
    asked = [{"role": "user", "content": "<__media__>Hm?"}]
    text = rendered(tokenizer, chat_template(tokenizer, "chat", "", ""), asked)
    assert text.startswith("<|user|>user\n<__media__>\nHm?")


def test_quotes_and_backslashes_of_tokens_are_text():
    odd = SimpleNamespace(bos_token="'\\n{{", chat_template="{{ bos_token }}{{ messages[0]['content'] }}")
    template = chat_template(odd, "chat", "<'a\\b>", "<\"{{c}}\">")
    tokenizer = words()
    text = rendered(tokenizer, template, [{"role": "user", "content": "<__media__>x"}])
    assert text.endswith("<'a\\b><__media__><\"{{c}}\">\nx")
