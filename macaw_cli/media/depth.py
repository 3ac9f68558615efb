"""Depth maps as an image encoder sees them: three equal channels, the near bright."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.images import MAX_PIXELS, fit_image
from macaw_cli.media.number_tables import load_npy
from macaw_cli.media.opening import open_image
from macaw_cli.media.size_limits import TooLarge

SPREAD = (1, 99)
"""Percentiles of the known depths that become white and black."""
PALETTES = ("P", "PA")


def decode_depth(request: Request) -> Decoded:
    """The decoder of depth maps: (H, W, 3) uint8, resized and cropped as the request says.

    Raises:
        InputError: the file cannot be read, is no map, or knows no depth.
    """
    path, limits = Path(request["path"]), request.get("limits")
    depths = read_map(path, limits["pixels"] if limits else MAX_PIXELS)
    image = Image.fromarray(np.repeat(rendered(path, depths)[:, :, None], 3, axis=2))
    geometry = request.get("geometry")
    size = [image.width, image.height]
    return {"size": size}, {request["modality"]: np.asarray(fit_image(image, geometry) if geometry else image)}


def read_map(path: Path, most_pixels: int) -> NDArray[np.float64]:
    """(H, W) of a PNG or TIFF with one channel of 8, 16 or 32 bits or a palette of greys, or an `.npy` file.

    Raises:
        TooLarge: it has too many pixels.
        InputError: it cannot be read, or has several channels.
    """
    if path.suffix.lower() == ".npy":
        values = load_npy(path)
        values = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    else:
        try:
            with open_image(path) as image:
                if image.width * image.height > most_pixels:
                    problem = f"{path} would unpack to {image.width * image.height / 1e6:.0f} megapixels"
                    raise TooLarge(f"{problem}, but the limit is {most_pixels / 1e6:.0f}.")
                plain = image.convert("RGB") if image.mode in PALETTES else image  # numbers of colours are no depths
                values = np.asarray(plain).astype(np.float64)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise InputError(f"{path} cannot be decoded as a depth map: {error}.") from None
        if values.ndim == 3 and (values == values[..., :1]).all():
            values = values[..., 0]
    if values.ndim != 2 or not values.size:
        raise InputError(f"{path} has the shape {values.shape}; a depth map has one channel, (height, width).")
    return values


def rendered(path: Path, depths: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(H, W) uint8: near depths bright, far ones dark, unknown ones (0, NaN, infinite) black.

    Linear between percentiles, as depth maps have different units and few very far points.
    """
    known = np.isfinite(depths) & (depths > 0)
    if not known.any():
        raise InputError(f"{path} holds no depth above 0.")
    near, far = np.percentile(depths[known], SPREAD)
    shares = (np.where(known, depths, far) - near) / ((far - near) or 1.0)
    light = np.rint(255 - 223 * np.clip(shares, 0, 1))
    return np.where(known, light, 0).astype(np.uint8)
