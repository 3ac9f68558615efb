"""An LLM in a GGUF file gives its own logits and answers, in transformers' reader and in llama.cpp."""

import numpy as np
import pytest
import tiny_gguf
import torch
from llama_cpp_child import needs_llama_cpp, run
from transformers import GemmaConfig, LlamaConfig, Qwen2Config

from macaw_cli.export.gguf.architectures import context_length, llm_obstacles
from macaw_cli.export.gguf.number_formats import tensor_type
from macaw_cli.export.gguf.reading import not_read, read_llm

PROMPTS = 20
LENGTHS = range(20, 20 + PROMPTS)
LIMITS = {"f32": 1e-5, "f16": 1e-2, "q8_0": 1e-1}


def prompts(words):
    """Ids of no control token, which behave differently in no library."""
    generator = torch.Generator().manual_seed(5)
    return [torch.randint(5, len(words), (length,), generator=generator).tolist() for length in LENGTHS]


def difference(ours, theirs):
    return np.abs(ours - theirs[:, : ours.shape[1]]).max() / np.abs(ours).max()


@pytest.fixture(scope="module", params=list(tiny_gguf.CONFIGS))
def written(request, tmp_path_factory):
    """A model, its tokenizer, and its file in fp32."""
    model, words = tiny_gguf.llm(request.param)
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    return model, words, tiny_gguf.write(path, model, words)


def test_transformers_reads_the_same_logits(written):
    model, words, path = written
    found = read_llm(path, not_read(model.config))
    for ids in prompts(words)[:3]:
        assert difference(tiny_gguf.logits(model, ids), tiny_gguf.logits(found, ids)) <= 1e-5


@needs_llama_cpp
def test_llama_cpp_gives_the_same_logits_and_greedy_tokens(written):
    model, words, path = written
    asked = prompts(words)
    calls = [("logits", [ids], {}) for ids in asked] + [("greedy", [ids, 20], {}) for ids in asked]
    found = run(path, *calls)
    for ids, theirs in zip(asked, found[:PROMPTS], strict=True):
        assert difference(tiny_gguf.logits(model, ids), theirs) <= 1e-4
    assert [tiny_gguf.greedy(model, ids, 20) for ids in asked] == found[PROMPTS:]


@needs_llama_cpp
@pytest.mark.parametrize("number_format", ["f16", "q8_0"])
def test_a_shorter_number_format_rounds(number_format, tmp_path):
    model, words = tiny_gguf.llm("llama")
    path = tiny_gguf.write(tmp_path / "model.gguf", model, words, number_format)
    whole = tiny_gguf.write(tmp_path / "whole.gguf", model, words)
    assert path.stat().st_size < 0.8 * whole.stat().st_size
    ids = prompts(words)[0]
    ours, (theirs,) = tiny_gguf.logits(model, ids), run(path, ("logits", [ids], {}))
    assert 1e-5 < difference(ours, theirs) <= LIMITS[number_format]
    assert difference(ours, tiny_gguf.logits(read_llm(path, not_read(model.config)), ids)) <= LIMITS[number_format]


@needs_llama_cpp
@pytest.mark.parametrize("name", ["llama", "tied llama"])
def test_tokens_behind_the_vocabulary_are_read_and_never_written(name, tmp_path):
    model, words = tiny_gguf.llm(name)
    more = torch.randn(2, model.config.hidden_size)
    path = tiny_gguf.write(tmp_path / "model.gguf", model, words, names=("<image>", "</image>"), more=more)
    first = model.config.vocab_size
    plain = prompts(words)[0]
    ids = [*plain, first, first + 1]
    embeds = torch.cat([model.get_input_embeddings()(torch.tensor(plain)), more])[None]
    with torch.inference_mode():
        expected = model(inputs_embeds=embeds).logits[0].numpy()
    found, marked, spelled, written = run(
        path, ("logits", [ids], {}), ("ids", ["<image>a</image>"], {"special": True, "beginning": False}),
        ("ids", ["<image>"], {"beginning": False}), ("greedy", [ids, 20], {}),
    )  # fmt: skip
    assert difference(expected, found) <= 1e-4
    assert (marked[0], marked[-1]) == (first, first + 1)
    assert first not in spelled
    assert max(written) < first


def test_what_cannot_be_written_is_told():
    assert llm_obstacles(GemmaConfig())[0].startswith("the LLM is a gemma, ")
    assert llm_obstacles(LlamaConfig(attention_bias=True)) == ["the LLM has attention_bias"]
    assert llm_obstacles(LlamaConfig(hidden_act="gelu")) == ["the LLM's activation is gelu, not silu"]
    assert llm_obstacles(Qwen2Config(use_sliding_window=True)) == ["the LLM has use_sliding_window"]
    yarn = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 64}
    assert "rope type is yarn" in llm_obstacles(LlamaConfig(rope_parameters=yarn))[0]
    assert llm_obstacles(LlamaConfig()) == llm_obstacles(Qwen2Config()) == []


def test_a_sliding_window_is_the_longest_context():
    model, _ = tiny_gguf.llm("mistral")
    assert context_length(model.config) == 64


def test_a_tensor_that_a_format_cannot_hold_is_stored_in_a_longer_one():
    assert tensor_type("q8_0", np.ones((2, 64), np.float32)).name == "Q8_0"
    assert tensor_type("q8_0", np.ones((2, 33), np.float32)).name == "F16"
    assert tensor_type("f16", np.full((2, 32), 1e5, np.float32)).name == "F32"
    assert tensor_type("f16", np.ones(32, np.float32)).name == "F32"
