"""InstructBLIP's class: an imported checkpoint becomes one again, with the same prompts and logits."""

import json

import pytest
import tiny_checkpoints
import tiny_macaw
import torch
from exporting import refused, written

from macaw_cli.config.bridges.designs import design
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.families.registry import family
from macaw_cli.export.formats.registry import every_format
from macaw_cli.export.formats.stock.card import stock_snippet
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.model.folder import load_model
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.planning.export_targets import export_targets, format_targets

BRIDGE = {"tokens": 5, "hidden": 16, "layers": 3, "heads": 2, "feature_norm": False, "norm": False}
ASKED = {**BRIDGE, "instruction": True, "instruction_length": 512}
WHOLE = {"post_layernorm": True, "cls": "keep", "projection": False}
HOW = {
    "modalities": ("image",), "image_encoder": "instructblip", "image_settings": WHOLE,
    "bridge": design("q-former", **ASKED),
}  # fmt: skip
QUESTIONS = ["What is it?", "How many noises?\nIt is the SAME, 2!", ""]
LAST_TEXT_PART = ("qformer.encoder.layer.2.intermediate.", "qformer.encoder.layer.2.output.")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A workspace with the towers of both classes."""
    folder = tiny_macaw.make_workspace(tmp_path_factory.mktemp("instructblip"))
    tiny_checkpoints.instructblip(folder / "models/instructblip")
    tiny_checkpoints.blip2(folder / "models/blip2")
    return folder


@pytest.fixture(scope="module")
def both(root):
    """An original with its processor, and what the class and its processor load of the export of its import."""
    from transformers import InstructBlipForConditionalGeneration, InstructBlipProcessor

    original = tiny_checkpoints.instructblip(root / "original")
    import_family(family("instructblip"), root / "original", root / "own")
    written(root, "instructblip", root / "own", root / "folder")
    with quiet_transformers():
        model = InstructBlipForConditionalGeneration.from_pretrained(root / "folder").eval()
        return original, (model, InstructBlipProcessor.from_pretrained(root / "folder"))


@pytest.mark.parametrize("question", QUESTIONS, ids=["short", "lines", "empty"])
@torch.no_grad()
def test_an_imported_checkpoint_is_exported_with_the_originals_prompt_and_logits(question, both):
    image = tiny_checkpoints.image(3, (70, 50))
    asked = [processor(text=question, images=image, return_tensors="pt") for _, processor in both]
    assert asked[0].keys() == asked[1].keys()
    assert all(torch.equal(asked[0][name], asked[1][name]) for name in asked[0])
    expected, found = (model(**inputs).logits for (model, _), inputs in zip(both, asked, strict=True))
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    answers = [model.generate(**inputs, max_new_tokens=6) for (model, _), inputs in zip(both, asked, strict=True)]
    assert torch.equal(*answers)


def test_weights_are_those_of_the_original_where_anything_reads_them(both):
    expected, found = (model.state_dict() for model, _ in both)
    assert expected.keys() == found.keys()
    read = [name for name in expected if not name.startswith(LAST_TEXT_PART)]
    assert len(expected) - len(read) == 6 and all(torch.equal(expected[name], found[name]) for name in read)


def test_the_python_of_its_page_asks_about_an_image(both, root, monkeypatch, capsys):
    kind = every_format()["instructblip"]
    monkeypatch.chdir(root / "folder")
    with quiet_transformers():
        exec(stock_snippet(kind.stock_class, "image", of_tokenizer=kind.template_of_tokenizer), {})
    assert capsys.readouterr().out.strip()


def test_the_q_formers_tokenizer_keeps_its_side_and_its_special_tokens(both):
    original, found = (processor.qformer_tokenizer for _, processor in both)
    long = "many " * 600 + "noises"
    expected = original(long, truncation=True, max_length=512).input_ids
    assert original.truncation_side == "left" and len(expected) == 512
    assert found(long, truncation=True, max_length=512).input_ids == expected
    assert found(long, truncation=True).input_ids == expected
    assert found.special_tokens_map == original.special_tokens_map
    assert found(QUESTIONS, padding=True).input_ids == original(QUESTIONS, padding=True).input_ids


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "tokenizer of its own"),
        ({"image_encoder": "blip2"}, "InstructBlipVisionModel"),
        ({"bridge": design("q-former", **BRIDGE)}, "bridge.instruction must be true"),
        ({"bridge": design("q-former", **ASKED | {"instruction_length": 64})}, "bridge.instruction_length must be 512"),
        ({"bridge": design("q-former", **ASKED | {"norm": True})}, "bridge.norm must be false"),
        ({"modalities": ("image", "audio")}, "no audio"),
    ],
)
def test_what_the_class_cannot_have_is_told_before_any_work_as_the_plan_says(root, how, words):
    model = tiny_macaw.make_model(root, "refused", **{**HOW, **how})
    encoder, told = refused(root, "instructblip", model, words)
    assert any(words in one for one in told["instructblip"])
    loaders = {one.loader: one.obstacles for one in export_targets(encoder.config) if one.modality == "image"}
    assert loaders["InstructBlipForConditionalGeneration"] == told["instructblip"]


def test_a_template_that_writes_more_than_the_question_is_refused_with_the_reason(both, root):
    _, processor = load_model(root / "own")
    encoder, kind = processor.encoder, every_format()["instructblip"]
    assert kind.text_obstacles(encoder) == []
    for template in ("alpaca", "plain"):
        changed = ConversationEncoder(encoder.tokenizer, encoder.config, template)
        [told] = kind.text_obstacles(changed)
        assert "template" in told and "Q-Former" in told
    formats = {one.format: one.obstacles for one in format_targets(encoder)}
    assert formats["instructblip"] == () and any("bridge.instruction" in one for one in formats["blip2"])


def test_the_llm_that_the_class_lets_generate_knows_what_ends_an_answer(root, tmp_path):
    model = tiny_macaw.make_model(
        root, "model", **{**HOW, "image_encoder": "blip2", "bridge": design("q-former", **BRIDGE)}, template="plain"
    )
    source, _ = written(root, "blip2", model, tmp_path / "folder")
    ends = source.model.generation_config.eos_token_id
    assert len(ends) == 2
    assert json.loads((tmp_path / "folder/config.json").read_text())["text_config"]["eos_token_id"] == ends
