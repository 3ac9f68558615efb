"""Every kind of image as a person sees it, and every kind of damage with its reason."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.images import load_image

COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], np.uint8)


def corners(image):
    """The colours of the four quarters, rounded: codecs are lossy."""
    width, height = image.size
    places = [(width // 4, height // 4), (3 * width // 4, height // 4),
              (width // 4, 3 * height // 4), (3 * width // 4, 3 * height // 4)]  # fmt: skip
    return (np.array([image.getpixel(place) for place in places]).reshape(2, 2, 3) > 127) * 255


def quarters(height=32, width=48):
    return Image.fromarray(COLOURS.repeat(height // 2, axis=0).repeat(width // 2, axis=1))


def sixteen_bit_png(path, pixels):
    """PIL writes no 16-bit colour: (H, W, C) uint16, C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff", "jp2", "avif", "ppm"])
def test_an_image_of_every_format_has_its_colours(tmp_path, suffix):
    quarters().save(tmp_path / f"a.{suffix}")
    image = load_image(tmp_path / f"a.{suffix}")
    assert image.mode == "RGB" and image.size == (48, 32)
    np.testing.assert_array_equal(corners(image), COLOURS)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_compressed_tiff_and_progressive_jpeg(tmp_path, compression):
    quarters().save(tmp_path / "a.tiff", compression=compression)
    quarters().save(tmp_path / "a.jpg", progressive=True)
    np.testing.assert_array_equal(corners(load_image(tmp_path / "a.tiff")), COLOURS)
    np.testing.assert_array_equal(corners(load_image(tmp_path / "a.jpg")), COLOURS)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_come_out_upright(tmp_path, suffix, orientation):
    undo = [None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
            Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_270][orientation - 1]  # fmt: skip
    stored = quarters() if undo is None else quarters().transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a.{suffix}", exif=exif)
    image = load_image(tmp_path / f"a.{suffix}")
    assert image.size == (48, 32)
    np.testing.assert_array_equal(corners(image), COLOURS)


def test_cmyk_is_read_and_adobes_is_not_inverted(tmp_path):
    quarters().convert("CMYK").save(tmp_path / "adobe.jpg")  # PIL writes it inverted, with Adobe's marker
    content = (tmp_path / "adobe.jpg").read_bytes()
    assert b"Adobe" in content
    quarters().convert("CMYK").save(tmp_path / "plain.tiff")
    for name in ("adobe.jpg", "plain.tiff"):
        np.testing.assert_array_equal(corners(load_image(tmp_path / name)), COLOURS)


@pytest.mark.parametrize("level, expected", [(0, 0), (200, 1), (32768, 128), (65535, 255)])
def test_sixteen_bit_grey_is_scaled_by_its_range(tmp_path, level, expected):
    png = sixteen_bit_png(tmp_path / "a.png", np.full((4, 4, 1), level, np.uint16))
    Image.fromarray(np.full((4, 4), level, np.uint16)).save(tmp_path / "a.tiff")
    assert load_image(png).getpixel((0, 0)) == (expected,) * 3
    assert load_image(tmp_path / "a.tiff").getpixel((0, 0)) == (expected,) * 3


def test_sixteen_bit_colour_and_alpha(tmp_path):
    colour = sixteen_bit_png(tmp_path / "rgb.png", np.full((4, 4, 3), (65535, 32896, 0), np.uint16))
    clear = sixteen_bit_png(tmp_path / "rgba.png", np.full((4, 4, 4), (0, 0, 0, 0), np.uint16))
    solid = sixteen_bit_png(tmp_path / "la.png", np.full((4, 4, 2), (32896, 65535), np.uint16))
    assert load_image(colour).getpixel((0, 0)) == (255, 128, 0)
    assert load_image(clear).getpixel((0, 0)) == (255, 255, 255)
    assert load_image(solid).getpixel((0, 0)) == (128, 128, 128)


