import pytest
import torch
from tiny_llms import LLMS
from transformers import AutoModelForCausalLM

from macaw_cli.model.packing.chunked_loss import SupervisedLoss
from macaw_cli.model.packing.language_head import logits_are_the_heads, plain_head

OWN_LOGITS = {"cohere", "gemma2"}
WITH_MACAW = sorted(LLMS)


@pytest.mark.parametrize("name", sorted(LLMS))
def test_llms_that_change_their_logits_are_found_without_drawing_a_number(name):
    llm = AutoModelForCausalLM.from_config(LLMS[name])
    state = torch.random.get_rng_state()
    assert logits_are_the_heads(llm) == (name not in OWN_LOGITS)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("name", sorted(LLMS.keys() - OWN_LOGITS))
def test_the_two_parts_give_the_llms_logits(name):
    llm = AutoModelForCausalLM.from_config(LLMS[name]).eval()
    embeds = llm.get_input_embeddings()(torch.tensor([[1, 5, 6, 7]]))
    parts = plain_head(llm)
    states = parts.backbone(inputs_embeds=embeds).last_hidden_state
    assert torch.equal(parts.head(states), llm(inputs_embeds=embeds).logits)


def trained_both_ways(tiny, model, monkeypatch):
    """Loss and gradients with all logits and without any, and how often the loss without logits was computed."""
    calls = []
    real = SupervisedLoss.forward
    monkeypatch.setattr(SupervisedLoss, "forward", lambda *given: calls.append(1) or real(*given))
    rows = [(1, "image", 5, 6, 7, 8), (1, "image", 9, 4, 3, 2)]
    ids = torch.tensor([tiny.sequence(model.config, *row) for row in rows])
    labels = ids.clone()
    labels[0, :-3], labels[1, :-1] = -100, -100
    found = []
    for return_logits in (True, False):
        model.zero_grad()
        output = model(
            input_ids=ids, labels=labels, image_features=tiny.features("image", 2), return_logits=return_logits
        )
        output.loss.backward()
        gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        found.append((output.loss, gradients))
    return *found, len(calls)


def require_equal(one, other):
    assert torch.allclose(one[0], other[0], rtol=1e-6)
    assert one[1].keys() == other[1].keys()
    for name, gradient in one[1].items():
        assert torch.allclose(gradient, other[1][name], rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("name", WITH_MACAW)
def test_the_loss_without_logits_is_the_same_with_every_llm(tiny, name, monkeypatch):
    whole, alone, calls = trained_both_ways(tiny, tiny.model("linear", llm=LLMS[name]), monkeypatch)
    require_equal(whole, alone)
    assert calls == (name not in OWN_LOGITS)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # PEFT asks for it
@pytest.mark.parametrize("head", ["frozen", "adapted"])
def test_the_loss_without_logits_is_the_same_with_an_adapter(tiny, head, monkeypatch):
    peft = pytest.importorskip("peft")
    model = tiny.model("linear")
    targets = ["q_proj", "v_proj"] + (["lm_head"] if head == "adapted" else [])
    settings = peft.LoraConfig(r=2, target_modules=targets, init_lora_weights=False)
    model.language_model = peft.get_peft_model(model.language_model, settings)
    whole, alone, calls = trained_both_ways(tiny, model, monkeypatch)
    require_equal(whole, alone)
    assert any("lora_A" in name for name in alone[1])
    assert "language_model.base_model.model.lm_head.weight" not in alone[1]
    assert calls == (head == "frozen")


def test_nothing_supervised_gives_zero_and_a_gradient_to_every_parameter_that_has_one_otherwise(tiny):
    model = tiny.model().train()
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5, 6)])
    loss = model(
        input_ids=ids, labels=torch.full_like(ids, -100), image_features=tiny.features("image"), return_logits=False
    ).loss
    loss.backward()
    assert loss.item() == 0
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
