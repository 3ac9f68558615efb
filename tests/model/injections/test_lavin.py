"""`lavin`: equal to the published adapter, and to a routing token that stands before the example."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tiny_llms import LLMS

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.injections.lavin import LavinSettings
from macaw_cli.model.injections.lavin import RoutedAdapter

GOLDEN = Path(os.environ.get("MACAW_GOLDEN", Path(__file__).parents[4] / "shared" / "golden"))
VECTORS = GOLDEN / "lavin_adapter.safetensors"
SETTINGS = LavinSettings(dropout=0.0)


@pytest.fixture
def model(tiny):
    made = tiny.model("linear", injection=SETTINGS)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in made.injection.parameters():
            parameter.normal_(std=0.5)
    return made


def with_routing_token(model, embeds, kind):
    """Logits as the original computes them: behind a routing token, to which no other token attends."""
    llm, injection = model.language_model, model.injection
    embeds = torch.cat([injection.modality.weight[kind][None, None], embeds], dim=1)
    mask = torch.ones(embeds.shape[1], embeds.shape[1], dtype=torch.bool).tril()
    mask[1:, 0] = False

    def change(adapter):
        def hook(_, inputs, named):
            hidden = named["hidden_states"]
            mixture = ((hidden[:, 0] @ adapter.expert_weights.weight.T + adapter.expert_weights.bias) / 10).softmax(-1)
            return inputs, {**named, "hidden_states": adapter(hidden, mixture[:, None])}

        return hook

    hooks = [
        layer.self_attn.register_forward_pre_hook(change(adapter), with_kwargs=True)
        for layer, adapter in zip(llm.model.layers, injection.layers, strict=True)
    ]
    logits = llm(inputs_embeds=embeds, attention_mask=mask[None, None]).logits[:, 1:]
    for hook in hooks:
        hook.remove()
    return logits


@pytest.mark.skipif(not VECTORS.is_file(), reason="golden vectors are not at hand (set MACAW_GOLDEN)")
def test_an_adapter_computes_what_the_published_one_does():
    vectors = load_file(VECTORS)
    with safe_open(VECTORS, "pt") as file:
        sizes = json.loads(file.metadata()["config"])
    settings = LavinSettings(
        hidden=sizes["hidden_dim"], groups=sizes["groups"], scale=sizes["scale"], temperature=sizes["t"], dropout=0.0
    )
    hidden = vectors["in.hidden"]
    adapter = RoutedAdapter(hidden.shape[-1], settings)
    named = vectors.items()
    adapter.load_state_dict({name.removeprefix("param."): value for name, value in named if name.startswith("param.")})
    with torch.no_grad():
        found = adapter(hidden, adapter.route(hidden[:, 0])[:, None])
    assert (found - vectors["out.hidden"]).abs().max() / vectors["out.hidden"].abs().max() < 1e-5


@pytest.mark.parametrize("kind", [0, 1])
def test_logits_and_gradients_are_those_behind_a_routing_token(tiny, model, kind):
    soft = [model.config.soft_token_ids["image"]] * tiny.shapes["image"][0]
    ids = torch.tensor([[*soft * kind, 5, 6, 7]])
    fused = model.fuse_inputs(ids, image_features=tiny.features("image", kind))
    embeds = fused.inputs_embeds.detach()
    own = dict(model.injection.named_parameters())
    found = model(inputs_embeds=embeds, bound_media=fused.media).logits
    got = torch.autograd.grad(found.square().sum(), list(own.values()))
    expected = with_routing_token(model, embeds, kind)
    wanted = torch.autograd.grad(expected.square().sum(), list(own.values()))
    assert not torch.allclose(with_routing_token(model, embeds, 1 - kind), expected, atol=1e-3)
    for name, one, other in zip(["logits", *own], [found, *got], [expected, *wanted], strict=True):
        assert (one - other).abs().max() <= 1e-5 * other.abs().max(), name


def test_what_routing_tokens_are_is_computed_once_for_all_steps_of_a_generation(tiny, model):
    lengths = []
    model.language_model.model.layers[0].register_forward_pre_hook(
        lambda _, inputs: lengths.append(tuple(inputs[0].shape[:2]))
    )
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5)])
    model.generate(ids, image_features=tiny.features("image"), max_new_tokens=3, eos_token_id=None)
    assert lengths == [(2, 1), tuple(ids.shape), (1, 1), (1, 1)]


def test_an_llm_without_a_norm_before_its_attention_is_refused(tiny):
    with pytest.raises(MismatchError, match="norm"):
        tiny.model("linear", llm=LLMS["opt-behind"], injection=SETTINGS)


def test_groups_that_do_not_divide_the_sizes_are_refused(tiny):
    with pytest.raises(UsageError, match=r"injection\.groups"):
        tiny.model("linear", injection=LavinSettings(groups=3))
