"""Gemma 3's class: models with means of SigLIP's tokens on its LLM become its checkpoints, and are read again."""

import json
import shutil

import pytest
import tiny_macaw
import tiny_stock_models
import torch
from exporting import exported, stock_answers_of, written
from transformers import AutoProcessor, Gemma3ForConditionalGeneration, LlavaProcessor

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.families.registry import family
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.export.run import export_model
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.planning.export_targets import format_targets

BRIDGE = {"variant": "gemma3", "norm": False}
BEHIND = {"projection": False, "post_layernorm": True}
HOW = {
    "modalities": ("image",), "image_encoder": "siglip", "image_settings": BEHIND, "llm": "gemma3",
    "bridge": design("avg-pool", **BRIDGE),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A workspace with a SigLIP and LLMs of Gemma 3."""
    folder = tiny_macaw.make_workspace(tmp_path_factory.mktemp("gemma3"))
    tiny_stock_models.siglip(folder / "models/siglip")
    words = tiny_macaw.byte_tokenizer()
    tiny_stock_models.gemma3_llm(folder / "models/gemma3", words)
    tiny_stock_models.gemma3_llm(folder / "models/untied", words, tie_word_embeddings=False)
    tiny_stock_models.gemma3_llm(folder / "models/capped", words, final_logit_softcapping=5.0)
    return folder


FORMS = {
    "alpaca": {},
    "plain": {"template": "plain"},
    "scale of 4": {"bridge": design("avg-pool", scale=4, **BRIDGE)},
    "untied": {"llm": "untied"},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_model_with_means_is_gemma_3_and_again_a_model_of_macaw(root, tmp_path, form):
    exported(root, tmp_path, "gemma3", tiny_macaw.make_model(root, "model", **{**HOW, **FORMS[form]}))


def test_the_folders_processor_lets_the_class_read_from_left_to_right(root, tmp_path):
    written(root, "gemma3", tiny_macaw.make_model(root, "model", **HOW), tmp_path / "folder")
    with quiet_transformers():
        processor = AutoProcessor.from_pretrained(tmp_path / "folder")
        model = Gemma3ForConditionalGeneration.from_pretrained(tmp_path / "folder").eval()
    assert isinstance(processor, LlavaProcessor)
    parts = [{"type": "image", "image": torch.zeros(3, 40, 30, dtype=torch.uint8)}, {"type": "text", "text": "What?"}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": parts}], tokenize=True, return_dict=True, return_tensors="pt"
    )
    assert "token_type_ids" not in inputs
    soft = inputs.input_ids == model.config.image_token_id
    assert soft.sum() == 4 == model.config.mm_tokens_per_image
    with torch.no_grad():
        causal = model(**inputs).logits
        both_ways = model(**inputs, token_type_ids=soft.long()).logits
    assert (causal - both_ways).abs().max() > 1e-3 * causal.abs().max(), "what Gemma's own processor would ask for"


def test_gemmas_own_checkpoints_are_refused_because_image_tokens_see_each_other_there(root, tmp_path):
    written(root, "gemma3", tiny_macaw.make_model(root, "model", **HOW), tmp_path / "folder")
    said = tmp_path / "folder/processor_config.json"
    changed = json.loads(said.read_text()) | {"processor_class": "Gemma3Processor"}
    said.write_text(json.dumps(changed))
    for _ in range(2):
        with pytest.raises(InputError, match="both directions"):
            import_family(family("gemma3"), tmp_path / "folder", tmp_path / "out")
        said.unlink(missing_ok=True)  # transformers takes Gemma's own where none is named


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"llm": "llm"}, "llama"),
        ({"llm": "capped"}, "logits"),
        ({"image_encoder": "clip"}, "SiglipVisionModel"),
        ({"image_settings": {"projection": False}}, "post_layernorm"),
        ({"bridge": design("avg-pool", **BRIDGE | {"norm": True})}, "bridge.norm"),
        ({"bridge": design("avg-pool", **BRIDGE | {"variant": "perception-lm"})}, "bridge.variant"),
        ({"bridge": design("avg-pool", scale=3, **BRIDGE)}, "rows and columns"),
        ({"modalities": ("image", "audio")}, "no audio"),
        ({"bridge": "mlp"}, "design mlp"),
    ],
)
def test_what_gemma_3_cannot_have_is_told_before_any_work_as_the_plan_says(root, how, words):
    model = tiny_macaw.make_model(root, "refused", **{**HOW, **how})
    with pytest.raises(MismatchError, match=words):
        export_model(open_workspace(root, ["export.format=gemma3"]), model)
    told = {one.format: one.obstacles for one in format_targets(MacawProcessor.from_pretrained(model).encoder)}
    assert any(words in one for one in told.get("gemma3", [words]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"mm_tokens_per_image": 9}, "mm_tokens_per_image"), ({"mm_tokens_per_image": 5}, "mm_tokens_per_image")],
)
def test_a_folder_with_other_sizes_is_one_message(root, tmp_path, changes, words):
    source, kind = written(root, "gemma3", tiny_macaw.make_model(root, "model", **HOW), tmp_path / "folder")
    assert stock_answers_of(kind, source, tmp_path / "folder")
    folder = shutil.copytree(tmp_path / "folder", tmp_path / "copy")
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | changes))
    with pytest.raises(InputError, match=words):
        import_family(family("gemma3"), folder, tmp_path / "out")
