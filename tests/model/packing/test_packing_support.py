import warnings

import pytest
import torch
from tiny_llms import GROUPED, LLMS, SIZES
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    DeepseekV3Config,
    FalconConfig,
    Gemma3TextConfig,
    GptOssConfig,
    Lfm2Config,
    Llama4TextConfig,
    LlamaConfig,
    MambaConfig,
    Qwen3Config,
    Qwen3NextConfig,
)

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.packing import packing_support
from macaw_cli.model.packing.packed_attention import use_kernel
from macaw_cli.model.packing.packing_support import (
    branches_are_supported,
    packing_support_of,
    packing_support_of_config,
    require_packable,
    require_packing_support,
)

EXPERTS = dict(num_experts_per_tok=1, moe_intermediate_size=16, shared_expert_intermediate_size=16)
LINEAR = dict(
    linear_num_value_heads=2, linear_num_key_heads=2, linear_key_head_dim=8, linear_value_head_dim=8
)  # fmt: skip
LLAMA4 = Llama4TextConfig(
    **GROUPED, head_dim=8, intermediate_size_mlp=48, attention_chunk_size=4, num_local_experts=2,
    layer_types=["chunked_attention", "full_attention"], no_rope_layers=[1, 0],
)  # fmt: skip
MIXING = [
    MambaConfig(vocab_size=60, hidden_size=32, state_size=4, num_hidden_layers=2),
    Lfm2Config(**GROUPED, layer_types=["conv", "full_attention"]),
    Qwen3NextConfig(
        **GROUPED, **LINEAR, **EXPERTS, head_dim=8, num_experts=2, layer_types=["linear_attention", "full_attention"]
    ),
    GptOssConfig(**GROUPED, head_dim=8, num_local_experts=2, num_experts_per_tok=1, sliding_window=128),
    BloomConfig(vocab_size=60, hidden_size=32, n_layer=2, n_head=4),
    FalconConfig(**SIZES, alibi=True),
    LLAMA4,
]
PACKED = torch.tensor([[*range(6), *range(5)]])


@pytest.mark.filterwarnings("ignore")  # of LLMs that miss their own kernels
@pytest.mark.parametrize("config", MIXING, ids=lambda config: config.model_type)
def test_an_llm_that_mixes_examples_is_refused_before_and_while_it_reads_a_packed_sequence(config):
    with pytest.raises(UsageError) as told:
        require_packable(config, longest=6)
    assert "sequence_length=16" in told.value.hint
    llm = AutoModelForCausalLM.from_config(config)
    require_packing_support(llm, torch.tensor([[0, 1, 2, 3, 4, 5]]))
    with pytest.raises(UsageError, match=config.model_type):
        require_packing_support(llm, PACKED)


@pytest.mark.parametrize("name", sorted(LLMS))
def test_llms_that_keep_examples_and_answers_apart_are_known_to_do_so(name):
    assert packing_support_of_config(LLMS[name]) == (True, True, True)


@pytest.mark.parametrize("config", [
    LlamaConfig(), Qwen3Config(), Gemma3TextConfig(), DeepseekV3Config(),
], ids=lambda config: config.model_type)  # fmt: skip
def test_an_llm_of_any_size_is_tried_as_a_small_copy(config):
    assert packing_support_of_config(config) == (True, True, True)


def test_chunks_are_no_hindrance_to_conversations_within_one():
    require_packable(LLAMA4, longest=4)
    require_packing_support(AutoModelForCausalLM.from_config(LLAMA4), torch.tensor([[0, 1, 2, 3, 0, 1]]))


def test_trying_draws_no_random_number_and_warns_of_nothing():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    with warnings.catch_warnings(record=True) as told:
        packing_support_of_config(LlamaConfig(hidden_size=96))
    assert torch.equal(torch.get_rng_state(), state)
    assert not told


def test_trying_leaves_the_generators_of_the_gpus_alone(monkeypatch):
    reseeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", reseeded.append)  # what torch.manual_seed does to GPUs
    torch.manual_seed(3)
    assert reseeded == [3]
    packing_support_of_config(LlamaConfig(hidden_size=256))
    assert reseeded == [3]


@pytest.mark.parametrize("fields", [{"dtype": "bfloat16"}, {"vocab_size": 70}, {"quantization_config": {"bits": 4}}])
def test_an_llm_is_tried_once_whatever_its_number_format_and_vocabulary(fields):
    packing_support._tried.cache_clear()
    for more in ({"dtype": "float32"}, fields):
        packing_support_of_config(LlamaConfig(hidden_size=192, **more))
    assert packing_support._tried.cache_info().misses == 1


def test_answers_share_a_row_only_within_the_window_of_the_llm():
    llm = AutoModelForCausalLM.from_config(LLMS["mistral-sliding"])
    assert branches_are_supported(llm, length=4)
    assert not branches_are_supported(llm, length=5)
    assert not branches_are_supported(AutoModelForCausalLM.from_config(MIXING[0]), length=4)


def test_another_kernel_is_tried_again():
    llm = AutoModelForCausalLM.from_config(LLMS["llama"])
    before = packing_support_of(llm)
    use_kernel(llm, "auto")
    assert packing_support_of(llm) == before == (True, True, True)
    assert llm._macaw_packing_support[0] == llm.config._attn_implementation


def test_an_llm_that_carries_a_state_learns_from_one_example_a_row(tiny):
    model = tiny.model("linear", llm=MIXING[0])
    ids = torch.tensor([[1, 5, 6, 7]])
    inputs = {"input_ids": ids, "labels": ids, "position_ids": torch.arange(4)[None]}
    assert torch.allclose(model(**inputs, return_logits=False).loss, model(**inputs).loss)
