"""What stands beside an LLM gives the LLM what the whole model gives it."""

import shutil

import pytest
import tiny_macaw
import torch

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.model.folder import load_model, save_model
from macaw_cli.model.media_embedder import BESIDE_LLM, MediaEmbedder, why_not_elsewhere
from macaw_cli.model.processing import MacawProcessor


@pytest.fixture(scope="module")
def loaded(workspace_folder):
    return load_model(workspace_folder / "runs/tiny")


@pytest.fixture
def folder(loaded, tmp_path):
    """An exported LLM's folder, so far as it is about media."""
    model, processor = loaded
    MediaEmbedder.of(model).save_pretrained(tmp_path / "exported" / BESIDE_LLM)
    processor.save_pretrained(tmp_path / "exported" / BESIDE_LLM)
    return tmp_path / "exported"


def prompt(processor, config):
    features = {f"{name}_features": [torch.randn(config.feature_shapes[name])] for name in config.modalities}
    return processor("What do you see?", **features)


def test_it_embeds_as_the_model_does(loaded, folder, workspace_folder):
    model, processor = loaded
    inputs = prompt(processor, model.config)
    expected = model.fuse_inputs(**inputs).inputs_embeds[0]
    for embedder in (
        MediaEmbedder.of(model), MediaEmbedder.load(folder)[0], MediaEmbedder.load(folder / BESIDE_LLM)[0],
        MediaEmbedder.load(workspace_folder / "runs/tiny")[0],
    ):  # fmt: skip
        assert torch.equal(embedder.prompt_embeds(inputs), expected)


def test_it_holds_nothing_of_the_llm_but_its_embeddings(loaded):
    embedder = MediaEmbedder.of(loaded[0])
    names = [name for name, _ in embedder.named_parameters() if name.startswith("language_model")]
    assert names == ["language_model.model.embed_tokens.weight"]
    assert embedder.embedding_matrix is not None and embedder.get_output_embeddings() is None
    with pytest.raises(TypeError, match="fuse_inputs"):
        embedder(input_ids=torch.tensor([[1]]))


def test_a_tied_llm_is_left_with_its_embeddings_as_well(tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM

    from macaw_cli.config.bridges.designs import design
    from macaw_cli.model.configuration import MacawConfig
    from macaw_cli.model.modeling import MacawForConditionalGeneration

    tokenizer = tiny_macaw.byte_tokenizer()
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    llm = LlamaConfig(vocab_size=len(tokenizer), tie_word_embeddings=True, **sizes)
    LlamaForCausalLM(llm).save_pretrained(tmp_path / "llm")
    config = MacawConfig.for_llm(llm, design("macaw", heads=2), {"image": (4, 8)})
    model = MacawForConditionalGeneration.build(config, str(tmp_path / "llm")).eval()
    save_model(model, MacawProcessor(tokenizer, config), tmp_path / "model")
    embedder, processor = MediaEmbedder.load(tmp_path / "model")
    inputs = prompt(processor, config)
    assert torch.equal(embedder.prompt_embeds(inputs), model.fuse_inputs(**inputs).inputs_embeds[0])


def test_a_model_whose_injection_reaches_into_the_llm_is_refused(loaded, tmp_path, workspace_folder):
    gated = GatedCrossAttentionSettings(name="gated-cross-attention", every=1, heads=2, head_dim=8)
    copy = shutil.copytree(workspace_folder, tmp_path / "copy")
    folder = tiny_macaw.make_model(copy, "reaching", injection=gated)
    model, _ = load_model(folder)
    assert why_not_elsewhere(loaded[0].config) == []
    assert "gated-cross-attention" in why_not_elsewhere(model.config)[0]
    with pytest.raises(UsageError, match="gated-cross-attention"):
        MediaEmbedder.load(folder)


def test_missing_weights_are_told(folder):
    from safetensors.torch import load_file, save_file

    file = folder / BESIDE_LLM / "model.safetensors"
    weights = load_file(file)
    weights.pop("fusion.bridges.image.projection.weight")
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(MismatchError, match=r"1 missing .*fusion\.bridges\.image\.projection\.weight"):
        MediaEmbedder.load(folder)


def test_it_is_not_mistaken_for_a_model(folder):
    with pytest.raises(InputError, match="--backend"):
        load_model(folder / BESIDE_LLM)
