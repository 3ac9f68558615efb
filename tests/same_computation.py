"""Two modules compute the same: output, gradients of the inputs and gradients of every parameter."""

import torch

TOLERANCE = 1e-5


def filled(module, std=0.3, seed=0):
    """The module with random numbers in every parameter, so that none is 0 or 1 by chance."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)
    return module


def assert_same(ours, theirs, inputs, same, *, call_ours=None, call_theirs=None):
    """Outputs and all gradients agree to 1e-5 of the largest value.

    Args:
        ours: the module under test; its parameters become those of `theirs`.
        theirs: the oracle.
        inputs: tensors for both calls.
        same: name of each parameter of `ours` to that of `theirs`; it covers all of both.
        call_ours: of the inputs, default `ours`.
        call_theirs: of the inputs, default `theirs`.
    """
    own, other = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert set(own) == set(same) and set(other) == set(same.values())
    with torch.no_grad():
        for name, source in same.items():
            own[name].copy_(other[source].reshape(own[name].shape))
    gradients = []
    for call, parameters in ((call_ours or ours, own), (call_theirs or theirs, other)):
        given = [one.clone().requires_grad_() for one in inputs]
        made = call(*given)
        direction = torch.randn(made.shape, generator=torch.Generator().manual_seed(1))
        found = torch.autograd.grad(made, [*given, *parameters.values()], direction)
        names = [*range(len(given)), *parameters]
        gradients.append((made, dict(zip(names, found, strict=True))))
    (made, own_gradients), (expected, other_gradients) = gradients
    assert relative(made, expected) < TOLERANCE
    largest = max(gradient.abs().max() for gradient in other_gradients.values())
    for name, gradient in own_gradients.items():
        wanted = other_gradients[same.get(name, name)].reshape(gradient.shape)
        if wanted.abs().max() < TOLERANCE * largest:  # 0 in exact arithmetic, as of an attention's key biases
            assert gradient.abs().max() < TOLERANCE * largest, name
        else:
            assert relative(gradient, wanted) < TOLERANCE, name


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()
