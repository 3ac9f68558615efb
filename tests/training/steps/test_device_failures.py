"""Real failures of torch, turned into messages that name a setting."""

import pytest
import torch

from macaw_cli.basics.errors import ResourceError, UsageError
from macaw_cli.training.steps.device_failures import device_failures_are_told


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def test_an_operation_that_cannot_repeat_is_named_with_the_setting(deterministic):
    with pytest.raises(UsageError, match=r"training\.deterministic=true.*put_") as told, device_failures_are_told():
        torch.zeros(3).put_(torch.tensor([1, 1]), torch.ones(2))
    assert "training.deterministic=false" in told.value.hint


def test_full_memory_is_told_with_what_was_done_and_what_to_lower():
    with (
        pytest.raises(ResourceError, match=r"2\.00") as told,
        device_failures_are_told("Lower evaluation.batch_size.", "validation"),
    ):
        raise torch.OutOfMemoryError("Tried to allocate 2.00 GiB.\nSee the documentation")
    assert told.value.hint == "Lower evaluation.batch_size."


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shape"), device_failures_are_told():
        torch.zeros(3).view(2, 2)
