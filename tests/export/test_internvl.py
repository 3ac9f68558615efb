"""InternVL's class: models with a pixel shuffle on its tower become its checkpoints, and its checkpoints models."""

import json

import pytest
import tiny_checkpoints
import tiny_macaw
import tiny_stock_models
import torch
from exporting import exported, written

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.loading import load_image_encoder
from macaw_cli.export.families.registry import family
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.export.run import export_model
from macaw_cli.model.folder import load_model
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.planning.export_targets import format_targets

BRIDGE = {"variant": "mlp", "norm": False}
WHOLE = {"projection": False}
HOW = {
    "modalities": ("image",), "image_encoder": "internvl", "image_settings": WHOLE,
    "bridge": design("pixel-shuffle", **BRIDGE),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A workspace with the encoder of an InternVL."""
    folder = tiny_macaw.make_workspace(tmp_path_factory.mktemp("internvl"))
    tiny_stock_models.internvl(folder / "models/internvl")
    tiny_stock_models.internvl(folder / "models/normed", mean_pooling=False)
    return folder


FORMS = {
    "alpaca": {},
    "plain": {"template": "plain"},
    "earlier layer": {"image_settings": {**WHOLE, "layer": -2}},
    "scale of 4": {"bridge": design("pixel-shuffle", scale=4, **BRIDGE)},
    "norm behind the tower": {"image_encoder": "normed", "image_settings": {**WHOLE, "post_layernorm": True}},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_model_with_a_pixel_shuffle_is_internvl_and_again_a_model_of_macaw(root, tmp_path, form):
    exported(root, tmp_path, "internvl", tiny_macaw.make_model(root, "model", **{**HOW, **FORMS[form]}))


ORIGINALS = {
    "last layer": {},
    "earlier layer": {"layer": -2},
    "norm behind the tower": {"mean_pooling": False},
    "earlier layer before the norm": {"mean_pooling": False, "layer": -2},
    "scale of 4": {"scale": 4},
    "tied embeddings": {"tie_word_embeddings": True},
}


@pytest.mark.parametrize("form", ORIGINALS)
def test_an_imported_checkpoint_gives_the_originals_logits_and_is_exported_to_its_own_class(root, tmp_path, form):
    original, words, pixels = tiny_stock_models.internvl(tmp_path / "original", **ORIGINALS[form])
    report = import_family(family("internvl"), tmp_path / "original", tmp_path / "own")
    assert report.ignored == () and "tiles" in report.note
    model, ours = load_model(tmp_path / "own")
    image = tiny_checkpoints.image(3, (70, 50))
    prompt = ours("What is it?", images=[image])
    placeholder = model.config.soft_token_ids["image"]
    ids = torch.where(prompt.input_ids == placeholder, original.config.image_token_id, prompt.input_ids)
    values = pixels([image], crop_to_patches=True, max_patches=1, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = original(input_ids=ids, pixel_values=values).logits
        found = model(input_ids=prompt.input_ids, pixel_values=prompt.pixel_values).logits
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    whole = ["<img>", *["<IMG_CONTEXT>"] * original.config.image_seq_length, "</img>"]
    written_ids, tokens = ids[0].tolist(), words.convert_tokens_to_ids(whole)
    assert any(written_ids[at : at + len(tokens)] == tokens for at in range(len(written_ids)))
    exported(root, tmp_path, "internvl", tmp_path / "own")


def test_the_tower_extracts_features_from_the_whole_checkpoint(root, tmp_path):
    import_family(family("internvl"), root / "models/internvl", tmp_path / "own")
    model, _ = load_model(tmp_path / "own")
    encoder = load_image_encoder(EncoderSettings(**WHOLE), str(root / "models/internvl"), "cpu")
    assert {**encoder.fingerprint, "model": ""} == {**model.config.fingerprints["image"], "model": ""}
    assert encoder.feature_shape == (16, 24)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"image_encoder": "clip"}, "InternVLVisionModel"),
        ({"image_settings": {**WHOLE, "cls": "only"}, "bridge": design("pixel-shuffle", scale=1, **BRIDGE)}, "cls"),
        ({"bridge": design("pixel-shuffle", **BRIDGE | {"norm": True})}, "bridge.norm"),
        ({"bridge": design("pixel-shuffle", **BRIDGE | {"variant": "linear"})}, "bridge.variant"),
        ({"bridge": design("pixel-shuffle", scale=3, **BRIDGE)}, "power of two"),
        ({"bridge": design("pixel-shuffle", scale=8, **BRIDGE)}, "rows and columns"),
        ({"modalities": ("image", "audio")}, "no audio"),
        ({"bridge": "mlp"}, "design mlp"),
    ],
)
def test_what_internvl_cannot_have_is_told_before_any_work_as_the_plan_says(root, how, words):
    model = tiny_macaw.make_model(root, "refused", **{**HOW, **how})
    with pytest.raises(MismatchError, match=words):
        export_model(open_workspace(root, ["export.format=internvl"]), model)
    told = {one.format: one.obstacles for one in format_targets(MacawProcessor.from_pretrained(model).encoder)}
    assert any(words in one for one in told.get("internvl", [words]))


def test_the_plan_names_internvl_where_it_takes_the_model(root):
    model = tiny_macaw.make_model(root, "model", **HOW)
    told = {one.format: one.obstacles for one in format_targets(MacawProcessor.from_pretrained(model).encoder)}
    assert told["internvl"] == () and told["idefics3"] != ()


def test_the_last_layer_before_the_towers_norm_is_refused_when_the_tower_is_known(root, tmp_path):
    model = tiny_macaw.make_model(root, "model", **{**HOW, "image_encoder": "normed"})
    with pytest.raises(MismatchError, match="behind its norm"):
        written(root, "internvl", model, tmp_path / "folder")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vision_feature_layer": [-1, -2]}, "vision_feature_layer"),
        ({"vision_feature_select_strategy": "full"}, "vision_feature_select_strategy"),
        ({"projector_hidden_act": "relu"}, "projector_hidden_act"),
        ({"downsample_ratio": 1 / 3}, "downsample_ratio"),
    ],
)
def test_an_internvl_that_cannot_be_imported_is_one_message(root, tmp_path, changes, words):
    original = root / "models/internvl"
    (tmp_path / "copy").mkdir()
    for file in original.iterdir():
        (tmp_path / "copy" / file.name).symlink_to(file)
    (tmp_path / "copy/config.json").unlink()
    content = json.loads((original / "config.json").read_text())
    (tmp_path / "copy/config.json").write_text(json.dumps(content | changes))
    with pytest.raises(InputError, match=words):
        import_family(family("internvl"), tmp_path / "copy", tmp_path / "out")
