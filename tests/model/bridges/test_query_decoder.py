import pytest
import torch
from same_computation import require_same
from torch import nn

from macaw_cli.config.bridges.query_decoder import QueryDecoderBridgeSettings
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.query_decoder import QueryDecoderBridge
from macaw_cli.model.bridges.registry import build_bridge

LAYER = {
    "self_norm": "norm1", "read_norm": "norm2", "last_norm": "norm3", "feed_forward.rise": "linear1",
    "feed_forward.fall": "linear2", "self_attention.out": "self_attn.out_proj",
    "read_attention.out": "multihead_attn.out_proj",
}  # fmt: skip
ATTENTION = {"self_attention": "self_attn", "read_attention": "multihead_attn"}


class Original(nn.Module):
    """MedVInT's query transformer from torch's own modules."""

    def __init__(self):
        super().__init__()
        self.projection = nn.Linear(10, 16)
        self.queries = nn.Parameter(torch.zeros(5, 16))
        layer = nn.TransformerDecoderLayer(16, 4, 24, 0.1, "relu", batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(16))
        self.last_projection = nn.Linear(16, 12)

    def forward(self, *media):
        read = [self.decoder(self.queries[None], self.projection(medium)[None])[0] for medium in media]
        return self.last_projection(torch.cat(read))


def as_torch(tensors):
    renamed = {}
    for name, value in tensors.items():
        if name.startswith("layers."):
            _, layer, rest = name.split(".", 2)
            own, _, kind = rest.rpartition(".")
            if own in LAYER:
                renamed[f"decoder.layers.{layer}.{LAYER[own]}.{kind}"] = value
        elif name.startswith("last_norm."):
            renamed[name.replace("last_norm", "decoder.norm")] = value
        else:
            renamed[name] = value
    for layer in range(2):
        for own, other in ATTENTION.items():
            for kind in ("weight", "bias"):
                parts = [tensors[f"layers.{layer}.{own}.{part}.{kind}"] for part in ("query", "key", "value")]
                renamed[f"decoder.layers.{layer}.{other}.in_proj_{kind}"] = torch.cat(parts)
    return renamed


def test_it_is_a_transformer_decoder_of_torch():
    settings = QueryDecoderBridgeSettings(tokens=5, hidden=16, inner=24, layers=2, norm=False)
    bridge = QueryDecoderBridge(10, 12, settings)
    media = [torch.randn(7, 10), torch.randn(3, 10)]
    require_same(bridge, Original().eval(), media, as_torch)


@pytest.mark.parametrize(("llm", "width"), [(32, 32), (1024, 768)])
def test_the_width_is_the_published_one_or_that_of_a_smaller_llm(tiny, llm, width):
    bridge = build_bridge(tiny.config("query-decoder", layers=1, llm=tiny.llm_config(hidden_size=llm)), "image")
    assert bridge.queries.shape == (32, width)
    assert bridge.layers[0].feed_forward.rise.weight.shape == (width, width)


def test_dropout_is_for_training(tiny):
    bridge = tiny.model("query-decoder", layers=1, dropout=0.5).fusion.bridges["image"]
    media, context = tiny.features("image"), BridgeContext(torch.zeros(1, 32))
    assert torch.equal(bridge(media, context), bridge(media, context))
    bridge.train()
    assert not torch.equal(bridge(media, context), bridge(media, context))
