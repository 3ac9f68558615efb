"""What bridges say that they compute, against what torch counts, at the sizes of a 7B LLM."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from macaw_cli.config.bridges.table import BUILT_IN
from macaw_cli.config.injections.deepstack import DeepstackSettings
from macaw_cli.model.bridges.all_bridges import Bridges
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.registry import bridge_class, build_bridge, soft_token_count
from macaw_cli.model.tapped_layers import bridge_config

HIDDEN_SIZE = 4096
SHAPES = {"image": (576, 1024), "audio": (1500, 1280), "video": (8, 256, 1024)}
FEW_PRODUCTS = 8
"""D x D matrices that a soft token may pass without being counted, as `Bridge.extra_operations` says."""
FORMS = [
    *((row.name, {}) for row in BUILT_IN if row.name != "macaw"), ("avg-pool", {"variant": "perception-lm"}),
    ("ldp", {"variant": "v1"}), ("pixel-shuffle", {"variant": "merger"}),
]  # fmt: skip


@pytest.mark.parametrize("modality", SHAPES)
@pytest.mark.parametrize(("name", "options"), FORMS)
def test_operations_beyond_a_few_products_per_soft_token_are_counted(tiny, name, options, modality):
    shape = SHAPES[modality]
    llm = tiny.llm_config(hidden_size=HIDDEN_SIZE, num_attention_heads=32, vocab_size=32000)
    config = tiny.config(name, llm=llm, shapes={modality: shape}, **options)
    with torch.device("meta"):
        bridge = build_bridge(config, modality)
        Bridges({modality: bridge}, HIDDEN_SIZE)
        matrix, medium = torch.empty(32000, HIDDEN_SIZE), torch.empty(shape)
    with FlopCounterMode(display=False) as counter:
        bridge([medium, medium], BridgeContext(matrix))
    soft_tokens = 2 * soft_token_count(config, modality, shape)
    told, counted = bridge.extra_operations(config, modality, soft_tokens), counter.get_total_flops()
    few = FEW_PRODUCTS * 2 * soft_tokens * HIDDEN_SIZE**2
    assert 0.9 * (counted - few) <= told <= 1.1 * counted


@pytest.mark.parametrize("name", ["resampler", "avg-pool"])
def test_of_features_of_several_layers_only_what_the_bridge_reads_counts(tiny, name):
    options = {"variant": "perception-lm"} if name == "avg-pool" else {}
    injected = tiny.config(name, shapes={"image": (32, 16)}, injection=DeepstackSettings(layers=2), **options)
    plain = tiny.config(name, shapes={"image": (16, 16)}, **options)
    own, kind = bridge_config(injected), bridge_class(name)
    for told in (kind.extra_operations, lambda *given: kind.extra_memory(*given, 2)):
        assert told(own, "image", 12) == told(plain, "image", 12) > 0
