"""An LLM whose embeddings are narrower than its layers, such as OPT-350m: the whole path with every bridge."""

import pytest
import tiny_llms
import torch

from macaw_cli.model.folder import load_model, save_model
from macaw_cli.model.processing import MacawProcessor

OPT = tiny_llms.LLMS["opt-projected"]


def inputs(tiny, model):
    ids = tiny.sequence(model.config, 0, "image", "audio", 5, 6, 7)
    media = {f"{name}_features": tiny.features(name) for name in ("image", "audio")}
    return {"input_ids": torch.tensor([ids]), **media}


@pytest.mark.parametrize("bridge", ["macaw", "linear", "mlp"])
def test_soft_tokens_have_the_width_of_the_embeddings_and_are_trained(tiny, bridge):
    model = tiny.model(bridge, llm=OPT)
    assert model.config.embedding_size == model.get_input_embeddings().embedding_dim == 16 < OPT.hidden_size
    given = inputs(tiny, model)
    labels = given["input_ids"].clone()
    labels[:, :-3] = -100
    whole = model(**given, labels=labels)
    alone = model(**given, labels=labels, return_logits=False)
    assert torch.allclose(whole.loss, alone.loss)
    alone.loss.backward()
    trained = model.trainable_groups()
    new = trained["bridge"] | trained["begin_end_tokens"]
    gradients = [one.grad for one in new.values() if one.grad is not None]
    assert gradients and any(one.abs().sum() > 0 for one in gradients)


def test_it_generates_alike_after_it_was_saved_and_loaded(tiny, tokenizer, tmp_path):
    model = tiny.model("linear", llm=OPT)
    given = inputs(tiny, model)
    answer = model.generate(**given, max_new_tokens=4, do_sample=False)
    save_model(model, MacawProcessor(tokenizer, model.config), tmp_path / "model")
    loaded, _ = load_model(tmp_path / "model")
    assert torch.equal(loaded.generate(**given, max_new_tokens=4, do_sample=False), answer)
