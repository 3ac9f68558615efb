"""`patch-merge`: one matrix on consecutive tokens, as MiniGPT-v2 has it."""

import torch
import torch.nn.functional as F

from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.patch_merge import PatchMergeBridge

NOTHING = BridgeContext(torch.zeros(1, 1))


def test_without_norms_it_is_one_linear_layer_on_four_tokens_side_by_side():
    torch.manual_seed(0)
    ours = PatchMergeBridge(3, 8, stride=4, norm=False)
    assert [tuple(one.shape) for one in ours.parameters()] == [(8, 12), (8,)]
    mine, theirs = (torch.randn(2, 16, 3).requires_grad_() for _ in range(2))
    theirs.data.copy_(mine.data)
    weight, bias = (one.detach().clone().requires_grad_() for one in ours.parameters())
    soft, expected = ours(list(mine), NOTHING), F.linear(theirs.view(2, 4, 12), weight, bias).flatten(0, 1)
    torch.testing.assert_close(soft, expected, rtol=1e-5, atol=1e-6)
    soft.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-6)
    for own, other in zip(ours.parameters(), (weight, bias), strict=True):
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-5, atol=1e-5)


def test_what_is_left_over_stands_before_zeros_and_windows_keep_to_one_frame():
    bridge = PatchMergeBridge(1, 4, stride=4, norm=False)
    bridge.projection.weight.data, bridge.projection.bias.data = torch.eye(4), torch.zeros(4)
    video = torch.arange(1.0, 11.0).view(2, 5, 1)
    assert bridge([video], NOTHING).tolist() == [[1, 2, 3, 4], [5, 0, 0, 0], [6, 7, 8, 9], [10, 0, 0, 0]]
