import shutil

import pytest
import torch

from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.config.injections.llama_adapter_v2 import LlamaAdapterV2Settings
from macaw_cli.model.compilation import compile_layers, decoder_layers
from macaw_cli.model.packing.packed_attention import use_attention

HOOKS_INSIDE_LAYERS = LlamaAdapterV2Settings(tokens=3, width=16, blocks=1, heads=2)


def packed_rows(tiny, config):
    """Two packs of other lengths, so that the second runs what was compiled for the first."""
    for count in (2, 3):
        example = tiny.sequence(config, 1, "image", 5, 6, 7)
        ids = torch.tensor([example * count])
        labels = ids.clone()
        labels[:, 0 :: len(example)] = -100
        labels[ids >= config.vocabulary_size] = -100
        positions = torch.arange(len(example)).repeat(count)[None]
        yield {
            "input_ids": ids, "labels": labels, "position_ids": positions, "return_logits": False,
            "image_features": tiny.features("image", count),
        }  # fmt: skip


def losses(tiny, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = []
    for row in packed_rows(tiny, model.config):
        loss = model(**row).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss.item())
    return found


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # of torch's own code, while it compiles
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("injection", [None, HOOKS_INSIDE_LAYERS], ids=["no injection", "hooks inside layers"])
def test_compiled_layers_train_as_others_do_and_are_saved_under_the_same_names(tiny, checkpointing, injection):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    expected = losses(tiny, tiny.model("linear", injection=injection).train())
    model = tiny.model("linear", injection=injection).train()
    names = list(model.state_dict())
    use_attention(model, "auto")
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    compile_layers(model)
    assert losses(tiny, model) == pytest.approx(expected, abs=1e-5)
    assert list(model.state_dict()) == names
    assert torch._dynamo.utils.counters["aot_autograd"]["ok"] > 0


def test_every_layer_of_the_llm_is_found_and_nothing_else(tiny):
    assert [type(layer).__name__ for layer in decoder_layers(tiny.model().language_model)] == ["LlamaDecoderLayer"] * 2


def test_without_a_compiler_it_says_what_to_install(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(MissingDependencyError, match=r"training.compile"):
        compile_layers(tiny.model())
