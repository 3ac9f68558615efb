"""What a validation says when the questions need more memory than there is."""

import pytest
import torch

from macaw_cli.basics.errors import ResourceError
from macaw_cli.training.run import train
from macaw_cli.training.steps import validation


def test_a_validation_that_needs_too_much_memory_names_its_own_batch_size(workspace, monkeypatch):
    def too_large(*_args, **_options):
        raise torch.OutOfMemoryError("Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(validation, "quick_reliance", too_large)
    with pytest.raises(ResourceError, match=r"validation.*20\.00 GiB") as told:
        train(workspace(max_steps=1))
    assert "evaluation.batch_size" in told.value.hint
    assert "sequence_length" not in told.value.hint
