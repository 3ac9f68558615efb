import numpy as np
import pytest
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.images import fit_image, load_image


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "gif", "webp", "jpg"])
def test_common_formats_come_out_as_rgb(tmp_path, suffix):
    Image.new("RGB", (20, 10), (200, 30, 60)).save(tmp_path / f"a.{suffix}")
    image = load_image(tmp_path / f"a.{suffix}")
    assert image.mode == "RGB" and image.size == (20, 10)
    np.testing.assert_allclose(np.asarray(image).mean(axis=(0, 1)), (200, 30, 60), atol=6)


def test_exif_rotation_is_applied(tmp_path):
    image = Image.new("RGB", (30, 10))
    image.paste((255, 0, 0), (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    image.save(tmp_path / "a.png", exif=exif)
    turned = load_image(tmp_path / "a.png")
    assert turned.size == (10, 30) and turned.getpixel((5, 5)) == (255, 0, 0)


def test_transparency_is_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(tmp_path / "b.png", transparency=1)
    assert load_image(tmp_path / "a.png").getpixel((0, 0)) == (255, 255, 255)
    assert load_image(tmp_path / "b.png").getpixel((0, 0)) == (255, 255, 255)


def test_palette_grey_and_cmyk_become_rgb(tmp_path):
    Image.new("RGB", (4, 4), (0, 128, 255)).quantize(4).save(tmp_path / "p.png")
    Image.new("L", (4, 4), 77).save(tmp_path / "l.png")
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "c.jpg")
    assert load_image(tmp_path / "p.png").getpixel((0, 0)) == (0, 128, 255)
    assert load_image(tmp_path / "l.png").getpixel((0, 0)) == (77, 77, 77)
    red, green, blue = load_image(tmp_path / "c.jpg").getpixel((0, 0))
    assert red > 200 and green < 60 and blue < 60


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, suffix):
    Image.fromarray(np.full((4, 4), 32768, np.uint16)).save(tmp_path / f"a.{suffix}")
    assert load_image(tmp_path / f"a.{suffix}").getpixel((0, 0)) == (128, 128, 128)


def test_a_text_file_named_jpg_is_told(tmp_path):
    (tmp_path / "a.jpg").write_text("I am no picture.")
    with pytest.raises(InputError, match="is no image: it holds text"):
        load_image(tmp_path / "a.jpg")


def test_empty_missing_and_cut_files_are_told(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:4000])
    with pytest.raises(InputError, match="it is empty"):
        load_image(tmp_path / "empty.png")
    with pytest.raises(InputError, match="There is no file"):
        load_image(tmp_path / "missing.png")
    with pytest.raises(InputError, match="cannot be decoded as an image"):
        load_image(tmp_path / "cut.png")


def test_a_decompression_bomb_is_refused(tmp_path):
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    with pytest.raises(InputError, match=r"refused|megapixels"):
        load_image(tmp_path / "bomb.png")


@pytest.mark.parametrize("size", [(70, 90), (301, 200), (64, 64), (33, 500)])
@pytest.mark.parametrize("wanted", [{"shortest_edge": 64}, {"height": 64, "width": 64}])
def test_fitting_equals_the_processor_of_transformers_bit_for_bit(size, wanted):
    from transformers import CLIPImageProcessorPil

    crop = {"height": 64, "width": 64}
    processor = CLIPImageProcessorPil(size=wanted, crop_size=crop)
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8))
    expected = processor(images=[image], do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
    fitted = fit_image(image, {"size": wanted, "resample": int(processor.resample), "crop": crop})
    np.testing.assert_array_equal(np.asarray(fitted), expected.transpose(1, 2, 0))