def test_floats_and_long_integers(tmp_path):
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "float.tiff")
    Image.fromarray(np.full((4, 4), 40000, np.int32)).save(tmp_path / "long.tiff")
    assert load_image(tmp_path / "float.tiff").getpixel((0, 0)) == (128, 128, 128)
    assert load_image(tmp_path / "long.tiff").getpixel((0, 0)) == (156, 156, 156)


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "gif", "avif"])
def test_what_is_transparent_is_white(tmp_path, suffix):
    image = quarters().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 24, 16))
    image.save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    seen = corners(load_image(tmp_path / f"a.{suffix}"))
    assert seen[0, 0].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(seen[1], COLOURS[1])


def test_half_transparent_black_is_grey_and_a_transparent_colour_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 128)).save(tmp_path / "half.png")
    Image.new("LA", (4, 4), (0, 128)).save(tmp_path / "grey.png")
    Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / "key.png", transparency=(9, 9, 9))
    assert load_image(tmp_path / "half.png").getpixel((0, 0)) == (127, 127, 127)
    assert load_image(tmp_path / "grey.png").getpixel((0, 0)) == (127, 127, 127)
    assert load_image(tmp_path / "key.png").getpixel((0, 0)) == (255, 255, 255)


def test_palettes_with_and_without_transparency_and_single_bits(tmp_path):
    palette = quarters().quantize(4)
    palette.save(tmp_path / "p.png")
    palette.save(tmp_path / "p.bmp")
    palette.save(tmp_path / "t.png", transparency=palette.getpixel((0, 0)))
    stripes = Image.fromarray((np.arange(16)[None].repeat(8, axis=0) % 2 * 255).astype(np.uint8)).convert("1")
    for name in ("bits.png", "bits.bmp", "bits.tiff"):
        stripes.save(tmp_path / name)
        image = load_image(tmp_path / name)
        assert image.getpixel((0, 0)) == (0, 0, 0) and image.getpixel((1, 0)) == (255, 255, 255)
    np.testing.assert_array_equal(corners(load_image(tmp_path / "p.png")), COLOURS)
    np.testing.assert_array_equal(corners(load_image(tmp_path / "p.bmp")), COLOURS)
    assert corners(load_image(tmp_path / "t.png"))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_of_several_images_the_first_is_taken(tmp_path, suffix):
    others = [Image.new("RGB", (48, 32), colour) for colour in ("white", "black")]
    quarters().save(tmp_path / f"a.{suffix}", save_all=True, append_images=others)
    with Image.open(tmp_path / f"a.{suffix}") as image:
        assert image.n_frames == 3
    np.testing.assert_array_equal(corners(load_image(tmp_path / f"a.{suffix}")), COLOURS)


@pytest.mark.parametrize("real, named", [("png", "jpg"), ("jpg", "png"), ("webp", "gif"), ("gif", "tiff")])
def test_the_content_counts_not_the_name(tmp_path, real, named):
    quarters().save(tmp_path / f"a.{named}", format={"jpg": "jpeg"}.get(real, real))
    np.testing.assert_array_equal(corners(load_image(tmp_path / f"a.{named}")), COLOURS)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff", "avif", "jp2"])
def test_a_cut_image_is_told(tmp_path, suffix):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    noise.save(tmp_path / f"a.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    for share in (0.5, 0.9):
        (tmp_path / f"a.{suffix}").write_bytes(content[: int(len(content) * share)])
        with pytest.raises(InputError, match=rf"a\.{suffix} (cannot be decoded|is not an image)"):
            load_image(tmp_path / f"a.{suffix}")


def test_a_decompression_bomb_is_refused_before_it_unpacks(tmp_path):
    lines = zlib.compress(bytes(10))
    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    chunk = b"\0\0\0\rIHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    data = struct.pack(">I", len(lines)) + b"IDAT" + lines + struct.pack(">I", zlib.crc32(b"IDAT" + lines))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + data)
    with pytest.raises(InputError, match=r"would unpack to 900 megapixels, but the limit is 179"):
        load_image(tmp_path / "bomb.png")
