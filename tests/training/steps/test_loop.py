"""Parts of the loop that go wrong silently: the seed of each sequence."""

from macaw_cli.training.steps.step import sequence_seed


def test_every_pack_of_every_step_has_its_own_seed():
    seeds = {sequence_seed(seed, step, sequence) for seed in range(3) for step in range(50) for sequence in range(8)}
    assert len(seeds) == 3 * 50 * 8
    assert all(0 <= seed < 2**63 for seed in seeds)
