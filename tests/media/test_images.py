import numpy as np
import pytest
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.images import fit_image, load_image


def test_a_text_file_named_jpg_is_told(tmp_path):
    (tmp_path / "a.jpg").write_text("I am no picture.")
    with pytest.raises(InputError, match="is not an image: it holds text"):
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
