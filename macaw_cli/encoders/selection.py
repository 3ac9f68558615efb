"""Which of an encoder's outputs becomes the feature: pure, shared by extraction and by the model's raw inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.feature_settings import EncoderSettings

Prepared = Tensor | list[Tensor]
"""Media as an encoder takes them: one tensor (n, ...), or one per medium where their sizes differ."""
Features = Tensor | list[Tensor]
"""(n, tokens, channels), or one (tokens, channels) per medium where their numbers of tokens differ."""


@dataclass(frozen=True)
class Seen:
    """What an image tower made of its images."""

    states: Sequence[Tensor]
    """Hidden states (n, tokens, hidden size), the embeddings first, all before the tower's final layer norm."""
    grid: tuple[int, int]
    """Rows and columns of the patch tokens."""
    prefix: int
    """Tokens in front of the patches: the class token and registers."""
    norm: Any
    """The final layer norm."""
    projection: Any = None
    """Width to channels; None where the architecture has none."""


def image_features(seen: Seen, settings: EncoderSettings) -> Tensor:
    """Features of images, all of one grid.

    In this order: hidden state, class token, post-layernorm, projection, pooling, L2.

    Args:
        seen: the tower's output.
        settings: what to take of it.

    Returns:
        (n, tokens, channels), in the model's own number format; of several layers one after another.

    Raises:
        UsageError: the encoder has no such layer.
    """
    parts = [_image_tokens(seen, state, settings) for state in picked(seen.states, settings, "image_encoder")]
    return finished(parts, settings)


def audio_features(states: Sequence[Tensor], norm: Any, settings: EncoderSettings) -> Tensor:
    """Features of audio files, all of one length.

    Args:
        states: hidden states (n, tokens, hidden size), the embeddings first and the encoder's final output last.
        norm: the final layer norm, which `post_layernorm` applies to an earlier layer; the last one has
            been through it.
        settings: what to take.

    Returns:
        (n, tokens, hidden size), in the model's own number format; of several layers one after another.

    Raises:
        UsageError: the encoder has no such layer.
    """
    parts = []
    for state in picked(states, settings, "audio_encoder"):
        normed = norm(state) if settings.post_layernorm and state is not states[-1] else state
        parts.append(_pooled_over_time(normed, settings.pool))
    return finished(parts, settings)


def picked(states: Sequence[Tensor], settings: EncoderSettings, section: str) -> list[Tensor]:
    """The hidden states that `settings.layer` names.

    Raises:
        UsageError: there is no such layer.
    """
    count = len(states)
    layers = wanted_layers(settings)
    if layers == (-1,):  # whether one state was asked for or all of them
        return [states[-1]]
    for layer in layers:
        if not -count <= layer < count:
            raise UsageError(
                f"`features.{section}.layer`: expected {-count} to {count - 1} (its hidden states), found {layer}."
            )
    return [states[layer] for layer in layers]


def wanted_layers(settings: EncoderSettings) -> tuple[int, ...]:
    """`settings.layer` as a tuple."""
    return (settings.layer,) if isinstance(settings.layer, int) else tuple(settings.layer)


def finished(parts: list[Tensor], settings: EncoderSettings) -> Tensor:
    """The tokens of all layers one after another, each divided by its norm where that is set."""
    tokens = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
    return F.normalize(tokens, dim=-1) if settings.l2 else tokens


def tower_states(model: Any, norm: Any, settings: EncoderSettings, *inputs: Tensor, **options: Any) -> Sequence[Tensor]:
    """Hidden states of a tower whose output has been through `norm`, all as they were before it.

    Where only the last one is wanted it is caught on its way into the norm: keeping all of them takes as many times the
    memory as there are layers.
    """
    if wanted_layers(settings) != (-1,):
        states: Sequence[Tensor] = model(*inputs, **options, output_hidden_states=True).hidden_states
        return states
    caught: list[Tensor] = []
    hook = norm.register_forward_pre_hook(lambda _, arguments: caught.append(arguments[0]))
    try:
        model(*inputs, **options)
    finally:
        hook.remove()
    return caught[:1]  # BLIP-2 calls the norm on the pooled token once more


def pool_frames(features: Features, frames: int | None) -> Tensor:
    """Frames (F, N, C) of one video averaged down to `frames` of them; fewer stay as they are."""
    stacked = features if isinstance(features, Tensor) else torch.stack(features)
    if frames is None or frames >= len(stacked):
        return stacked
    return F.adaptive_avg_pool1d(stacked.flatten(1).T, frames).T.reshape(frames, *stacked.shape[1:])


def refuse(section: str, name: str, expected: str, found: Any) -> NoReturn:
    """Say that an encoder's architecture lacks what a setting asks for."""
    raise UsageError(f"`features.{section}.{name}`: expected {expected}, found {found}.")


def _image_tokens(seen: Seen, state: Tensor, settings: EncoderSettings) -> Tensor:
    if settings.cls == "only":
        return _through_norm_and_projection(seen, state[:, :1], settings)
    patches = _through_norm_and_projection(seen, state[:, seen.prefix :], settings)
    patches = _pooled_over_grid(patches, seen.grid, settings.pool)
    if settings.cls == "drop":
        return patches
    return torch.cat([_through_norm_and_projection(seen, state[:, :1], settings), patches], dim=1)


def _through_norm_and_projection(seen: Seen, tokens: Tensor, settings: EncoderSettings) -> Tensor:
    if settings.post_layernorm:
        tokens = seen.norm(tokens)
    return seen.projection(tokens) if settings.projection and seen.projection is not None else tokens


def _pooled_over_grid(patches: Tensor, grid: tuple[int, int], pool: str) -> Tensor:
    if not pool:
        return patches
    rows, _, columns = ("1x1" if pool == "mean" else pool).partition("x")
    size = (int(rows), int(columns))
    images = patches.transpose(1, 2).reshape(len(patches), -1, *grid)
    return F.adaptive_avg_pool2d(images, size).flatten(2).transpose(1, 2)


def _pooled_over_time(tokens: Tensor, pool: str) -> Tensor:
    if not pool:
        return tokens
    count = 1 if pool == "mean" else min(int(pool), tokens.shape[1])
    return F.adaptive_avg_pool1d(tokens.transpose(1, 2), count).transpose(1, 2)
