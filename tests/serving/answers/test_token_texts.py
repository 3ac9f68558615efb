"""Tokens as the API tells them: one behind the other they are the text."""

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from macaw_cli.serving.answers.token_texts import token_bytes, token_text

SPACE = "\u2581"
"""How SentencePiece writes the space before a word."""


@pytest.fixture(scope="module")
def sentencepiece():
    """Words and single bytes, decoded as Llama's tokenizer does."""
    names = ["<unk>", SPACE, f"{SPACE}{SPACE}", f"{SPACE}a", "b", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    model = models.BPE({name: number for number, name in enumerate(names)}, [], unk_token="<unk>", byte_fallback=True)
    made = Tokenizer(model)
    made.decoder = decoders.Sequence([
        decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0),
    ])  # fmt: skip
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="</s>")


@pytest.mark.parametrize(("written", "text"), [
    (f"{SPACE}a", " a"), ("b", "b"), (SPACE, " "), (f"{SPACE}{SPACE}", "  "), ("</s>", "</s>"), ("<0x41>", "A"),
])  # fmt: skip
def test_a_token_keeps_its_spaces(sentencepiece, written, text):
    token = sentencepiece.convert_tokens_to_ids(written)
    assert token_text(sentencepiece, token) == text
    assert token_bytes(sentencepiece, token, text) == text.encode()


def test_the_bytes_of_tokens_are_those_of_the_answer(sentencepiece):
    names = [f"{SPACE}a", "b", f"{SPACE}a", *(f"<0x{byte:02X}>" for byte in "\u4f60".encode()), SPACE, "b"]
    ids = sentencepiece.convert_tokens_to_ids(names)
    found = b"".join(token_bytes(sentencepiece, token, token_text(sentencepiece, token)) for token in ids)
    assert found.decode() == f" {sentencepiece.decode(ids)}" == " ab a\u4f60 b"


def test_the_bytes_of_a_byte_level_tokenizer_are_those_of_the_answer(byte_tokenizer):
    ids = byte_tokenizer("It\u2019s \u4f60 .", add_special_tokens=False).input_ids
    found = b"".join(token_bytes(byte_tokenizer, token, token_text(byte_tokenizer, token)) for token in ids)
    assert found.decode() == "It\u2019s \u4f60 ."
