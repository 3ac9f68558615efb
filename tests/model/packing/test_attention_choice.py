import pytest
import torch

from macaw_cli.model.packing.attention_choice import no_cudnn_attention


@pytest.mark.parametrize("before", [True, False])
def test_cudnns_attention_is_off_inside_and_as_before_outside_even_after_an_error(before):
    kept = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(before)
    try:
        with pytest.raises(ValueError, match="inside"), no_cudnn_attention():
            assert not torch.backends.cuda.cudnn_sdp_enabled()
            raise ValueError("inside")
        assert torch.backends.cuda.cudnn_sdp_enabled() == before
    finally:
        torch.backends.cuda.enable_cudnn_sdp(kept)
