"""`gated-cross-attention`: equal to the published block, and what an injection refuses."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.model.injections.bound_media import bound_media
from macaw_cli.model.injections.gated_cross_attention import GatedCrossAttentionBlock
from macaw_cli.model.injections.sight import Sight
from macaw_cli.model.packing.row_layout import Run

SETTINGS = GatedCrossAttentionSettings(every=1, heads=2, head_dim=8)
GOLDEN = Path(os.environ.get("MACAW_GOLDEN", Path(__file__).parents[4] / "shared" / "golden"))
VECTORS = GOLDEN / "flamingo_gated_cross_attention.safetensors"
PUBLISHED = {
    "attn.norm": "norm", "attn.to_q": "to_q", "attn.to_kv": "to_kv", "attn.to_out": "to_out",
    "ff.0": "feed_forward.0", "ff.1": "feed_forward.1", "ff.3": "feed_forward.3",
    "attn_gate": "gates.attention", "ff_gate": "gates.feed_forward",
}  # fmt: skip


def test_a_medium_takes_one_position(tiny):
    config = tiny.config("linear", injection=SETTINGS)
    assert len(tiny.sequence(config, 1, 5, "image", 6, 7)) == 7


@pytest.mark.skipif(not VECTORS.is_file(), reason="golden vectors are not at hand (set MACAW_GOLDEN)")
def test_a_block_computes_what_openflamingos_does():
    vectors = load_file(VECTORS)
    with safe_open(VECTORS, "pt") as file:
        sizes = json.loads(file.metadata()["config"])
    block = GatedCrossAttentionBlock(
        sizes["dim"], sizes["dim_visual"], heads=sizes["heads"], head_dim=sizes["dim_head"], expansion=4
    )
    weights = {name.removeprefix("param."): value for name, value in vectors.items() if name.startswith("param.")}
    renamed = {}
    for name, value in weights.items():
        theirs = max((known for known in PUBLISHED if name.startswith(known)), key=len)
        renamed[PUBLISHED[theirs] + name.removeprefix(theirs)] = value
    block.load_state_dict(renamed)
    rows, count, tokens, width = vectors["in.media"].shape
    length = vectors["in.text"].shape[1]
    places = vectors["in.media_locations"].flatten().nonzero().flatten().tolist()
    media = bound_media(
        {"image": vectors["in.media"].view(-1, width)}, {"image": [tokens] * (rows * count)},
        {"image": [Run(place, 1) for place in places]}, None, (rows, length),
    )  # fmt: skip
    sight = Sight(media.latest(rows, length, 0)[:, :, None] == media.medium)
    with torch.no_grad():
        found = block(vectors["in.text"], media.tokens, sight)
    assert (found - vectors["out.text"]).abs().max() / vectors["out.text"].abs().max() < 1e-5


def test_a_model_that_reads_null_features_has_no_injection(tiny):
    with pytest.raises(MismatchError, match="injection"):
        tiny.config("linear", injection=SETTINGS, null_features=True)


def test_an_llm_whose_layers_cannot_be_told_is_refused(tiny):
    model = tiny.model("linear", injection=SETTINGS)
    with pytest.raises(MismatchError, match="2"):
        model.injection.attach(torch.nn.Linear(2, 2))


def test_any_bridge_may_make_the_soft_tokens(tiny):
    for bridge in ("macaw", "mlp", "frame-stack"):
        model = tiny.model(design(bridge, **({"heads": 4} if bridge == "macaw" else {})), injection=SETTINGS)
        ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5)])
        with torch.no_grad():
            assert model(input_ids=ids, image_features=tiny.features("image")).logits.isfinite().all()


def test_media_behind_a_cache_whose_prompts_are_continued_several_times_are_refused(tiny):
    model = tiny.model("linear", injection=SETTINGS)
    row, images = tiny.sequence(model.config, 1, "image", 5), tiny.features("image", 2)
    options = {"num_return_sequences": 2, "do_sample": True, "max_new_tokens": 2, "return_dict_in_generate": True}
    cache = model.generate(torch.tensor([row]), image_features=images[:1], **options).past_key_values
    with pytest.raises(MismatchError, match="2 rows"):
        model(input_ids=torch.tensor([row, row]), image_features=images, past_key_values=cache)
