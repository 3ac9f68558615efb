"""Questions shared among processes: each batch is somebody's, and all have equally many."""

import pytest

from macaw_cli.evaluation.asking.sharing import own_share


@pytest.mark.parametrize("batches", [1, 4, 5, 6])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_batch_is_scored_and_all_processes_score_equally_many(monkeypatch, batches, count):
    shares = []
    for rank in range(count):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", str(count))
        shares.append(own_share([[number] for number in range(batches)]))
    assert len({len(share) for share in shares}) == 1
    assert sorted({number for share in shares for (number,) in share}) == list(range(batches))
