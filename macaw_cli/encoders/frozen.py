"""What every frozen encoder is: media in, features out, and a fingerprint that says how they were made."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import ResourceError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.selection import Features, Prepared

PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_ALWAYS_IN_FINGERPRINTS = ("layer", "cls", "post_layernorm", "projection", "l2")
WHEN_NOT_DEFAULT = ("pool", "image_size")
"""Settings that older stores do not know: in a fingerprint only where they are not the default."""


class FrozenEncoder(ABC):
    """A pretrained encoder whose weights never change.

    An architecture is a subclass. Its class methods and static methods need no weights or bring their own: a Macaw
    model that holds the encoder inside uses the same ones for raw media.

    Attributes:
        model: the `nn.Module`, in evaluation mode, without gradients.
        processor: the image processor or feature extractor of transformers that belongs to it.
        settings: which of its outputs is the feature.
        fingerprint: JSON that says which weights, settings and preprocessing made a feature; holds no path.
    """

    section: ClassVar[str]
    """The settings section: `image_encoder` or `audio_encoder`."""
    model_types: ClassVar[tuple[str, ...]] = ()
    """In an encoder of another package: the `model_type` of each config.json that it serves."""
    sampling_rate: int | None = None
    """Samples per second that `prepare` expects; None for images."""
    max_seconds: float | None = None
    """The longest audio that is heard in one window; None for images."""

    def __init__(
        self, model: nn.Module, processor: Any, settings: EncoderSettings, device: str | torch.device, precision: str
    ) -> None:
        self.settings, self.processor, self.precision = settings, processor, precision
        self.check(model.config, settings)
        self.fingerprint = self._fingerprint(model)  # before the cast: the same weights have the same hash
        self.model = model.eval().requires_grad_(False).to(device=torch_device(device), dtype=PRECISIONS[precision])

    @classmethod
    def load(cls, config: Any, source: str, settings: EncoderSettings, device: Any, precision: str) -> Self:
        """Load the encoder from its own folder or from that of the whole model.

        Args:
            config: what `config.json` says; of the whole model or of the encoder alone.
            source: folder or hub id.
            settings: which output is the feature.
            device: where it runs.
            precision: the number format it computes in.

        Raises:
            InputError: the folder lacks the encoder's weights.
            UsageError: the architecture lacks what the settings ask for.
        """
        config = cls.own_config(config)
        cls.check(config, settings)
        model = cls.load_module(config, source, settings.revision)
        return cls(model, cls.load_processor(config, source, settings), settings, device, precision)

    @classmethod
    def own_config(cls, config: Any) -> Any:
        """The encoder's own configuration out of the whole model's."""
        return config

    @classmethod
    @abstractmethod
    def module(cls, config: Any) -> Any:
        """The class of transformers that holds the encoder alone."""

    @classmethod
    @abstractmethod
    def load_module(cls, config: Any, source: str, revision: str) -> nn.Module:
        """The encoder with its weights, in fp32."""

    @classmethod
    @abstractmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """What prepares media for it; without one in the folder, the architecture's usual one."""

    @classmethod
    @abstractmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse settings that this architecture cannot fulfil.

        Raises:
            UsageError: naming the setting.
        """

    @staticmethod
    @abstractmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """A list of media (PIL images or waveforms) as the model's input, exactly as transformers prepares it."""

    @staticmethod
    @abstractmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """The features of prepared media, in the model's number format, on its device.

        Raises:
            UsageError: the encoder has no such layer.
        """

    @staticmethod
    def token_count(config: Any, settings: EncoderSettings, medium: Tensor) -> int | None:
        """Tokens that `select` will make of one prepared medium; None where every medium has as many."""
        return None

    @abstractmethod
    def null_input(self) -> Prepared:
        """The prepared form of nothing: one input of zeros."""

    @abstractmethod
    def preprocessing(self) -> dict[str, Any]:
        """The settings of the processor that change what the model sees."""

    @property
    def device(self) -> torch.device:
        """Where the encoder runs."""
        return next(self.model.parameters()).device

    def prepare(self, media: list[Any]) -> Prepared:
        """A list of media (PIL images or waveforms) as `encode` takes them."""
        return self.prepared(self.processor, media)

    @torch.inference_mode()
    def encode(self, prepared: Prepared) -> Features:
        """Features of what `prepare` returned. On a GPU the work may still be running when this returns.

        Args:
            prepared: model input.

        Returns:
            (n, tokens, channels), or a list of (tokens, channels); fp32, on the encoder's device.

        Raises:
            ResourceError: the device has too little memory for the batch.
        """
        try:
            with tf32_products(self.device, enabled=self.precision == "tf32"):
                features = self.select(self.model, self._on_device(prepared), self.settings)
            return features.float() if isinstance(features, Tensor) else [medium.float() for medium in features]
        except torch.OutOfMemoryError:
            raise ResourceError(
                f"{self.device} ran out of memory with {counted(len(prepared), 'input')}.", "Lower features.batch_size."
            ) from None

    def _on_device(self, prepared: Prepared) -> Prepared:
        target: Any = {"device": self.device, "dtype": PRECISIONS[self.precision], "non_blocking": True}
        return prepared.to(**target) if isinstance(prepared, Tensor) else [medium.to(**target) for medium in prepared]

    @cached_property
    def feature_shape(self) -> tuple[int, int]:
        """(tokens, channels) of one feature; the most tokens where their number varies."""
        tokens, channels = self.encode(self.null_input())[0].shape
        return tokens, channels

    def _fingerprint(self, model: nn.Module) -> dict[str, Any]:
        return {
            "model": "",
            "architecture": type(model).__name__,
            "weights": weights_hash(model),
            **chosen_outputs(self.settings),
            "preprocessing": self.preprocessing(),
            "precision": self.precision,
            "dtype": "fp16",
        }


def computed_precision(precision: str, device: str) -> str:
    """What `features.precision` comes to on this device: `auto` is TF32 on a GPU and fp32 on a CPU.

    TF32 keeps the range of fp32 and rounds what enters a product to 10 bits, so no encoder overflows, and the features,
    which are stored as fp16, keep a cosine of 0.9999 with those of fp32 (its rounding imitated on a CPU); bf16 with its
    7 bits does not in all encoders.
    A CPU has no TF32 and computes in fp32 instead.
    """
    if precision != "auto":
        return precision
    on_gpu = torch.cuda.is_available() if device == "auto" else torch.device(device).type == "cuda"
    return "tf32" if on_gpu else "fp32"


@contextmanager
def tf32_products(device: torch.device, *, enabled: bool) -> Iterator[None]:
    """Have a GPU round to TF32 in products and convolutions of fp32, or not at all, for the duration of the block.

    By default torch does so in convolutions alone.
    """
    if device.type != "cuda":
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = enabled
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def chosen_outputs(settings: EncoderSettings) -> dict[str, Any]:
    """The part of a fingerprint that says which output of the encoder was taken."""
    default = EncoderSettings()
    taken = {name: getattr(settings, name) for name in _ALWAYS_IN_FINGERPRINTS}
    new = {name: getattr(settings, name) for name in WHEN_NOT_DEFAULT}
    if not isinstance(settings.layer, int):
        taken["layer"] = list(settings.layer)
    return taken | {name: value for name, value in new.items() if value != getattr(default, name)}


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
            "torch finds no CUDA device.", "Set the device to cpu or auto. `macaw doctor` shows details."
        )
    return torch.device(name)
