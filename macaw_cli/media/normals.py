"""Maps of surface normals as an image encoder sees them: x, y and z as red, green and blue."""

from pathlib import Path

import numpy as np
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.images import MAX_PIXELS, fit_image, load_image
from macaw_cli.media.number_tables import load_npy


def decode_normal(request: Request) -> Decoded:
    """The decoder of normal maps: (H, W, 3) uint8, resized and cropped as the request says.

    PNG files are taken as they are: the usual colours, (n + 1) / 2 of each coordinate. `.npy` files hold the normals
    themselves, (H, W, 3) from -1 to 1; they are brought to length 1.

    Raises:
        InputError: the file cannot be read, or has another shape.
    """
    path, limits = Path(request["path"]), request.get("limits")
    if path.suffix.lower() == ".npy":
        image = Image.fromarray(_coloured(path))
    else:
        image = load_image(path, limits["pixels"] if limits else MAX_PIXELS)
    geometry = request.get("geometry")
    size = [image.width, image.height]
    return {"size": size}, {request["modality"]: np.asarray(fit_image(image, geometry) if geometry else image)}


def _coloured(path: Path) -> np.ndarray:
    normals = load_npy(path)
    if normals.ndim != 3 or normals.shape[2] != 3 or not normals.size:
        raise InputError(f"{path} has the shape {normals.shape}; normals have (height, width, 3).")
    normals = np.nan_to_num(normals, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(normals, axis=2, keepdims=True)
    unit = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    coloured: np.ndarray = np.rint((unit + 1) * 127.5).astype(np.uint8)
    return coloured
