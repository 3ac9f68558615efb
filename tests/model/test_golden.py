"""The published code's own numbers, from stored features to logits and loss (skipped where they are not at hand)."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from macaw_cli.export.importing.published.run import load_published

DEFAULT = Path(__file__).parents[3] / "shared" / "golden" / "macaw.safetensors"
GOLDEN = Path(os.environ.get("MACAW_GOLDEN", DEFAULT))
if GOLDEN.is_dir():
    GOLDEN = GOLDEN / "macaw.safetensors"

pytestmark = pytest.mark.skipif(not GOLDEN.is_file(), reason="golden vectors are not at hand (set MACAW_GOLDEN)")


@pytest.fixture(scope="module")
def model():
    return load_published(GOLDEN)[0]


@pytest.fixture(scope="module")
def vectors():
    return load_file(GOLDEN)


def given(vectors):
    names = ("input_ids", "attention_mask", "labels", "image_features", "audio_features", "video_features")
    return {name: vectors[f"in.{name}"] for name in names}


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


def test_the_fused_inputs_are_the_published_ones(model, vectors):
    with torch.no_grad():
        fused = model.fuse_inputs(**given(vectors))
    assert relative(fused.inputs_embeds, vectors["out.inputs_embeds"]) < 1e-5
    assert torch.equal(fused.attention_mask, vectors["out.attention_mask"])
    assert torch.equal(fused.labels, vectors["out.labels"])


@pytest.mark.parametrize("return_logits", [True, False])
def test_logits_and_loss_are_the_published_ones(model, vectors, return_logits):
    with torch.no_grad():
        output = model(**given(vectors), return_logits=return_logits)
    assert relative(output.loss, vectors["out.loss"]) < 1e-5
    if return_logits:
        assert relative(output.logits, vectors["out.logits"]) < 1e-5


def test_the_same_through_a_saved_model_folder(model, vectors, tmp_path):
    from macaw_cli.model.folder import save_model
    from macaw_cli.model.modeling import MacawForConditionalGeneration

    save_model(model, None, tmp_path / "model")
    reloaded = MacawForConditionalGeneration.from_pretrained(tmp_path / "model").eval()
    with torch.no_grad():
        assert relative(reloaded(**given(vectors)).logits, vectors["out.logits"]) < 1e-5
