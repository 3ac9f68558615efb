"""An image processor that makes the same pixels of a whole image, and has no tiles to count."""

from typing import Any

_KEPT = (
    "do_resize", "size", "resample", "do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std",
    "do_convert_rgb",
)  # fmt: skip


def whole_images(processor: Any) -> Any:
    """The same resizing and normalising as an image processor of transformers; one that crops or splits no image.

    Args:
        processor: an image processor that resizes to one size, and may know tiles.
    """
    from transformers import BlipImageProcessorPil

    made = processor.to_dict()
    return BlipImageProcessorPil(**{name: made[name] for name in _KEPT if made.get(name) is not None})
