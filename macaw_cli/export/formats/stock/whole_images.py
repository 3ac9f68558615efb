"""An image processor that makes the same pixels of a whole image, and has no tiles to count."""

from typing import Any

_KEPT = (
    "do_resize", "size", "resample", "do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std",
    "do_convert_rgb",
)  # fmt: skip


def whole_images(processor: Any) -> Any:
    """The same resizing and normalising as an image processor of transformers; one that crops or splits no image.

    Args:
        processor: an image processor that resizes to one size, and may know tiles; one that knows none stays.
    """
    from transformers import BlipImageProcessorPil

    made = processor.to_dict()
    if "crop_to_patches" not in made:
        return processor
    return BlipImageProcessorPil(**{name: made[name] for name in _KEPT if made.get(name) is not None})
