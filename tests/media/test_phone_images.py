"""Images as phones and image programs write them: HEIC, and PNGs with long texts."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from macaw_cli.basics.errors import InputError
from macaw_cli.media.heif_images import is_heif
from macaw_cli.media.images import load_image
from macaw_cli.media.kinds import modality_of, modality_of_name

STEPS = np.tile(np.arange(0, 256, 8, dtype=np.uint8)[:, None, None], (1, 48, 3))


def with_text(path, name, text, after_image=False):
    """A PNG with one more chunk."""
    Image.fromarray(STEPS).save(path)
    content = path.read_bytes()
    chunk = struct.pack(">I", len(text)) + name + text + struct.pack(">I", zlib.crc32(name + text))
    place = content.index(b"IEND") - 4 if after_image else 33
    path.write_bytes(content[:place] + chunk + content[place:])
    return path


@pytest.mark.parametrize("after_image", [False, True])
@pytest.mark.parametrize("name, text", [
    (b"tEXt", b"prompt\0" + b"x" * (2 << 20)),
    (b"zTXt", b"prompt\0\0" + zlib.compress(b"x" * (3 << 20))),
    (b"zTXt", b"prompt\0\0" + zlib.compress(b"x" * (80 << 20))),
    (b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(b"x" * (3 << 20))),
    (b"iCCP", b"profile\0\0" + zlib.compress(b"x" * (3 << 20))),
], ids=["tEXt", "zTXt", "long zTXt", "iTXt", "iCCP"])  # fmt: skip
def test_a_png_with_a_long_text_gives_its_image(tmp_path, name, text, after_image):
    image = load_image(with_text(tmp_path / "a.png", name, text, after_image))
    np.testing.assert_array_equal(np.asarray(image), STEPS)


def test_a_png_with_a_long_text_is_turned_as_it_says(tmp_path):
    exif, notes = Image.Exif(), PngInfo()
    exif[0x0112] = 6
    notes.add_text("prompt", "x" * (2 << 20), zip=True)
    Image.fromarray(STEPS).save(tmp_path / "a.png", exif=exif, pnginfo=notes)
    np.testing.assert_array_equal(np.asarray(load_image(tmp_path / "a.png")), np.rot90(STEPS, -1))


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"hevc", b"msf1"])
def test_heic_is_an_image_by_content_and_by_name(tmp_path, brand):
    (tmp_path / "IMG_0001.xyz").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(12))
    assert modality_of(tmp_path / "IMG_0001.xyz") == "image"
    assert {modality_of_name(f"IMG_0001.{suffix}") for suffix in ("HEIC", "heif", "hif")} == {"image"}
    assert not is_heif(b"\0\0\0\x18ftypisom")


def test_without_the_plugin_the_reason_names_the_extra(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    script = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from importlib.machinery import PathFinder\n"
        "found = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *rest: None if name == 'pillow_heif' else found(name, *rest)\n"
        "del sys.modules['pillow_heif']\n"
        "from macaw_cli.media.images import load_image\n"
        f"load_image({str(tmp_path / 'a.heic')!r})"
    )
    failed = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert "macaw-cli[heic]" in failed.stderr and "InputError" in failed.stderr


def test_a_heic_image_is_decoded_by_the_plugin(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(STEPS)).save(tmp_path / "a.heic", quality=-1)
    script = (
        "from macaw_cli.media.images import load_image; import numpy, sys\n"
        f"numpy.save({str(tmp_path / 'a.npy')!r}, numpy.asarray(load_image({str(tmp_path / 'a.heic')!r})))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert np.abs(np.load(tmp_path / "a.npy").astype(int) - STEPS).mean() < 3
    (tmp_path / "cut.heic").write_bytes((tmp_path / "a.heic").read_bytes()[:200])
    with pytest.raises(InputError, match=r"cut\.heic"):
        load_image(tmp_path / "cut.heic")
