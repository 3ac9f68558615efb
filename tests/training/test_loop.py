"""Parts of the loop that go wrong silently: the seed of each pack, and a loss that is no number."""

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.training.loop import pack_seed
from macaw_cli.training.run import train


def test_every_pack_of_every_step_has_its_own_seed():
    seeds = {pack_seed(seed, step, pack) for seed in range(3) for step in range(50) for pack in range(8)}
    assert len(seeds) == 3 * 50 * 8
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_loss_that_is_no_number_stops_with_advice_and_keeps_the_checkpoints(workspace):
    space = workspace(learning_rate=1e30, warmup_ratio=0.5, max_steps=10, max_gradient_norm=1e30, checkpoint_every=1)
    with pytest.raises(InputError, match=r"(loss|norm) became (nan|inf) at step \d+.*learning_rate"):
        train(space)
    assert list((space.root / "runs" / "linear-1" / "checkpoints").glob("step-*"))
