"""Read an image file as a person sees it: upright, eight bits, red, green and blue."""

import re
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.media import heif_images, png_texts
from macaw_cli.media.kinds import is_text
from macaw_cli.media.opening import IMAGE_FORMATS, open_image
from macaw_cli.media.size_limits import TooLarge

MAX_PIXELS = 178_956_970
"""Half a gigabyte as RGB; a small file that unpacks to more is taken for an attack on the memory."""


def load_image(path: Path | str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read the first image of a file as RGB: EXIF rotation applied, transparency on white, 16 bit scaled to 8.

    Args:
        path: the file.
        max_pixels: a larger image is not unpacked.

    Raises:
        TooLarge: it has more pixels.
        InputError: missing, no image, or cut.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL warns of odd metadata and large images; what matters is raised
            return _decoded(path, max_pixels)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except UnidentifiedImageError:
        raise _unidentified(path) from None
    except MemoryError:
        raise InputError(f"{path} needs more memory to decode than is available.") from None
    except Image.DecompressionBombError as error:
        raise _too_large(path, next(map(int, re.findall(r"\d+", str(error))), 0), max_pixels) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, ZeroDivisionError) as error:
        raise InputError(f"{path} cannot be decoded as an image: {str(error) or type(error).__name__}.") from None


def _decoded(path: Path, max_pixels: int) -> Image.Image:
    try:
        return _opened(path, max_pixels)
    except UnidentifiedImageError:
        if heif_images.is_heif(_head(path, heif_images.HEAD_BYTES)) and heif_images.register_plugin():
            return _opened(path, max_pixels)
        raise
    except ValueError:
        if _head(path, len(png_texts.SIGNATURE)) == png_texts.SIGNATURE:
            return _opened(path, max_pixels, png_texts.without_texts(path))
        raise


def _opened(path: Path, max_pixels: int, content: BinaryIO | None = None) -> Image.Image:
    with open_image(path, content) as image:
        _check_size(image, path, max_pixels)
        return _as_rgb(ImageOps.exif_transpose(image))


def _head(path: Path, size: int) -> bytes:
    with open_regular(path) as content:
        return content.read(size)


def fit_image(image: Image.Image, geometry: dict[str, Any]) -> Image.Image:
    """Resize and crop as an image processor of transformers would, before the image travels between processes.

    Args:
        image: RGB.
        geometry: `size` (`{"shortest_edge"}` or `{"height", "width"}`), `resample` (PIL's number) and `crop`
            (`{"height", "width"}`, not larger than the resized image, or None).
    """
    size, crop = geometry["size"], geometry["crop"]
    if "shortest_edge" in size:
        target = _by_shortest_edge(image.size, size["shortest_edge"])
    else:
        target = (size["width"], size["height"])
    image = image.resize(target, resample=geometry["resample"])
    if crop is None:
        return image
    left, top = (image.width - crop["width"]) // 2, (image.height - crop["height"]) // 2
    return image.crop((left, top, left + crop["width"], top + crop["height"]))


def _by_shortest_edge(size: tuple[int, int], edge: int) -> tuple[int, int]:
    width, height = size
    longest = int(edge * max(size) / min(size))
    return (edge, longest) if width <= height else (longest, edge)


def _check_size(image: Image.Image, path: Path, most: int) -> None:
    pixels = image.width * image.height
    if pixels > most:
        raise _too_large(path, pixels, most)


def _too_large(path: Path, pixels: int, most: int) -> TooLarge:
    problem = f"{path} would unpack to {pixels / 1e6:.0f} megapixels, but the limit is {most / 1e6:.0f}."
    return TooLarge(problem, "If the image is genuine, make it smaller with an image editor.")


def _as_rgb(image: Image.Image) -> Image.Image:
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """PIL would clip 16-bit and float grey values at 255: almost every image would be white.

    Sixteen bits are scaled by their whole range, also in a dark image. 32 bits and floats have no range that all
    programs agree on: what fits into 0 to 1 or into a byte is taken for that.
    """
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    largest = values.max(initial=0.0)
    sixteen = image.mode.startswith("I;16") or largest > 255
    scale = 255.0 if image.mode == "F" and largest <= 1.0 else 255.0 / 65535.0 if sixteen else 1.0
    return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))


def _unidentified(path: Path) -> InputError:
    if heif_images.is_heif(_head(path, heif_images.HEAD_BYTES)):
        return InputError(f"{path} cannot be decoded: {heif_images.WITHOUT_PLUGIN}.")
    return InputError(f"{path} is not an image: {_content(path)}.")


def _content(path: Path) -> str:
    if path.stat().st_size == 0:
        return "it is empty"
    return "it holds text" if is_text(path) else f"its content is none of {', '.join(IMAGE_FORMATS)}"
