"""What only a GPU has: its attention kernels and Liger's loss, against the forms that run everywhere."""

from itertools import accumulate

import pytest
import torch
from torch import nn

from macaw_cli.model.packing import chunked_loss
from macaw_cli.model.packing.attention_kernels import (
    Heads,
    PackedSequence,
    by_example,
    fastest,
    flash,
    flash_is_installed,
    flex,
    varlen,
)
from macaw_cli.model.packing.chunked_loss import SupervisedLoss, liger_loss
from macaw_cli.model.packing.packed_attention import use_attention

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.filterwarnings("ignore"),  # of torch's own code, while it compiles
]
LENGTHS = [5, 130, 1, 64, 300]


@pytest.mark.parametrize("window", [None, 50])
@pytest.mark.parametrize("groups", [2, 8])
@pytest.mark.parametrize("kernel", [varlen, flex, flash, fastest])
def test_each_kernel_attends_as_one_call_per_example_does_in_values_and_gradients(kernel, groups, window):
    if kernel is flash and not flash_is_installed():
        pytest.skip("flash-attn is not installed")
    generator = torch.Generator("cuda").manual_seed(0)
    options = {"device": "cuda", "dtype": torch.bfloat16, "generator": generator, "requires_grad": True}
    heads = Heads(*(torch.randn(1, count, sum(LENGTHS), 64, **options) for count in (8, groups, groups)))
    packed = PackedSequence((0, *accumulate(LENGTHS)), window, None, 0.0)
    direction = torch.randn(1, sum(LENGTHS), 8, 64, device="cuda", dtype=torch.bfloat16, generator=generator)
    results = []
    for one in (by_example, kernel):
        attended = one(nn.Identity(), heads, packed)
        results.append([attended, *torch.autograd.grad(attended, heads, direction)])
    for expected, found in zip(*results, strict=True):
        assert (found - expected).norm() <= 0.02 * expected.norm()


@pytest.mark.parametrize(("depth", "value_depth"), [(100, 100), (192, 128)])
@pytest.mark.parametrize("kernel", [varlen, flash, fastest])
def test_depths_that_a_kernel_cannot_do_are_attended_in_another_way(kernel, depth, value_depth):
    if kernel is flash and not flash_is_installed():
        pytest.skip("flash-attn is not installed")
    generator = torch.Generator("cuda").manual_seed(0)
    options = {"device": "cuda", "dtype": torch.bfloat16, "generator": generator}
    heads = Heads(*(torch.randn(1, 4, sum(LENGTHS), each, **options) for each in (depth, depth, value_depth)))
    packed = PackedSequence((0, *accumulate(LENGTHS)), None, None, 0.0)
    expected, found = (one(nn.Identity(), heads, packed) for one in (by_example, kernel))
    assert found.shape == (1, sum(LENGTHS), 4, value_depth)
    assert (found - expected).norm() <= 0.02 * expected.norm()


def test_flex_attention_drops_what_it_is_told_to():
    heads = Heads(*(torch.randn(1, 4, sum(LENGTHS), 64, device="cuda", dtype=torch.bfloat16) for _ in range(3)))
    borders = (0, *accumulate(LENGTHS))
    whole, dropped = (flex(nn.Identity(), heads, PackedSequence(borders, None, None, share)) for share in (0.0, 0.5))
    assert not torch.allclose(whole, dropped, atol=0.05)


def test_the_compiled_block_mask_shows_the_same_blocks(monkeypatch):
    from macaw_cli.model.packing import attention_kernels

    masks = []
    for threshold in (10**9, 1):
        monkeypatch.setattr(attention_kernels, "COMPILED_FROM", threshold)
        attention_kernels.block_mask.cache_clear()
        masks.append(attention_kernels.block_mask((0, 300, 1024), None, torch.device("cuda")).to_dense())
    assert torch.equal(*masks)


@pytest.mark.parametrize("name", ["auto", "sdpa", "flex"])
def test_a_packed_sequenceed_example_has_the_logits_that_it_has_alone(tiny, name):
    model = tiny.model("linear", llm=tiny.llm_config(hidden_size=64, num_attention_heads=2)).cuda().bfloat16()
    use_attention(model, name)
    examples = [[1, 5, 6, 7], [1, 8, 9, 10, 11], [2, 3]]
    alone = [model(input_ids=torch.tensor([ids], device="cuda")).logits[0] for ids in examples]
    positions = torch.tensor([[at for ids in examples for at in range(len(ids))]], device="cuda")
    ids = torch.tensor([[one for ids in examples for one in ids]], device="cuda")
    packed = model(input_ids=ids, position_ids=positions).logits[0]
    assert torch.allclose(packed, torch.cat(alone), atol=0.03)


@pytest.mark.skipif(liger_loss() is None, reason="liger-kernel is not installed")
def test_ligers_loss_is_ours(monkeypatch):
    torch.manual_seed(0)
    head = nn.Linear(64, 1000, bias=False, device="cuda")
    hidden = torch.randn(700, 64, device="cuda", requires_grad=True)
    targets = torch.randint(1000, (700,), device="cuda")
    results = []
    for liger in (True, False):
        if not liger:
            monkeypatch.setattr(chunked_loss, "liger_loss", lambda: None)
        loss = SupervisedLoss()(hidden, head, targets)
        results.append([loss, *torch.autograd.grad(loss / 700, [hidden, head.weight])])
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-5)
