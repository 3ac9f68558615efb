"""What the encoders of images of one size share: preparation, and what their settings may ask for."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.byte_table import byte_table, look_up, look_up_on_device
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.image_processors import (
    geometry_of,
    load_image_processor,
    output_size,
    resized,
    what_the_model_sees,
)
from macaw_cli.encoders.pretrained import load_weights
from macaw_cli.encoders.selection import Prepared, refuse, wanted_layers


class ImageEncoder(FrozenEncoder):
    """Images to (tokens, channels); tensors are (n, 3, H, W) or, not yet normalised, uint8 (n, H, W, 3)."""

    section = "image_encoder"
    has_class_token: ClassVar[bool] = True
    one_size: ClassVar[bool] = True
    """Whether position embeddings are interpolated only when `image_size` asks for it."""
    has_head: ClassVar[bool] = False
    """Whether the tower ends in an attention pooling of its own, which `pool: head` takes."""

    def __init__(
        self, model: nn.Module, processor: Any, settings: EncoderSettings, device: Any, precision: str
    ) -> None:
        super().__init__(model, processor, settings, device, precision)
        self._require_size_that_fits(model.config)
        rows, _, columns = settings.pool.partition("x")
        grid = self.grid
        if columns and grid and (int(rows) > grid[0] or int(columns) > grid[1]):
            expected = f"at most {grid[0]}x{grid[1]}, its grid of patches"
            refuse(self.section, "pool", expected, settings.pool)

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of patch tokens; None where each image has its own."""
        config: Any = self.model.config
        size = output_size(self.processor)
        side = self.one_side(config.patch_size)
        return (size[0] // side, size[1] // side) if size else None

    @staticmethod
    def one_side(size: Any) -> int:
        """Pixels of one side of a square size in a configuration: a number, or the two sides."""
        return int(size if isinstance(size, int) else size[0])

    @classmethod
    def load_module(cls, config: Any, source: str, revision: str) -> nn.Module:
        """The tower alone, out of its own folder or that of the whole model."""
        loaded: nn.Module = load_weights(cls.module(config), source, revision, config=config)
        return loaded

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's image processor, for images of `settings.image_size` where that is set."""
        processor = load_image_processor(source, settings.revision) or cls.usual_processor(config)
        return resized(processor, settings.image_size) if settings.image_size else processor

    @classmethod
    def usual_processor(cls, config: Any) -> Any:
        """For a folder without processor files: what the published checkpoints use, at the tower's size."""
        raise NotImplementedError

    @classmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse settings that this architecture cannot fulfil.

        Raises:
            UsageError: naming the setting.
        """
        kind, pool = config.model_type, settings.pool
        if settings.cls != "drop" and not cls.has_class_token:
            refuse(cls.section, "cls", f"drop, because {kind} has no class token", settings.cls)
        if pool.isdigit():
            refuse(cls.section, "pool", "mean or rows x columns such as 14x14", pool)
        if pool and settings.cls == "only":
            refuse(cls.section, "pool", "no value, because the class token alone is one token already", pool)
        if pool == "head" and not cls.has_head:
            refuse(cls.section, "pool", "mean or a grid such as 14x14 (or cls: only)", pool)
        if pool == "head" and wanted_layers(settings) != (-1,):
            refuse(cls.section, "layer", "-1, because the pooling head reads the last layer", settings.layer)
        if settings.image_size and settings.image_size % cls.one_side(config.patch_size):
            expected = f"a multiple of the patch size {cls.one_side(config.patch_size)}"
            refuse(cls.section, "image_size", expected, settings.image_size)

    @staticmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """PIL images of any size as (n, 3, H, W)."""
        made: Tensor = processor(images=media, return_tensors="pt")["pixel_values"]
        return made

    @cached_property
    def geometry(self) -> dict[str, Any] | None:
        """How images may be resized and cropped elsewhere before `prepare_fitted`; None when they may not."""
        return geometry_of(self.processor)

    def prepare_fitted(self, images: np.ndarray) -> Tensor:
        """Images that were resized and cropped by `geometry`: uint8 (n, H, W, 3), as `encode` takes them.

        They travel to the device as bytes and are normalised there, with the result of `prepare`.
        """
        pixels = torch.from_numpy(np.require(images, requirements="W"))  # torch warns of what it may not write
        return pixels.pin_memory() if self.device.type == "cuda" else pixels

    def normalised(self, pixels: Tensor) -> Tensor:
        """uint8 (n, H, W, 3) as fp32 (n, 3, H, W): what the processor makes of every byte, by table."""
        if pixels.device.type == "cpu":
            return torch.from_numpy(look_up(self._table, pixels.numpy()))
        return look_up_on_device(self._table_on_device, pixels)

    def null_input(self) -> Prepared:
        """(1, 3, H, W) zeros."""
        size = output_size(self.processor)
        assert size is not None, "refused when it was loaded"
        return torch.zeros(1, 3, *size)

    def preprocessing(self) -> dict[str, Any]:
        """Resizing, cropping and normalising."""
        return what_the_model_sees(self.processor)

    def _require_size_that_fits(self, config: Any) -> None:
        """Refuse a processor that makes images which the tower cannot take.

        Raises:
            UsageError: of many sizes, or of another one than the tower's while the settings name none.
        """
        size, own = output_size(self.processor), self.one_side(config.image_size)
        if size is None:
            refuse(self.section, "image_size", f"a size such as {own}, because its image processor names none", "null")
        if self.settings.image_size is None and self.one_size and size != (own, own):
            expected = f"{size[0]}, the size that its image processor makes, but its vision tower takes {own}"
            refuse(self.section, "image_size", expected, "null")

    def _on_device(self, prepared: Prepared) -> Prepared:
        if isinstance(prepared, Tensor) and prepared.dtype == torch.uint8:
            prepared = self.normalised(prepared.to(self.device, non_blocking=True))
        return super()._on_device(prepared)

    @cached_property
    def _table(self) -> np.ndarray:
        return byte_table(self.processor)

    @cached_property
    def _table_on_device(self) -> Tensor:
        return torch.from_numpy(self._table).to(self.device)
