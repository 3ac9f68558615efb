"""A folder with `tokenizer.model` alone, as Vicuna's: its tokenizer is loaded, encodes, and doctor finds it."""

import importlib.util
import io

import pytest
import sentencepiece
from transformers import LlamaConfig, LlamaForCausalLM

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.encoders.pretrained import load_tokenizer
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.inspection.machine import named_models
from macaw_cli.model.text.control_tokens import TextEncoder

TEXTS = ["the quick brown fox jumps over the lazy dog", "a cat is red and a dog is blue", "what colour is it?"] * 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llm")
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=written, vocab_size=330, model_type="bpe", byte_fallback=True,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(written.getvalue())
    sizes = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    with quiet_transformers():
        LlamaForCausalLM(LlamaConfig(vocab_size=330, **sizes)).save_pretrained(folder)
    return folder


def test_it_encodes_as_sentencepiece_does_and_text_stays_text(folder):
    tokenizer = load_tokenizer(str(folder))
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    encoder = TextEncoder(tokenizer)
    # transformers leaves out the space that sentencepiece puts before a text
    assert encoder.ids("a red fox")[1:] == model.encode("a red fox")[1:]
    assert encoder.ids("a </s> dog <s>")[1:] == model.encode("a </s> dog <s>")[1:]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (1, 2)
    assert tokenizer.decode(encoder.ids("a </s> dog")) == "a </s> dog"


def named(folder):
    found = {one.name: one for one in named_models(Workspace(folder.parent, Settings(llm=str(folder))))}
    return found["llm"]


def test_doctor_looks_for_the_tokenizer_and_what_reads_it(folder, monkeypatch):
    assert named(folder).status == "ok"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    missing = named(folder)
    assert missing.status == "missing" and "sentencepiece" in missing.detail + missing.hint


def test_a_folder_without_a_tokenizer_is_told(folder, tmp_path):
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(InputError):
        load_tokenizer(str(tmp_path))
