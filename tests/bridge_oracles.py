"""Whether a bridge computes what the original does: the output, and the gradients of the input and of every weight."""

import torch
from torch import nn

from macaw_cli.model.bridges.bridge import BridgeContext

CLOSE = 1e-5


def require_same(bridge, media, original, run, renamed=dict, context=None, std=0.3):
    """Give both the same random weights and inputs, and compare.

    Args:
        bridge: of macaw.
        media: features.
        original: a module of another library.
        run: from the original and the features to soft tokens (K, D).
        renamed: from tensors by the bridge's names to tensors by the original's: for weights and for gradients alike.
        context: of the bridge.
        std: of the random weights.
    """
    generator = torch.Generator().manual_seed(0)
    for parameter in bridge.parameters():
        nn.init.normal_(parameter, std=std, generator=generator)
    values = {name: value.detach() for name, value in bridge.named_parameters()}
    missing, unexpected = original.load_state_dict(renamed(values), strict=False)
    assert not unexpected
    assert set(missing) <= {name for name, _ in original.named_buffers()}, missing
    bridge.eval(), original.eval()
    own, others = ([medium.clone().requires_grad_() for medium in media] for _ in range(2))
    found = bridge(own, context or BridgeContext(torch.zeros(1, 1)))
    expected = run(original, others)
    require_close("output", found, expected)
    direction = torch.randn(found.shape, generator=generator)
    (found * direction).sum().backward()
    (expected * direction).sum().backward()
    for number, (one, other) in enumerate(zip(own, others, strict=True)):
        require_close(f"gradient of medium {number}", one.grad, other.grad)
    gradients = renamed({name: parameter.grad for name, parameter in bridge.named_parameters()})
    largest = max(gradient.abs().max().item() for gradient in gradients.values())
    for name, parameter in original.named_parameters():
        require_close(name, gradients[name], parameter.grad, 1e-2 * largest)


def require_close(what, found, expected, scale=0.0):
    """No value differs by more than 1e-5 of the largest one; `scale` is the least that counts as the largest.

    Gradients that are 0 in exact arithmetic, such as those of an attention's key biases, need such a scale.
    """
    assert found.shape == expected.shape, what
    difference = (found - expected).abs().max().item()
    assert difference <= CLOSE * max(expected.abs().max().item(), scale), (what, difference)
