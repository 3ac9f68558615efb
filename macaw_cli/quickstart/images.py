"""Drawing of one coloured shape on a grey ground: the world's images and the frames of its videos."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from macaw_cli.quickstart.attributes import ImageContent

SIZE = 64
"""Width and height of every image and frame, in pixels."""
OVERSAMPLING = 3
CENTRES = {"left": (14, 32), "right": (50, 32), "top": (32, 14), "bottom": (32, 50), "middle": (32, 32)}
PLACE_JITTER = 4.0
RGB = {"red": (215, 35, 35), "green": (35, 165, 50), "blue": (40, 70, 225), "yellow": (230, 205, 40),
       "purple": (150, 50, 185), "white": (240, 240, 240)}


def _star_polygon(points: int, inner: float) -> list[tuple[float, float]]:
    corners = []
    for number in range(2 * points):
        radius = 1.15 if number % 2 == 0 else inner
        angle = math.pi * number / points - math.pi / 2
        corners.append((radius * math.cos(angle), radius * math.sin(angle)))
    return corners


def _regular_polygon(corners: int, radius: float, start: float) -> list[tuple[float, float]]:
    angles = [start + 2 * math.pi * number / corners for number in range(corners)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


_ARM = 0.34
POLYGONS = {
    "circle": _regular_polygon(40, 0.95, 0.0),
    "square": _regular_polygon(4, 1.2, math.pi / 4),
    "triangle": _regular_polygon(3, 1.2, -math.pi / 2),
    "cross": [(-_ARM, -1.1), (_ARM, -1.1), (_ARM, -_ARM), (1.1, -_ARM), (1.1, _ARM), (_ARM, _ARM),
              (_ARM, 1.1), (-_ARM, 1.1), (-_ARM, _ARM), (-1.1, _ARM), (-1.1, -_ARM), (-_ARM, -_ARM)],
    "star": _star_polygon(5, 0.48),
}


@dataclass(frozen=True)
class Look:
    """What differs between two images of the same thing; a video keeps one look for all its frames."""

    radius: float
    rotation: float
    paint: tuple[int, int, int]
    ground: tuple[int, int, int]
    slope: tuple[float, float]
    grain: float


def random_look(rgb: tuple[int, int, int], rng: np.random.Generator) -> Look:
    """Size, rotation, exact paint (near `rgb`), ground and grain of an image, at random."""
    shade = rng.uniform(15, 95)
    paint = np.clip(np.array(rgb) + rng.uniform(-14, 14, 3), 0, 255)
    ground = np.clip(shade + rng.uniform(-6, 6, 3), 0, 255)
    return Look(
        radius=float(rng.uniform(10.5, 13.5)), rotation=float(rng.uniform(-0.3, 0.3)),
        paint=_rgb(paint), ground=_rgb(ground),
        slope=(float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.3, 0.3))), grain=float(rng.uniform(0, 6)),
    )


def _rgb(values: np.ndarray) -> tuple[int, int, int]:
    return int(values[0]), int(values[1]), int(values[2])


def draw(shape: str, centre: tuple[float, float], look: Look, rng: np.random.Generator) -> Image.Image:
    """Draw `shape` with its middle at `centre` (x, y in pixels from the left top); the grain comes from `rng`.

    Returns:
        An RGB image of SIZE x SIZE pixels.
    """
    canvas = Image.new("RGB", (SIZE * OVERSAMPLING, SIZE * OVERSAMPLING), look.ground)
    cos, sin = math.cos(look.rotation), math.sin(look.rotation)
    corners = [
        (OVERSAMPLING * (centre[0] + look.radius * (x * cos - y * sin)),
         OVERSAMPLING * (centre[1] + look.radius * (x * sin + y * cos)))
        for x, y in POLYGONS[shape]
    ]
    ImageDraw.Draw(canvas).polygon(corners, fill=look.paint)
    pixels = np.asarray(canvas.reduce(OVERSAMPLING), dtype=np.float32)
    ramp = np.arange(SIZE, dtype=np.float32) - SIZE / 2
    light = ramp[None, :, None] * look.slope[0] + ramp[:, None, None] * look.slope[1]
    grain = rng.standard_normal((SIZE, SIZE, 1), dtype=np.float32) * look.grain
    return Image.fromarray(np.clip(pixels + light + grain, 0, 255).astype(np.uint8))


def draw_image(image: ImageContent, rng: np.random.Generator) -> Image.Image:
    """An image of `image`, everything that it leaves open at random.

    Returns:
        An RGB image of SIZE x SIZE pixels.
    """
    return draw(image.shape, random_centre(image.place, rng), random_look(RGB[image.colour], rng), rng)


def random_centre(place: str, rng: np.random.Generator) -> tuple[float, float]:
    """Where exactly, in pixels from the left top, the middle of a shape at `place` lies."""
    x, y = CENTRES[place]
    return x + float(rng.uniform(-PLACE_JITTER, PLACE_JITTER)), y + float(rng.uniform(-PLACE_JITTER, PLACE_JITTER))
