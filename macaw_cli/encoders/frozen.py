"""What every frozen encoder is: media in, features out, and a fingerprint that says how they were made."""

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from macaw_cli.basics.errors import ResourceError
from macaw_cli.config.feature_settings import EncoderSettings

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class FrozenEncoder(ABC):
    """A pretrained encoder whose weights never change.

    Attributes:
        model: the `nn.Module`, in evaluation mode, without gradients.
        processor: the image processor or feature extractor of transformers that belongs to it.
        settings: which of its outputs is the feature.
        fingerprint: JSON that says which weights, settings and preprocessing made a feature; holds no path.
    """

    sampling_rate: int | None = None
    """Samples per second that `prepare` expects; None for images."""
    max_seconds: float | None = None
    """The longest sound that is heard; None for images."""

    def __init__(
        self, model: nn.Module, processor: Any, settings: EncoderSettings, device: str | torch.device, precision: str
    ) -> None:
        self.settings, self.processor, self.precision = settings, processor, precision
        self.fingerprint = self._fingerprint(model)  # before the cast: the same weights have the same hash
        self.model = model.eval().requires_grad_(False).to(device=torch_device(device), dtype=PRECISIONS[precision])

    @property
    def device(self) -> torch.device:
        """Where the encoder runs."""
        return next(self.model.parameters()).device

    @abstractmethod
    def prepare(self, media: list[Any]) -> Tensor:
        """A list of media (PIL images or waveforms) as the model's input, exactly as transformers prepares it."""

    @property
    def geometry(self) -> dict[str, Any] | None:
        """Images: how they may be resized and cropped elsewhere before `prepare_fitted`; None when they may not."""
        return None

    def prepare_fitted(self, images: np.ndarray) -> Tensor:
        """Images that were resized and cropped by `geometry`: uint8 (n, H, W, 3), with the result of `prepare`."""
        raise NotImplementedError

    @abstractmethod
    def null_input(self) -> Tensor:
        """The prepared form of nothing: one input of zeros."""

    @abstractmethod
    def features(self, prepared: Tensor) -> Tensor:
        """(n, tokens, channels) features of prepared input in the model's number format, on its device."""

    @torch.inference_mode()
    def encode(self, prepared: Tensor) -> Tensor:
        """Features of what `prepare` returned.

        Args:
            prepared: (n, ...) model input.

        Returns:
            (n, tokens, channels), fp32, on the encoder's device.

        Raises:
            ResourceError: the device has too little memory for the batch.
        """
        try:
            return self.features(prepared.to(self.device, PRECISIONS[self.precision])).float()
        except torch.OutOfMemoryError:
            raise ResourceError(
                f"{self.device} ran out of memory with {len(prepared)} inputs at once.", "Lower features.batch_size."
            ) from None

    @cached_property
    def feature_shape(self) -> tuple[int, int]:
        """(tokens, channels) of one feature."""
        _, tokens, channels = self.encode(self.null_input()).shape
        return tokens, channels

    @abstractmethod
    def preprocessing(self) -> dict[str, Any]:
        """The settings of the processor that change what the model sees."""

    def _fingerprint(self, model: nn.Module) -> dict[str, Any]:
        taken = {name: getattr(self.settings, name) for name in ("layer", "cls", "post_layernorm", "projection", "l2")}
        return {
            "model": "",
            "architecture": type(model).__name__,
            "weights": weights_hash(model),
            **taken,
            "preprocessing": self.preprocessing(),
            "precision": self.precision,
            "dtype": "fp16",
        }


def weights_hash(model: nn.Module) -> str:
    """First 32 hex digits of the SHA-256 over all weights, whatever files they came from.

    A vision tower taken from a whole CLIP folder and the same tower saved alone are equal.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:32]


def torch_device(name: str | torch.device) -> torch.device:
    """`auto`, `cpu` or `cuda` as a torch device.

    Raises:
        ResourceError: a GPU was asked for and torch sees none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if torch.device(name).type == "cuda" and not torch.cuda.is_available():
        raise ResourceError(
            "This torch sees no CUDA device.", "Set that device to cpu or auto; `macaw doctor` says more."
        )
    return torch.device(name)
