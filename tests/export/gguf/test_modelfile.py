"""The Modelfile says what Ollama needs: files, template and ends of an answer."""

import tiny_checkpoints
from transformers import AutoTokenizer

from macaw_cli.export.gguf.modelfile import Turns, modelfile, stop_texts, turns_of

PLAIN = Turns("<s>[", "<s>{", "}[", "]", "</s>[")


def render(messages):
    """With other ends than a real one, so that no two are alike."""
    text = "<s>"
    for message in messages:
        opening, closing = {"system": "{}", "user": "[]", "assistant": ("", "</s>")}[message["role"]]
        text += f"{opening}{message['content']}{closing}"
    return text


def test_a_template_is_taken_apart():
    assert turns_of(render) == PLAIN


def test_the_quickstarts_template_is_taken_apart():
    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoints.TOKENIZER)

    def rendered(messages):
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    found = turns_of(rendered)
    assert (found.beginning, found.after_question) == ("<s><|user|>\n", "\n<|assistant|>\n")
    assert found.after_answer == "</s><|user|>\n"


def test_a_template_that_changes_contents_is_left_to_ollama():
    assert turns_of(lambda messages: "".join(message["content"].upper() for message in messages)) is None
    assert "TEMPLATE" not in modelfile("a.gguf", "", None, [])


def test_the_file_names_what_is_beside_it():
    text = modelfile("model-f16.gguf", "mmproj-f16.gguf", PLAIN, ["</s>"])
    assert text.splitlines()[1:3] == ["FROM ./model-f16.gguf", "FROM ./mmproj-f16.gguf"]
    assert text.endswith('PARAMETER stop "</s>"\n')
    assert "<s>[" in text and "{{ .Content }}" in text


def test_texts_that_would_mean_something_else_are_left_out():
    braces = Turns("{{", "", "", "", "")
    assert "TEMPLATE" not in modelfile("a.gguf", "", braces, ['"', "\n"])
    assert stop_texts(["</s>", "\n", "</s>"]) == ["</s>"]
