"""Views: deterministic operations on features, applied whenever they are read.

The order is fixed: trim, drop_cls, pool, layer_norm, stack. Everything here is a pure function of its arguments, so
training, evaluation, chat and an exported model see the same features.

N: tokens, C: channels. Features are (N, C), of a video (F, N, C); every operation works on each frame alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.view_settings import AudioView, PlainView, ViewSettings
from macaw_cli.encoders.padding import WindowLayout, window_layout
from macaw_cli.modalities.table import MODALITIES, Modality


@dataclass(frozen=True, slots=True)
class View:
    """The operations on features of one modality from one encoder.

    Attributes:
        trim: where the tokens beyond the audio's length stand; None removes none.
        class_tokens: class tokens to remove, one at the beginning of each of so many equal parts (layers).
        pool: consecutive tokens that are averaged.
        layer_norm: whether each token is normalised over its channels.
        stack: consecutive tokens that become one.
    """

    trim: WindowLayout | None = None
    class_tokens: int = 0
    pool: int = 1
    layer_norm: bool = False
    stack: int = 1

    @property
    def needs_seconds(self) -> bool:
        """Whether the length of each medium must be known."""
        return self.trim is not None

    @property
    def of_null(self) -> "View":
        """The view of null features, which are a whole window long."""
        return replace(self, trim=None)

    def shape(self, shape: Sequence[int], seconds: float | None) -> tuple[int, ...]:
        """See `viewed_shape`."""
        return viewed_shape(self, shape, seconds)

    def array(self, features: np.ndarray, seconds: float | None) -> np.ndarray:
        """See `viewed`."""
        writable = np.require(features, requirements="W")  # torch warns of what it may not write
        seen: np.ndarray = viewed(self, torch.from_numpy(writable), seconds).numpy()
        return seen


def viewed_shape(view: View, shape: Sequence[int], seconds: float | None = None) -> tuple[int, ...]:
    """The shape that `viewed` gives.

    Args:
        view: the operations.
        shape: (N, C), of a video (F, N, C).
        seconds: length of the medium; only `trim` reads it.

    Raises:
        InputError: `trim` without `seconds`.
        MismatchError: `trim`, and the tokens do not fill whole windows.
    """
    *frames, tokens, channels = shape
    if view.trim is not None:
        tokens = view.trim.layers * sum(view.trim.heard(tokens, _known(seconds)))
    tokens -= view.class_tokens
    return (*frames, ceil(ceil(tokens / view.pool) / view.stack), channels * view.stack)


def viewed(view: View, features: Tensor, seconds: float | None = None) -> Tensor:
    """Features as a model sees them.

    Args:
        view: the operations.
        features: (N, C), of a video (F, N, C).
        seconds: length of the medium; only `trim` reads it.

    Returns:
        Features of shape `viewed_shape`, computed in fp32, in the number format of `features`.

    Raises:
        InputError: `trim` without `seconds`.
        MismatchError: `trim`, and the tokens do not fill whole windows.
    """
    tokens = features
    if view.trim is not None:
        tokens = trimmed(view.trim, tokens, _known(seconds))
    if view.class_tokens:
        tokens = _grouped(tokens, tokens.shape[-2] // view.class_tokens)[..., 1:, :].flatten(-3, -2)
    if view.pool > 1:
        tokens = _pooled(tokens.float(), view.pool)
    if view.layer_norm:
        tokens = F.layer_norm(tokens.float(), tokens.shape[-1:])
    if view.stack > 1:
        tokens = _stacked(tokens, view.stack)
    return tokens.to(features.dtype)


def trimmed(layout: WindowLayout, features: Tensor, seconds: float) -> Tensor:
    """Features (N, C) of a padded audio file without the tokens beyond its length.

    Raises:
        MismatchError: the tokens do not fill whole windows.
    """
    kept = layout.slices(len(features), seconds)
    return features[kept[0]] if len(kept) == 1 else torch.cat([features[part] for part in kept])


def views_of(settings: ViewSettings, fingerprints: Mapping[Any, Mapping[str, Any]]) -> dict[Modality, View]:
    """The views of stored features, per modality; those that change nothing are left out.

    Args:
        settings: what is asked for.
        fingerprints: modality to the fingerprint of its features.

    Raises:
        UsageError: `drop_cls`, and the features have no class token.
    """
    views = {name: view_of(name, settings, fingerprints[name]) for name in MODALITIES if name in fingerprints}
    return {name: view for name, view in views.items() if view != View()}


def view_of(modality: Modality, settings: ViewSettings, fingerprint: Mapping[str, Any], *, raw: bool = False) -> View:
    """The view of one modality.

    Args:
        modality: of the features.
        settings: what is asked for.
        fingerprint: of the features; its `audio_padding` says whether tokens beyond the audio's length are stored.
        raw: for features that the encoder has just made: the tokens that extraction drops are still there.

    Raises:
        UsageError: `drop_cls`, and the features have no class token.
    """
    chosen = settings.of(modality)
    if isinstance(chosen, PlainView):
        return View(None, 0, chosen.pool, chosen.layer_norm, chosen.stack)
    if isinstance(chosen, AudioView):
        waveform, dropped = chosen, fingerprint.get("audio_padding") == "drop"
        padded = (dropped or waveform.trim) if raw else (waveform.trim and not dropped)
        layout = window_layout(fingerprint) if padded else None
        return View(layout, 0, waveform.pool, waveform.layer_norm, waveform.stack)
    image = chosen
    class_tokens = 0
    if image.drop_cls:
        cls, layer = fingerprint.get("cls"), fingerprint.get("layer", -1)
        if cls != "keep":
            raise UsageError(
                f"`views.{modality}.drop_cls`: expected false, because the features were extracted with cls={cls} and "
                "have "
                "no class token before their patch tokens, found true."
            )
        class_tokens = 1 if isinstance(layer, int) else len(layer)
    return View(None, class_tokens, image.pool, image.layer_norm, image.stack)


def _known(seconds: float | None) -> float:
    if seconds is None:
        raise InputError(
            "`views.audio.trim` needs the length of each audio file, which is unknown here.",
            "Build the dataset again, or set views.audio.trim=false.",
        )
    return seconds


def _pooled(tokens: Tensor, count: int) -> Tensor:
    whole = tokens.shape[-2] // count * count
    means = [_grouped(tokens[..., :whole, :], count).mean(-2)] if whole else []
    if whole < tokens.shape[-2]:
        means.append(tokens[..., whole:, :].mean(-2, keepdim=True))
    return means[0] if len(means) == 1 else torch.cat(means, dim=-2)


def _stacked(tokens: Tensor, count: int) -> Tensor:
    filled = F.pad(tokens, (0, 0, 0, -tokens.shape[-2] % count))
    return _grouped(filled, count).flatten(-2)


def _grouped(tokens: Tensor, count: int) -> Tensor:
    """(..., N, C) as (..., N / count, count, C)."""
    return tokens.reshape(*tokens.shape[:-2], -1, count, tokens.shape[-1])
