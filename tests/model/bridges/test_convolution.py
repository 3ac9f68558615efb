"""The bridge's convolution against torch's: output and gradients, for the published windows in small."""

import pytest
import torch
from torch import nn

from macaw_cli.model.bridges.convolution import WindowConvolution


@pytest.mark.parametrize(("tokens", "kernel", "stride"), [(49, 12, 9), (60, 9, 8), (20, 4, 7), (5, 5, 1)])
def test_it_is_torchs_convolution_with_channels_last(tokens, kernel, stride):
    torch.manual_seed(0)
    ours, theirs = WindowConvolution(8, 8, kernel, stride), nn.Conv1d(8, 8, kernel, stride)
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.randn(3, tokens, 8, requires_grad=True)
    found, expected = ours(inputs), theirs(inputs.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(found, expected)
    direction = torch.randn_like(expected)
    made = torch.autograd.grad(found, [inputs, *ours.parameters()], direction)
    wanted = torch.autograd.grad(expected, [inputs, *theirs.parameters()], direction)
    torch.testing.assert_close(made, wanted)
