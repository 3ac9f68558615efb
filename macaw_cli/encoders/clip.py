"""CLIP's vision tower as a frozen encoder of images and video frames."""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.selection import image_features
from macaw_cli.encoders.source import has_processor, load_weights

_SEEN_BY_THE_MODEL = (
    "do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale", "rescale_factor", "do_normalize",
    "image_mean", "image_std",
)  # fmt: skip


class ClipEncoder(FrozenEncoder):
    """Images to (tokens, channels) by `CLIPVisionModelWithProjection`."""

    @classmethod
    def load(cls, config: Any, source: str, settings: EncoderSettings, device: Any, precision: str) -> "ClipEncoder":
        """Load the vision tower from a tower's or a whole CLIP's folder.

        Raises:
            InputError: the folder lacks the tower's weights.
        """
        from transformers import CLIPVisionModelWithProjection

        if config.model_type == "clip":  # the whole model: only the outer configuration knows the projection's width
            config.vision_config.projection_dim = config.projection_dim
            config = config.vision_config
        model = load_weights(CLIPVisionModelWithProjection, source, settings.revision, config=config)
        return cls(model, _processor(config, source, settings.revision), settings, device, precision)

    def prepare(self, media: list[Any]) -> Tensor:
        """PIL images of any size as (n, 3, H, W)."""
        prepared: Tensor = self.processor(images=media, return_tensors="pt")["pixel_values"]
        return prepared

    def prepare_fitted(self, images: np.ndarray) -> Tensor:
        """Images that were resized and cropped already: uint8 (n, H, W, 3) as (n, 3, H, W), equal to `prepare`."""
        planes = [np.take(self._table[channel], images[..., channel]) for channel in range(3)]
        return torch.from_numpy(np.stack(planes, axis=1))

    @cached_property
    def geometry(self) -> dict[str, Any] | None:
        """How the processor resizes and crops, for `media.images.fit_image`; None when only the processor can do it."""
        made = self.preprocessing()
        size, crop = made.get("size", {}), made.get("crop_size") if made.get("do_center_crop") else None
        if not made.get("do_resize") or set(size) not in ({"shortest_edge"}, {"height", "width"}):
            return None
        smallest = size.get("shortest_edge") or min(size["height"], size["width"])
        if crop is None or max(crop.values()) > smallest:  # the first: pictures of many sizes; the second: padding
            return None
        return {"size": size, "resample": made["resample"], "crop": crop}

    @cached_property
    def _table(self) -> np.ndarray:
        """(3, 256) fp32: what the processor makes of every byte; a byte has no other way to go."""
        ramp = Image.merge("RGB", [Image.frombytes("L", (256, 1), bytes(range(256)))] * 3)
        made = self.processor(images=[ramp], do_resize=False, do_center_crop=False, return_tensors="np")
        table: np.ndarray = np.ascontiguousarray(made["pixel_values"][0, :, 0], dtype=np.float32)
        return table

    def null_input(self) -> Tensor:
        """(1, 3, H, W) zeros."""
        config: Any = self.model.config
        return torch.zeros(1, 3, config.image_size, config.image_size)

    def features(self, prepared: Tensor) -> Tensor:
        """See `selection.image_features`."""
        return image_features(self.model, prepared, self.settings)

    def preprocessing(self) -> dict[str, Any]:
        """Resizing, cropping and normalising."""
        made = self.processor.to_dict()
        return {name: _plain(made[name]) for name in _SEEN_BY_THE_MODEL if made.get(name) is not None}


def _processor(config: Any, source: str, revision: str) -> Any:
    """The folder's image processor; without one, CLIP's own at the tower's size."""
    from transformers import CLIPImageProcessorPil  # by this name: the other one warns when torchvision is absent

    if has_processor(source, revision):
        return CLIPImageProcessorPil.from_pretrained(source, revision=revision or None)
    side = config.image_size
    return CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item for key, item in sorted(value.items()) if item is not None}
    if isinstance(value, list | tuple):
        return [float(item) for item in value]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
