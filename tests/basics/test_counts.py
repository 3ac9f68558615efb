import pytest

from macaw_cli.basics.counts import counted


@pytest.mark.parametrize(
    ("number", "words", "told"),
    [
        (0, ["shard"], "0 shards"), (1, ["shard"], "1 shard"), (12000, ["file"], "12,000 files"),
        (1, ["process", "processes"], "1 process"), (2, ["process", "processes"], "2 processes"),
    ],
)  # fmt: skip
def test_one_thing_is_singular(number, words, told):
    assert counted(number, *words) == told
