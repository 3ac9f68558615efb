"""Two modules compute the same: output, gradients of the inputs and gradients of every parameter."""

import torch

from macaw_cli.model.bridges.bridge import BridgeContext

CLOSE = 1e-5
NOTHING = BridgeContext(torch.zeros(1, 1))
"""For bridges that look at nothing but the features."""


def filled(module, std=0.3, seed=0):
    """The module with random numbers in every parameter, so that none is 0 or 1 by chance."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)
    return module


def require_same(ours, theirs, inputs, names, *, call_ours=None, call_theirs=None):
    """Give both the same random weights and inputs, and compare outputs and all gradients.

    Args:
        ours: the module under test.
        theirs: the oracle.
        inputs: tensors for both calls.
        names: name of each parameter of `ours` to that of `theirs`; or a function from tensors by our names to tensors
            by theirs, for weights and for gradients alike. It covers all of both.
        call_ours: of the inputs; by default `ours` is a bridge, and the inputs are its media.
        call_theirs: of the inputs, default `theirs`.
    """
    renamed = names if callable(names) else lambda tensors: {names[name]: one for name, one in tensors.items()}
    own, other = dict(filled(ours).named_parameters()), dict(theirs.named_parameters())
    values = renamed({name: one.detach() for name, one in own.items()})
    assert set(values) == set(other)
    with torch.no_grad():
        for name, value in values.items():
            other[name].copy_(value.reshape(other[name].shape))
    made, of_inputs, of_weights = _made(call_ours or (lambda *media: ours(media, NOTHING)), inputs, own)
    expected, wanted_of_inputs, wanted = _made(call_theirs or theirs, inputs, other)
    require_close("output", made, expected)
    for number, (found, want) in enumerate(zip(of_inputs, wanted_of_inputs, strict=True)):
        require_close(f"gradient of input {number}", found, want)
    largest = max(gradient.abs().max().item() for gradient in wanted.values())
    for name, found in renamed(of_weights).items():
        require_close(f"gradient of {name}", found.reshape(wanted[name].shape), wanted[name], 1e-2 * largest)


def require_close(what, found, expected, scale=0.0):
    """No value differs by more than 1e-5 of the largest one; `scale` is the least that counts as the largest.

    Gradients that are 0 in exact arithmetic, such as those of an attention's key biases, need such a scale.
    """
    assert found.shape == expected.shape, what
    difference = (found - expected).abs().max().item()
    assert difference <= CLOSE * max(expected.abs().max().item(), scale), (what, difference)


def _made(call, inputs, parameters):
    """The output, and the gradients of the inputs and of the parameters by name."""
    given = [one.clone().requires_grad_() for one in inputs]
    made = call(*given)
    direction = torch.randn(made.shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad(made, [*given, *parameters.values()], direction)
    return made, found[: len(given)], dict(zip(parameters, found[len(given) :], strict=True))
