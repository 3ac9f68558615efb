"""Parts of the loop that go wrong silently: the seed of each pack."""

from macaw_cli.training.steps.step import pack_seed


def test_every_pack_of_every_step_has_its_own_seed():
    seeds = {pack_seed(seed, step, pack) for seed in range(3) for step in range(50) for pack in range(8)}
    assert len(seeds) == 3 * 50 * 8
    assert all(0 <= seed < 2**63 for seed in seeds)
