"""How many conversations of each source and kind are used."""

import numpy as np
import pytest
from fake_store import question, write_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.mixing import in_proportion, within_quotas, within_shares
from macaw_cli.dataset.source_specs import parse_sources
from macaw_cli.shards.training_dataset import TrainingDataset


def columns(sizes, seed=0):
    of = np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)
    draws = np.random.default_rng(seed).integers(0, 2**63, len(of), dtype=np.uint64)
    return of, draws


def counts(of, kept, sources):
    return np.bincount(of[kept], minlength=sources).tolist()


def test_a_share_is_taken_of_each_source_that_has_one():
    of, draws = columns([100, 40, 10])
    assert counts(of, within_shares(of, draws, [0.3, None, 0.5]), 3) == [30, 40, 5]


def test_a_larger_share_keeps_what_a_smaller_one_takes():
    of, draws = columns([100])
    small, large = (within_shares(of, draws, [share]) for share in (0.2, 0.6))
    assert not (small & ~large).any()
    assert (small != within_shares(*columns([100], seed=1), [0.2])).any()


def test_a_quota_bounds_its_kind_alone():
    kinds, draws = columns([50, 5, 20])
    everything = np.ones(75, bool)
    assert counts(kinds, within_quotas(kinds, draws, everything, {0: 8, 1: 9}), 3) == [8, 5, 20]
    assert everything.all()


@pytest.mark.parametrize(("how", "expected"), [("sqrt", [200, 100, 400]), ("equal", [100, 100, 100]),
                                               ("all", [400, 100, 1600])])  # fmt: skip
def test_sizes_follow_from_each_other(how, expected):
    of, draws = columns([400, 100, 1600])
    assert counts(of, in_proportion(of, draws, np.ones(len(of), bool), how), 3) == expected


@settings(max_examples=50)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.sampled_from(["sqrt", "equal", "all"]))
def test_of_the_smallest_source_all_is_used_and_of_no_source_more_than_there_is(sizes, how):
    of, draws = columns(sizes)
    found = counts(of, in_proportion(of, draws, np.ones(len(of), bool), how), len(sizes))
    assert all(one <= size for one, size in zip(found, sizes, strict=True))
    present = [size for size in sizes if size]
    assert not present or min(one for one in found if one) == min(present)


def test_a_build_takes_shares_quotas_and_proportions(tmp_path, store, build):
    write_rows(tmp_path / "a.jsonl", [question(f"images/{n % 12}.png", id=f"a{n}") for n in range(40)])
    write_rows(tmp_path / "b.jsonl", [question(f"audio/{n % 4}.wav", "audio", id=f"b{n}") for n in range(10)])
    both = ("jsonl:a.jsonl", "jsonl:b.jsonl")

    def taken(*sources, **more):
        info = build(*sources, val_fraction=0.0, **more).info
        assert len(TrainingDataset(tmp_path / "dataset")) == sum(source["train"] for source in info["sources"])
        assert sum(info["filters"].values()) == 0
        return [source["train"] for source in info["sources"]]

    assert taken("jsonl:a.jsonl#50%", "jsonl:b.jsonl") == [20, 10]
    assert taken(*both, mix="sqrt") == [20, 10]
    assert taken(*both, kinds={"image/what": 7}) == [7, 10]
    assert taken("jsonl:a.jsonl#60+", "jsonl:b.jsonl", mix="equal") == [10, 10]
    assert build(*both, val_fraction=0.0, mix="sqrt").info["mix_settings"] == {"mix": "sqrt", "kinds": {}}
    assert "mix_settings" not in build(*both, val_fraction=0.0).info


def test_a_quota_for_a_kind_that_nothing_has_is_told_with_those_that_are(tmp_path, store, build):
    write_rows(tmp_path / "a.jsonl", [question("images/0.png")])
    with pytest.raises(InputError, match="image/what"):
        build("jsonl:a.jsonl", kinds={"image/wat": 7})


@pytest.mark.parametrize("spec", ["jsonl:a.jsonl#0%", "jsonl:a.jsonl#101%", "jsonl:a.jsonl#3%+"])
def test_a_share_that_is_none_is_told(tmp_path, spec):
    with pytest.raises(UsageError):
        parse_sources([spec], Workspace(tmp_path, Settings()))
