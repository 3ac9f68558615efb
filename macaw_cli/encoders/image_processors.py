"""The image processors of transformers, always those that work on PIL images, and their sizes."""

from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_rows import FLAG, NUMBER, Fields, Kind, either, list_of, mapping_of, or_null
from macaw_cli.encoders.pretrained import load_preprocessor
from macaw_cli.encoders.source import has_processor

_SEEN_BY_THE_MODEL = (
    "do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale", "rescale_factor", "do_normalize",
    "image_mean", "image_std", "patch_size", "max_num_patches", "do_image_splitting", "max_image_size",
)  # fmt: skip

_PER_CHANNEL = either(NUMBER, list_of(NUMBER))
_PIXELS = Kind("pixels", int, range(1, 1 << 20).__contains__)
_SIZES = mapping_of(or_null(_PIXELS))
_FILTER = Kind("a filter of Pillow, 0 to 5", None, lambda value: isinstance(value, int) and value in range(6))
_SETTINGS = Fields(
    {},
    {"do_resize": FLAG, "do_center_crop": FLAG, "do_rescale": FLAG, "do_normalize": FLAG, "rescale_factor": NUMBER,
     "image_mean": _PER_CHANNEL, "image_std": _PER_CHANNEL, "size": _SIZES, "crop_size": _SIZES,
     "resample": or_null(_FILTER), "do_image_splitting": FLAG, "max_image_size": _SIZES,
     "patch_size": or_null(either(_PIXELS, _SIZES)), "max_num_patches": or_null(_PIXELS)},
)  # fmt: skip
"""What transformers takes as it stands, until an image is made with it."""


def load_image_processor(source: str, revision: str = "") -> Any | None:
    """The folder's image processor; None where it brings none.

    The PIL form by name, whether torchvision is there or not: the two forms round differently.

    Raises:
        InputError: it cannot be loaded, or has settings of other types.
    """
    from transformers import AutoImageProcessor

    if not has_processor(source, revision):
        return None
    processor = load_preprocessor(AutoImageProcessor, source, revision, backend="pil")
    made = {name: _as_in_json(value) for name, value in processor.to_dict().items()}
    if not _SETTINGS.holds(made):
        fault = _SETTINGS.fault(made, "")
        raise InputError(f"The image processor of {source} cannot be used: {fault}.", "Correct its settings file.")
    return processor


def what_the_model_sees(processor: Any) -> dict[str, Any]:
    """The processor's settings that change pixels, as JSON."""
    made = processor.to_dict()
    return {name: _plain(made[name]) for name in _SEEN_BY_THE_MODEL if made.get(name) is not None}


def resized(processor: Any, side: int) -> Any:
    """The same processor for images of `side` x `side` pixels; a margin that is cropped keeps its share."""
    if not getattr(processor, "do_center_crop", False):
        processor.do_resize = True
        processor.size = type(processor.size)(height=side, width=side)
        return processor
    factor = side / min(processor.crop_size.height, processor.crop_size.width)
    scaled = {name: round(value * factor) for name, value in _sides(processor.size).items()}
    processor.size = type(processor.size)(**scaled)
    processor.crop_size = type(processor.crop_size)(height=side, width=side)
    return processor


def geometry_of(processor: Any) -> dict[str, Any] | None:
    """How the processor resizes and crops, for `media.images.fit_image`; None when only the processor can do it."""
    made = what_the_model_sees(processor)
    size, crop = made.get("size", {}), made.get("crop_size") if made.get("do_center_crop") else None
    if not made.get("do_resize") or set(size) not in ({"shortest_edge"}, {"height", "width"}):
        return None
    smallest = size.get("shortest_edge") or min(size["height"], size["width"])
    if crop is None and "shortest_edge" in size:  # images of many sizes
        return None
    if crop is not None and max(crop.values()) > smallest:  # padding
        return None
    return {"size": size, "resample": made["resample"], "crop": crop}


def output_size(processor: Any) -> tuple[int, int] | None:
    """(height, width) of the images that the processor makes; None where they are of many sizes."""
    made = what_the_model_sees(processor)
    if square := made.get("max_image_size", {}).get("longest_edge"):  # of Idefics 3, where an image is not split
        return square, square
    last = made.get("crop_size") if made.get("do_center_crop") else made.get("size") if made.get("do_resize") else None
    if last and {"height", "width"} <= set(last):
        return last["height"], last["width"]
    return None


def _sides(size: Any) -> dict[str, int]:
    return {name: value for name in ("shortest_edge", "height", "width") if (value := getattr(size, name, None))}


def _as_in_json(value: Any) -> Any:
    return dict(value.items()) if hasattr(value, "items") else list(value) if isinstance(value, tuple) else value


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {key: item for key, item in sorted(value.items()) if item is not None}
    if isinstance(value, list | tuple):
        return [float(item) for item in value]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
