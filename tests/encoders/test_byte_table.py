"""The table gives what the processor gives, by numpy and by torch."""

import numpy as np
import pytest
import torch

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.byte_table import byte_table, look_up, look_up_on_device
from macaw_cli.encoders.loading import load_image_encoder


@pytest.mark.parametrize("kind", ["clip", "siglip", "dinov2"])
def test_both_ways_of_looking_up_give_what_the_processor_gives(checkpoint, kind):
    processor = load_image_encoder(EncoderSettings(), checkpoint(kind), "cpu").processor
    pixels = np.random.default_rng(0).integers(0, 256, (2, 19, 23, 3), np.uint8)
    given = processor(images=list(pixels), do_resize=False, do_center_crop=False, return_tensors="pt")["pixel_values"]
    table = byte_table(processor)
    assert torch.equal(torch.from_numpy(look_up(table, pixels)), given)
    assert torch.equal(look_up_on_device(torch.from_numpy(table), torch.from_numpy(pixels)), given)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_normalises_as_the_cpu_does(checkpoint):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    here, there = (load_image_encoder(EncoderSettings(), checkpoint("clip"), device) for device in ("cpu", "cuda"))
    prepared = there.prepare_fitted(pixels)
    assert prepared.is_pinned()
    assert torch.equal(there.normalised(prepared.cuda()).cpu(), here.normalised(here.prepare_fitted(pixels)))
    torch.testing.assert_close(
        there.encode(prepared).cpu(), here.encode(here.prepare_fitted(pixels)), rtol=1e-3, atol=1e-3
    )  # fp32 on a GPU as well: no convolution rounds to TF32
