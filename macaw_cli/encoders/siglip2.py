"""SigLIP 2 NaFlex: images of any proportions, so many patches each as fit."""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.image_processors import load_image_processor
from macaw_cli.encoders.selection import (
    Features,
    Prepared,
    Seen,
    finished,
    image_features,
    tower_states,
    wanted_layers,
)


class Siglip2Encoder(ImageEncoder):
    """Images to (patches, hidden size) by `Siglip2VisionModel`; the number of patches follows an image's proportions.

    A prepared image is (rows, columns, patch values), without the padding that transformers adds.
    """

    has_class_token = False
    has_head = True
    grid = None
    geometry = None  # only the processor knows how large an image becomes

    @classmethod
    def own_config(cls, config: Any) -> Any:
        """The tower's."""
        return getattr(config, "vision_config", config)

    @classmethod
    def module(cls, config: Any) -> Any:
        """`Siglip2VisionModel`."""
        from transformers import Siglip2VisionModel

        return Siglip2VisionModel

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's; `image_size` allows as many patches as a square image of that side has."""
        from transformers import Siglip2ImageProcessorPil

        usual = Siglip2ImageProcessorPil(patch_size=config.patch_size, max_num_patches=config.num_patches)
        processor = load_image_processor(source, settings.revision) or usual
        if settings.image_size:
            processor.max_num_patches = (settings.image_size // config.patch_size) ** 2
        return processor

    @staticmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """PIL images of any size, each as its grid of patches."""
        made = processor(images=media, return_tensors="pt")
        grids = made["spatial_shapes"].tolist()
        rows = zip(made["pixel_values"], grids, strict=True)
        return [patches[: height * width].unflatten(0, (height, width)) for patches, (height, width) in rows]

    @staticmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.image_features`, image by image; with `pool: head` the tower's own pooled output."""
        inputs = _padded(prepared)
        if settings.pool == "head":
            return finished([model(**inputs).pooler_output[:, None]], settings)
        states = tower_states(model, model.post_layernorm, settings, **inputs)
        features = []
        for number, image in enumerate(prepared):
            grid = (image.shape[0], image.shape[1])
            own = [state[number : number + 1, : grid[0] * grid[1]] for state in states]
            features.append(image_features(Seen(own, grid, 0, model.post_layernorm), settings)[0])
        return features

    @staticmethod
    def token_count(config: Any, settings: EncoderSettings, medium: Tensor) -> int:
        """Patches of a prepared image, or what they are pooled to; as many for every layer."""
        each = medium.shape[0] * medium.shape[1]
        if settings.pool:
            rows, _, columns = settings.pool.partition("x")
            each = int(rows) * int(columns) if columns else 1
        return each * len(wanted_layers(settings))

    @cached_property
    def feature_shape(self) -> tuple[int, int]:
        """(tokens, channels) of the image with the most patches."""
        most = torch.empty(1, self.processor.max_num_patches)
        channels = self.encode(self.null_input())[0].shape[-1]
        return self.token_count(self.model.config, self.settings, most), channels

    def _require_size_that_fits(self, config: Any) -> None:
        """Images of every size fit."""

    def null_input(self) -> Prepared:
        """One square grid of as many patches as an image may have, all zeros."""
        side = int(self.processor.max_num_patches**0.5)
        return [torch.zeros(side, side, 3 * self.processor.patch_size**2)]


def _padded(images: Prepared) -> dict[str, Tensor]:
    """Grids of patches as the model takes them: padded to the longest, masked."""
    flat = [image.flatten(0, 1) for image in images]
    counts = torch.tensor([len(patches) for patches in flat])
    mask = torch.arange(int(counts.max())) < counts[:, None]
    grids = torch.tensor([image.shape[:2] for image in images])
    where = flat[0].device
    return {
        "pixel_values": pad_sequence(flat, batch_first=True),
        "pixel_attention_mask": mask.int().to(where),
        "spatial_shapes": grids,  # read number by number: it stays on the CPU
    }
