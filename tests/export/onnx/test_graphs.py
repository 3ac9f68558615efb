"""Every design of a bridge becomes an ONNX graph, and onnxruntime finds what torch finds."""

from dataclasses import fields

import pytest
import torch
from transformers import LlamaConfig

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.bridges.table import BUILT_IN, DESIGNS
from macaw_cli.encoders.views import View
from macaw_cli.export.onnx.graphs import FEATURES, LIMIT, SOFT_TOKENS, BridgeGraph, difference, write_graph
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.modeling import MacawForConditionalGeneration

SMALL = {"layers": 1, "heads": 2, "image_tokens": 3, "hidden": 16}
OF_ONE_LENGTH = {"patch"}
"""Designs whose graph takes audio of one length: the usual one."""


def graph_module(name, modality="audio", shape=(20, 8), view=View()):  # noqa: B008 - frozen
    settings = {one.name: SMALL[one.name] for one in fields(DESIGNS[name]) if one.name in SMALL}
    llm = LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    config = MacawConfig.for_llm(llm, design(name, **settings), {modality: shape})
    torch.manual_seed(0)
    model = MacawForConditionalGeneration.build(config, None).eval()
    return BridgeGraph(model.fusion.bridges[modality], model.embedding_matrix, view).eval()


QUICK = ("linear", "macaw", "pooled")
"""Others take seconds each: `nox -s acceptance` runs them."""
EVERY = [
    pytest.param(row.name, marks=[] if row.name in QUICK else pytest.mark.slow)
    for row in sorted(BUILT_IN, key=lambda row: row.name)
]


@pytest.mark.parametrize("name", EVERY)
def test_every_bridge_is_exported_for_audio_of_any_length_where_its_design_allows(name, tmp_path):
    module = graph_module(name)
    cases = [{FEATURES: torch.randn(count, 8)} for count in (20, 31)]
    graph = write_graph(module, tmp_path / "bridge.onnx", SOFT_TOKENS, cases, {FEATURES: {0: "tokens"}})
    assert graph.inputs[FEATURES] == [20 if name in OF_ONE_LENGTH else "tokens", 8]
    assert graph.output_shape[1] == 16


@pytest.mark.slow
@pytest.mark.parametrize("name", ["macaw", "pixel-shuffle", "resampler"])
def test_a_videos_frames_may_be_any_number_where_the_design_allows(name, tmp_path):
    module = graph_module(name, "video", (3, 9, 8))
    cases = [{FEATURES: torch.randn(frames, 9, 8)} for frames in (3, 4, 2)]
    axes = {FEATURES: {0: "frames"}}
    graph = write_graph(module, tmp_path / "bridge.onnx", SOFT_TOKENS, cases, axes)
    assert graph.inputs[FEATURES] == ["frames" if name == "macaw" else 3, 9, 8]


def test_the_view_is_part_of_the_graph(tmp_path):
    view = View(pool=2, layer_norm=True, stack=2)
    module = graph_module("linear", shape=(5, 16), view=view)
    cases = [{FEATURES: torch.randn(count, 8)} for count in (20, 31)]
    graph = write_graph(module, tmp_path / "bridge.onnx", SOFT_TOKENS, cases, {FEATURES: {0: "tokens"}})
    assert graph.inputs[FEATURES][1] == 8


def test_a_module_that_torch_cannot_trace_is_told_in_one_line(tmp_path):
    class Stubborn(torch.nn.Module):
        def forward(self, features):
            if float(features.sum()) > 0:
                return features
            return -features

    with pytest.raises(MismatchError, match=r"stubborn cannot be exported to ONNX") as told:
        write_graph(Stubborn(), tmp_path / "stubborn.onnx", SOFT_TOKENS, [{FEATURES: torch.ones(3, 4)}], {FEATURES: {}})
    assert "\n" not in str(told.value).partition("Use ")[0].strip()


def test_a_difference_is_relative_to_the_largest_value_and_never_hides():
    one = torch.tensor([1.0, 100.0])
    assert difference(one, one) == 0.0
    assert difference(one + torch.tensor([0.0, 1.0]), one) == pytest.approx(0.01)
    assert difference(None, one) == difference(one[:1], one) == difference(one * torch.nan, one) == float("inf")
    assert LIMIT == 1e-4
