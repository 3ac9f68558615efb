"""Which number format an encoder computes in, and that TF32 is on for as long as it is asked for."""

import pytest
import torch

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.frozen import computed_precision, tf32_products
from macaw_cli.encoders.loading import load_image_encoder

GPU, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.mark.parametrize(
    ("asked", "device", "computed"),
    [("auto", "cpu", "fp32"), ("tf32", "cpu", "tf32"), ("auto", "auto", "tf32"), ("bf16", "cpu", "bf16"),
     ("auto", "cuda", "tf32"), ("fp32", "cuda", "fp32"), ("fp16", "cuda", "fp16")],
)  # fmt: skip
def test_a_precision_is_what_the_device_makes_of_it(monkeypatch, asked, device, computed):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert computed_precision(asked, device) == computed


@pytest.mark.parametrize("enabled", [True, False])
def test_tf32_is_on_or_off_inside_and_as_before_outside(enabled):
    def flags():
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    before = flags()
    with pytest.raises(ValueError, match="inside"), tf32_products(GPU, enabled=enabled):
        assert flags() == (enabled, enabled)
        raise ValueError("inside")
    assert flags() == before
    with tf32_products(CPU, enabled=enabled):
        assert flags() == before


def test_features_made_in_tf32_are_those_of_fp32_on_a_cpu_and_say_so(checkpoint):
    """A model trained on features of a GPU is used on a CPU."""
    source = checkpoint("clip")
    plain, rounded = (load_image_encoder(EncoderSettings(), source, "cpu", name) for name in ("fp32", "tf32"))
    nothing = plain.null_input()
    assert torch.equal(plain.encode(nothing), rounded.encode(nothing))
    assert (plain.fingerprint["precision"], rounded.fingerprint["precision"]) == ("fp32", "tf32")
